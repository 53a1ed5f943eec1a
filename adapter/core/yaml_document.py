"""YAML as Kubernetes tools read it, with the line of every value for messages."""

from collections.abc import Hashable
from typing import Any, Final

import yaml
from msgspec import Struct

from adapter.core.problems import Path

_MERGE: Final = "tag:yaml.org,2002:merge"
"""The tag of the key `<<`, which takes over the keys of another mapping."""


class YamlError(ValueError):
    """Text that is not usable YAML: what is wrong, and the line if it is known."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.line = line


class YamlDocument(Struct, frozen=True):
    """A document's value and where its parts are written."""

    value: Any
    lines: dict[Path, int]

    def line(self, path: Path) -> int:
        """The line of `path`, or of the nearest part above it that is written in the file."""
        for length in range(len(path), 0, -1):
            found = self.lines.get(path[:length])
            if found is not None:
                return found
        return 1


def read_yaml(text: str) -> YamlDocument:
    """The one document of `text`. Raises YamlError."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return YamlDocument(None, {})
        lines: dict[Path, int] = {}
        _mark(node, (), lines, set())
        return YamlDocument(loader.construct_document(node), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(filter(None, (error.context, error.problem)))
        raise YamlError(problem, None if mark is None else mark.line + 1) from error
    except yaml.YAMLError as error:
        raise YamlError(" ".join(str(error).split())) from error
    except RecursionError as error:
        raise YamlError("nested too deeply") from error
    except ValueError as error:
        # A scalar in the form of a date or number that is none, such as 2024-13-45.
        raise YamlError(str(error)) from error


def _mark(node: yaml.Node, path: Path, lines: dict[Path, int], seen: set[int]) -> None:
    """Note the lines below `node`. What an alias repeats is noted where it stands first."""
    lines[path] = node.start_mark.line + 1
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                inner = (*path, key.value)
                _mark(value, inner, lines, seen)
                lines[inner] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _mark(value, (*path, index), lines, seen)


class _Loader(yaml.SafeLoader):
    """A key given twice is an error, not a silent choice; so is a value that contains itself."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable):
                if key in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f'key "{key}" given twice', problem_mark=key_node.start_mark
                    )
                seen.add(key)
        return super().construct_mapping(node, deep)
