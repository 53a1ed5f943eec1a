"""What is wrong with a configuration file, where, and what to write instead."""

Path = tuple[str | int, ...]
"""Keys and indices from the top of a document to a value."""


class RuleError(ValueError):
    """A part of the file that cannot be used.

    `path` leads to it from the rule (or whatever part was being read); the message starts with that
    path and ends in the remedy.
    """

    def __init__(self, problem: str, *path: str | int) -> None:
        super().__init__(f"{dotted(path)}: {problem}" if path else problem)
        self.path: Path = path


class ConfigurationError(ValueError):
    """The configuration cannot be used.

    `problems` has a complete line for each: file, line, what is wrong, the remedy. The message is
    the first of them and says how to see the others.
    """

    def __init__(self, source: str, *problems: str) -> None:
        self.problems = problems
        first, more = problems[0], len(problems) - 1
        rest = f" (and {more} more: `wpa-adapter check-config {source}` lists all)" if more else ""
        super().__init__(first + rest)


def dotted(path: Path) -> str:
    """`("a", 0, "b")` as `a[0].b`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
