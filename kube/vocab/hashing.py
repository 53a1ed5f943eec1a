"""A stable hash: the same on every machine and in every process, unlike `hash`."""

_OFFSET = 0xCBF29CE484222325
_PRIME = 0x100000001B3
_MASK = 0xFFFFFFFFFFFFFFFF


def fnv1a(text: str) -> int:
    """FNV-1a of the UTF-8 form of `text`, 64 bits."""
    value = _OFFSET
    for byte in text.encode():
        value = ((value ^ byte) * _PRIME) & _MASK
    return value
