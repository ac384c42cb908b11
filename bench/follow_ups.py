"""Follow-ups over several turns, on two written sets: one to build with, and one that was not looked at meanwhile.

    python -m bench.follow_ups HOME

HOME holds the sample's articles, indexed. `first` counts where the best article is an expected one, whatever its
probability; `answered` where the answer cites one; `wrong` where it cites another, or there is nothing to cite.
"""

from __future__ import annotations

import sys
from pathlib import Path

from kb.config import Paths, load_settings
from kb.evaluation.golden import GoldenQuestion, read_golden
from kb.knowledge import KnowledgeBase
from kb.results import Ask

DATA = Path(__file__).parent.parent / "tests" / "data"
SETS = ("follow_ups", "follow_ups_blind")


def measure(kb: KnowledgeBase, name: str) -> dict[str, list[str]]:
    """The questions of a set by what became of them."""
    found: dict[str, list[str]] = {"first": [], "answered": [], "wrong": [], "refused": []}
    for one in read_golden(DATA / f"{name}.jsonl"):
        hits = kb.search(Ask(one.question, one.conversation), 1).hits
        if {hit.document_id for hit in hits} & set(one.expected):
            found["first"].append(one.question)
        found[outcome(kb, one)].append(one.question)
    return found


def outcome(kb: KnowledgeBase, one: GoldenQuestion) -> str:
    """`answered` from an expected article, `wrong`, or `refused`, which a question back is too."""
    answer = kb.answer(Ask(one.question, one.conversation))
    if answer.outcome != "answered":
        return "refused"
    return "answered" if answer.citations[0].document_id in one.expected else "wrong"


def main(home: Path) -> None:
    """Prints the figures of each set, and with `-v` the questions."""
    kb = KnowledgeBase(Paths(home), load_settings(home, {}))
    for name in SETS:
        found = measure(kb, name)
        asked = read_golden(DATA / f"{name}.jsonl")
        answerable = sum(bool(one.expected) for one in asked)
        figures = ", ".join(f"{what} {len(those)}" for what, those in found.items())
        print(f"{name}: {len(asked)} follow-ups, {answerable} answerable: {figures}")
        if "-v" in sys.argv and not name.endswith("blind"):
            for what in ("wrong", "refused"):
                print(f"  {what}: {found[what]}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
