"""YAML front matter: read to plain values with line numbers, and written back with its comments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from kb.model import Problem

MAX_CHARACTERS = 64 * 1024
_FENCE = "---"
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = {_TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq")}


@dataclass(frozen=True, slots=True)
class Source:
    """A file's text taken apart: the YAML between the fences (None without), the body, and the body's first line."""

    yaml: str | None
    body: str
    body_line: int


@dataclass(slots=True)
class FrontMatter:
    """What the YAML says: plain values, and the line of each key in the file.

    Numbers and dates stay the text the editor typed, so that `007` and `2026-01-31` lose nothing.
    """

    values: dict[str, object] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def split_source(text: str) -> Source | None:
    """The front matter and the body of a file; None when the front matter is never closed."""
    first, _, rest = text.partition("\n")
    if first.rstrip() != _FENCE:
        return Source(None, text, 1)
    lines = rest.split("\n")
    for number, line in enumerate(lines):
        if line.rstrip() == _FENCE:
            return Source("\n".join(lines[:number]) + "\n", "\n".join(lines[number + 1 :]), number + 3)
    return None


def read_front_matter(yaml: str, *, source: str) -> FrontMatter:
    """The values of a front matter that starts on line 2 of its file: text, lists and mappings, never objects."""
    found = FrontMatter()
    if len(yaml) > MAX_CHARACTERS:
        message = f"the front matter has {len(yaml)} characters, the limit is {MAX_CHARACTERS}; move text to the body"
        found.problems.append(Problem(source, 1, None, message))
        return found
    node = _compose(yaml, source, found)
    if isinstance(node, MappingNode):
        _Reader(source, found).top(node)
    elif node is not None:
        message = "the front matter must be a mapping, one `key: value` a line; a text must not stand alone"
        found.problems.append(Problem(source, _line(node), None, message))
    return found


def _compose(yaml: str, source: str, found: FrontMatter) -> Node | None:
    try:
        node: Node | None = YAML(typ="safe", pure=True).compose(yaml)
    except (YAMLError, RecursionError, ValueError) as error:
        found.problems.append(_syntax_problem(error, yaml, source))
        return None
    return node


def _syntax_problem(error: Exception, yaml: str, source: str) -> Problem:
    mark = (error.problem_mark or error.context_mark) if isinstance(error, MarkedYAMLError) else None
    reason = getattr(error, "problem", None) or str(error).partition("\n")[0]
    if mark is None:
        return Problem(source, 1, None, f"the front matter is not YAML: {reason}")
    typed = yaml.split("\n")[mark.line] if mark.line < yaml.count("\n") + 1 else ""
    if "\t" in typed:
        reason = "it holds a tab; indent with spaces"
    message = f"the front matter is not YAML: {reason} (found {typed.strip()[:80]!r})"
    return Problem(source, mark.line + 2, None, message)


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 2


class _Reader:
    """Turns YAML nodes into plain values and notes what an article may not use."""

    def __init__(self, source: str, found: FrontMatter) -> None:
        self._source, self._found = source, found

    def _refuse(self, node: Node, key: str | None, message: str) -> None:
        self._found.problems.append(Problem(self._source, _line(node), key, message))

    def top(self, node: MappingNode) -> None:
        if self._is_plain(node, None):
            self._found.values.update(self._mapping(node, None, self._found.lines))

    def _mapping(self, node: MappingNode, owner: str | None, lines: dict[str, int]) -> dict[str, object]:
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, ScalarNode) else None
            if key is None or not self._is_plain(key_node, owner):
                self._refuse(key_node, owner, "a key must be a plain text")
            elif key in values:
                self._refuse(key_node, owner or key, f"duplicate key `{key}`, first on line {lines[key]}; keep one")
            else:
                lines[key] = _line(key_node)
                values[key] = self._value(value_node, owner or key)
        return values

    def _value(self, node: Node, key: str) -> object:
        if not self._is_plain(node, key):
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, key, {})
        if isinstance(node, SequenceNode):
            return [self._value(item, key) for item in node.value]
        return _scalar(node)

    def _is_plain(self, node: Node, key: str | None) -> bool:
        if node.anchor is not None:
            self._refuse(node, key, f"anchors and aliases (`&{node.anchor}`) are refused; repeat the value")
        elif node.tag not in _PLAIN_TAGS:
            self._refuse(node, key, f"the tag `{node.tag}` is refused; write the plain value")
        else:
            return True
        return False


def _scalar(node: Node) -> object:
    if node.tag == _TAG + "null":
        return None
    if node.tag == _TAG + "bool":
        return str(node.value).lower() == "true"
    return str(node.value)


def render_front_matter(values: Mapping[str, object], *, original: str | None, unchanged: frozenset[str]) -> str:
    """YAML of the values; keys of `original` that are `unchanged` stay as typed, and its comments stay."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 2**30  # one line a value: a folded line makes a noisy diff
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = (yaml.load(original) if original else None) or CommentedMap()
    for key in [key for key in document if key not in values and key not in unchanged]:
        del document[key]
    for key, value in values.items():
        if key not in unchanged:
            document[key] = styled(value)
    stream = StringIO()
    if document:
        yaml.dump(document, stream)
    return stream.getvalue()


def styled(value: object) -> object:
    """A value as it is written best: texts of several lines as blocks, control characters escaped."""
    if isinstance(value, list):
        return [styled(item) for item in value]
    if isinstance(value, dict):
        return {styled(key): styled(item) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    if "\n" in value and _reads_well_as_block(value):
        return LiteralScalarString(value)
    return value if value.isprintable() else DoubleQuotedScalarString(value)


def _reads_well_as_block(value: str) -> bool:
    lines = value.split("\n")
    return all(line.isprintable() and line == line.strip() for line in lines) and bool(lines[0] and lines[-1])
