"""The table of states and moves in words, for docs/lifecycle.md.

`python -m kb.editing.describing docs/lifecycle.md` brings that up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from kb.editing.states import CONDITIONS, EDITOR, MOVES, REASONS, RULES, STATES, Move, Rule

BEGIN, END = "<!-- from the code: begin -->", "<!-- from the code: end -->"


def described() -> str:
    """The whole table, as Markdown."""
    return "\n\n".join(
        (
            "## States",
            _table(("state", "meaning"), ((f"`{state}`", told) for state, told in STATES.items())),
            "## Moves",
            _table(
                ("move", "from", "who", "where", "to", "refused with"), (_row(rule) for rule in RULES)
            ),
            "Any other move is refused with `not_in_this_state`, and whatever somebody does whose role is"
            " `public` or `agent`, with `role`.",
            _table(("move", "what happens"), ((f"`{move}`", told) for move, told in MOVES.items())),
            "## Reasons",
            _table(("reason", "meaning"), ((f"`{reason}`", told) for reason, told in REASONS.items())),
        )
    )  # fmt: skip


def renewed(document: str) -> str:
    """A document with the table between its two marks as the code says it now. Raises ValueError without marks."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document lacks {BEGIN} or {END}")
    return f"{before}{BEGIN}\n\n{described()}\n\n{END}{after}"


def _row(rule: Rule) -> Iterable[str]:
    where = CONDITIONS[rule.when] if rule.when else ""
    who = "editor, admin" if rule.by == EDITOR else rule.by
    return (
        f"`{rule.move}`", " ".join(f"`{state}`" for state in rule.states), who, where, _after(rule),
        " ".join(f"`{reason}`" for reason in rule.unless),
    )  # fmt: skip


def _after(rule: Rule) -> str:
    if rule.after is not None:
        return f"`{rule.after}`"
    return "as without the edit" if rule.move is Move.DISCARD else "the same"


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    named = list(heads)
    lines = [named, ["---"] * len(named), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(file: Path) -> None:
    """Brings a document up to date."""
    file.write_text(renewed(file.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
