"""What differs between two texts: by line, and within a changed line by word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

import rjieba
from rapidfuzz import fuzz

MOST_LINES = 10_000
"""Lines of a text; of a longer one, all that lies between its first and last difference counts as changed."""
MOST_WORDS = 2_000
"""Words of a line; a longer one is not compared by word."""
CONTEXT = 3
"""Unchanged lines that are shown before and after a change."""
_LIKE = 50.0
"""Of 100: from here on a line is the other one changed, and not another line."""
MOST_PAIRS = 10_000
"""Lines gone times lines come, beyond which none of them is taken for another one changed."""
_STRETCH = re.compile(r"[\u3400-\u9fff]+|[^\W\u3400-\u9fff]+|\s+|.", re.DOTALL)

Which = Literal["same", "removed", "added"]


@dataclass(frozen=True, slots=True)
class Part:
    """A run of words that both lines have, or only the old one, or only the new one."""

    kind: Which
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its numbers, from 1, in the old text and the new one; a changed one has both, and `parts`."""

    kind: Literal["same", "removed", "added", "changed"]
    old: int | None
    new: int | None
    parts: tuple[Part, ...]

    @property
    def sides(self) -> tuple[str, str]:
        """The line in the old text and in the new one; empty where it is not in it."""
        old, new = ("".join(p.text for p in self.parts if p.kind in ("same", side)) for side in ("removed", "added"))
        return old, new


@dataclass(frozen=True, slots=True)
class Hunk:
    """Changes that lie close together, with the lines around them."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Two texts compared: for a page to draw, and as a unified diff for a shell."""

    hunks: tuple[Hunk, ...]
    unified: str


def difference(old: str, new: str, names: tuple[str, str]) -> Difference:
    """What turns the old text into the new one; `names` stand at the head of the unified diff."""
    before, after = old.split("\n"), new.split("\n")
    lines = list(_lines(before, after))
    hunks = tuple(_hunks(lines))
    head = [f"--- {names[0]}", f"+++ {names[1]}"] if hunks else []
    return Difference(hunks, "\n".join([*head, *(text for hunk in hunks for text in _unified(hunk))]))


def _unified(hunk: Hunk) -> Iterator[str]:
    yield f"@@ -{_range([line.old for line in hunk.lines])} +{_range([line.new for line in hunk.lines])} @@"
    for line in hunk.lines:
        old, new = line.sides
        if line.kind == "same":
            yield f" {old}"
        else:
            yield from [f"-{old}"] * (line.old is not None) + [f"+{new}"] * (line.new is not None)


def _range(numbers: Sequence[int | None]) -> str:
    held = [number for number in numbers if number is not None]
    return f"{held[0]},{len(held)}" if held else "0,0"


def _hunks(lines: Sequence[Line]) -> Iterator[Hunk]:
    start = end = -1
    for number in (number for number, line in enumerate(lines) if line.kind != "same"):
        if end >= 0 and number - CONTEXT > end:
            yield Hunk(tuple(lines[start:end]))
            end = -1
        if end < 0:
            start = max(0, number - CONTEXT)
        end = number + 1 + CONTEXT
    if end >= 0:
        yield Hunk(tuple(lines[start:end]))


def _lines(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    for tag, first, last, start, stop in _steps(old, new, MOST_LINES):
        if tag == "equal":
            for a, b in zip(range(first, last), range(start, stop), strict=True):
                yield Line("same", a + 1, b + 1, (Part("same", old[a]),))
        else:
            yield from _replaced(old, new, range(first, last), range(start, stop))


def _steps(old: Sequence[str], new: Sequence[str], most: int) -> list[tuple[str, int, int, int, int]]:
    """difflib's opcodes; where one of the two is too long, all between the first and last difference is replaced."""
    if max(len(old), len(new)) <= most:
        return list(SequenceMatcher(None, old, new).get_opcodes())
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    a, b = len(old) - tail, len(new) - tail
    steps = [("equal", 0, head, 0, head), ("replace", head, a, head, b), ("equal", a, len(old), b, len(new))]
    return [step for step in steps if step[1] < step[2] or step[3] < step[4]]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    same = (number for number, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(same, min(len(one), len(other)))


def _replaced(old: Sequence[str], new: Sequence[str], gone: range, come: range) -> Iterator[Line]:
    """The lines of a replaced stretch, those that became one another as pairs."""
    at, to = gone.start, come.start
    for a, b in [*_pairs(old, new, gone, come), (gone.stop, come.stop)]:
        yield from (Line("removed", n + 1, None, (Part("removed", old[n]),)) for n in range(at, a))
        yield from (Line("added", None, n + 1, (Part("added", new[n]),)) for n in range(to, b))
        if a < gone.stop and b < come.stop:
            same = old[a] == new[b]
            parts = [Part("same", old[a])] if same else words(old[a], new[b])
            yield Line("same" if same else "changed", a + 1, b + 1, tuple(parts))
        at, to = a + 1, b + 1


def _pairs(old: Sequence[str], new: Sequence[str], gone: range, come: range) -> list[tuple[int, int]]:
    """Lines that are alike, the most alike first, none across another pair; by their order."""
    if len(gone) * len(come) > MOST_PAIRS:
        return []
    likeness = ((fuzz.ratio(old[a], new[b], score_cutoff=_LIKE), -abs(a - b), a, b) for a in gone for b in come)
    chosen: list[tuple[int, int]] = []
    for score, _, a, b in sorted(likeness, reverse=True):
        if score and all((a - c) * (b - d) > 0 for c, d in chosen):
            chosen.append((a, b))
    return sorted(chosen)


def words(old: str, new: str) -> list[Part]:
    """What turns one line into another, by word; Chinese is segmented."""
    before, after = _split(old), _split(new)
    found: list[Part] = []
    for tag, first, last, start, stop in _steps(before, after, MOST_WORDS):
        if tag == "equal":
            found.append(Part("same", "".join(before[first:last])))
            continue
        sides = (("removed", before[first:last]), ("added", after[start:stop]))
        found += [Part(kind, "".join(part)) for kind, part in sides if part]  # type: ignore[arg-type]
    return _readable(found)


def _split(line: str) -> list[str]:
    found: list[str] = []
    for stretch in _STRETCH.findall(line):
        found += rjieba.cut(stretch) if "\u3400" <= stretch[0] <= "\u9fff" else [stretch]
    return found


def _readable(parts: Sequence[Part]) -> list[Part]:
    """A space alone between two changes is changed with them: "one two" reads better as one change than as two."""
    found: list[Part] = []
    old = new = ""
    for number, part in enumerate(parts):
        if part.kind == "same" and (part.text.strip() or number in (0, len(parts) - 1)):
            found += [*_sides(old, new), part]
            old = new = ""
        else:
            old += "" if part.kind == "added" else part.text
            new += "" if part.kind == "removed" else part.text
    return [*found, *_sides(old, new)]


def _sides(old: str, new: str) -> list[Part]:
    return [Part(kind, text) for kind, text in (("removed", old), ("added", new)) if text]  # type: ignore[arg-type]
