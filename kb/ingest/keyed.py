"""Some keys of a front matter changed: every other line stays as it was typed, its comments and its order too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import StringIO

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

from kb.errors import InputError
from kb.ingest.frontmatter import read_front_matter, render_front_matter, styled

_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?)?")


def with_keys(yaml: str, changes: Mapping[str, object]) -> str:
    """The YAML with new values of some keys; None takes a key out. Raises InputError where it cannot be read."""
    before = read_front_matter(yaml, source="front matter")
    if before.problems:
        raise InputError("\n".join(map(str, before.problems)))
    wanted = {key: value for key, value in {**before.values, **changes}.items() if key not in changes or _says(value)}
    made = yaml
    try:
        for key in changes:
            if before.values.get(key) != wanted.get(key) or (key in before.values) != (key in wanted):
                made = _with_key(made, key, wanted.get(key))
        if not _reads(made, wanted):
            kept = frozenset(before.values.keys() - changes.keys())
            made = render_front_matter(wanted, original=yaml, unchanged=kept)
    except (YAMLError, ValueError) as error:
        raise InputError(f"this cannot be written as YAML: {error}") from error
    if not _reads(made, wanted):
        raise InputError(f"{', '.join(changes)}: this cannot be written as YAML: type it into the file's text")
    return made


def _says(value: object) -> bool:
    return value is not None and value != "" and value != [] and value != {}


def _reads(yaml: str, wanted: Mapping[str, object]) -> bool:
    found = read_front_matter(yaml, source="")
    return not found.problems and found.values == wanted


def _with_key(yaml: str, key: str, value: object) -> str:
    """By lines; where the mapping stands in braces it comes out wrong, which the caller sees."""
    root = YAML(typ="safe", pure=True).compose(yaml)
    lines = yaml.split("\n")
    pairs = root.value if isinstance(root, MappingNode) else []
    place = next(((name, held) for name, held in pairs if name.value == key), None)
    if place is None:
        return yaml + "\n".join(_lines(key, value)) + "\n"
    name, held = place
    first, last = name.start_mark.line, _last_line(held, lines)
    new = _lines(key, value, flow=bool(getattr(held, "flow_style", False))) if value is not None else []
    if new and (comment := _comment_after(held, lines[last])):
        new[0] = f"{new[0]}  {comment}"
    return "\n".join([*lines[:first], *new, *lines[last + 1 :]])


def _lines(key: str, value: object, *, flow: bool = False) -> list[str]:
    """The lines that say it; a date without the quotes that YAML would not need here."""
    if isinstance(value, str) and _DATE.fullmatch(value):
        return [f"{key}: {value}"]
    yaml, stream = YAML(), StringIO()
    yaml.width = 2**30
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(CommentedMap({key: _typed(value, flow=flow)}), stream)
    return stream.getvalue().rstrip("\n").split("\n")


def _typed(value: object, *, flow: bool) -> object:
    if flow and isinstance(value, list) and all(isinstance(item, str) for item in value):
        row = CommentedSeq(styled(value))
        row.fa.set_flow_style()
        return row
    return styled(value)


def _last_line(node: Node, lines: list[str]) -> int:
    """The last line that is the node's own; comments below it are not."""
    if isinstance(node, CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last, lines)
    if isinstance(node, ScalarNode) and node.style in ("|", ">"):
        return _last_of_block(node, lines)
    return int(node.end_mark.line)


def _last_of_block(node: ScalarNode, lines: list[str]) -> int:
    last = number = int(node.start_mark.line)
    while (number := number + 1) < len(lines) and (not lines[number].strip() or lines[number].startswith(" ")):
        last = number if lines[number].strip() else last
    return last


def _comment_after(node: Node, line: str) -> str:
    """What is said behind a value on its own line."""
    if isinstance(node, ScalarNode) and node.style in ("|", ">"):
        return ""
    if isinstance(node, CollectionNode) and not node.flow_style:
        return ""
    rest = line[node.end_mark.column :].strip()
    return rest if rest.startswith("#") else ""
