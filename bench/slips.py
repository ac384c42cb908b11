"""Measures what one slip in each question costs: a typo, a homophone, a wrong character.

The slips are made here, by nothing that kb mends them with, from a seed; each question of a language gets one of each
of that language's kinds, and is compared with itself:

- *typo*: in one English word of four letters or more, one letter is inserted, left out, replaced, or exchanged with the
  next one (letters by chance, the four in equal shares);
- *homophone*: one Chinese character becomes another of the 3,755 common ones (GB 2312, level 1) with the same toneless
  pinyin, by chance;
- *character*: one Chinese character becomes any other of those, by chance: harder than a misread or mistyped one, which
  resembles what was meant.

Any word or character may be hit, the telling ones and the others. Recall is over the answerable questions.
"""

from __future__ import annotations

import argparse
import random
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from string import ascii_lowercase

import numpy as np
from asking import SEED, asked, interval, opened, rank
from pypinyin import Style, lazy_pinyin
from sets import ROOT, SAMPLE, EvaluationSet, evaluation_sets, say

from kb.evaluation.golden import GoldenQuestion, read_golden
from kb.knowledge import KnowledgeBase
from kb.search.embedding import Embedder, describe

MOST_LOST = 4.0
BENCHMARK = ("zh", "en")
_WORD = re.compile(r"[A-Za-z]{4,}")
_HAN = re.compile(r"[一-鿿]")


def typo(question: str, chance: random.Random) -> str | None:
    """The question with one edit in one English word; None where it has none."""
    words = list(_WORD.finditer(question))
    if not words:
        return None
    word = chance.choice(words)
    made = chance.choice(EDITS)(word.group(), chance)
    return question[: word.start()] + made + question[word.end() :]


def _inserted(word: str, chance: random.Random) -> str:
    at = chance.randrange(1, len(word) + 1)
    return word[:at] + chance.choice(ascii_lowercase) + word[at:]


def _left_out(word: str, chance: random.Random) -> str:
    at = chance.randrange(len(word))
    return word[:at] + word[at + 1 :]


def _replaced(word: str, chance: random.Random) -> str:
    at = chance.randrange(len(word))
    return word[:at] + chance.choice([c for c in ascii_lowercase if c != word[at].lower()]) + word[at + 1 :]


def _exchanged(word: str, chance: random.Random) -> str:
    places = [at for at in range(len(word) - 1) if word[at] != word[at + 1]]
    at = chance.choice(places)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


EDITS = (_inserted, _left_out, _replaced, _exchanged)


def homophone(question: str, chance: random.Random) -> str | None:
    """The question with a character of the same sound in one place; None where no character has another."""
    sounds = lazy_pinyin(question, style=Style.NORMAL, errors=list)
    places = [
        (at, others)
        for at, (character, sound) in enumerate(zip(question, sounds, strict=True))
        if _HAN.match(character) and (others := [o for o in _common().get(sound, ()) if o != character])
    ]
    if not places:
        return None
    at, others = chance.choice(places)
    return question[:at] + chance.choice(others) + question[at + 1 :]


def character(question: str, chance: random.Random) -> str | None:
    """The question with any common character in the place of one; None where it has no Chinese one."""
    places = [match.start() for match in _HAN.finditer(question)]
    if not places:
        return None
    at = chance.choice(places)
    common = [c for some in _common().values() for c in some if c != question[at]]
    return question[:at] + chance.choice(common) + question[at + 1 :]


@cache
def _common() -> dict[str, list[str]]:
    """The characters of GB 2312, level 1, by their usual toneless pinyin."""
    found = defaultdict(list)
    for high in range(0xB0, 0xD8):
        for low in range(0xA1, 0xFF):
            if (high, low) <= (0xD7, 0xF9):
                made = bytes((high, low)).decode("gb2312")
                found[lazy_pinyin(made, style=Style.NORMAL)[0]].append(made)
    return found


Slip = Callable[[str, random.Random], str | None]
KINDS: dict[str, tuple[str, Slip]] = {
    "typo": ("en", typo),
    "homophone": ("zh", homophone),
    "character": ("zh", character),
}


def main() -> None:
    """Prints a row a set and kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=Path, help="keep the indexed homes here, and use those that are here")
    parser.add_argument("--questions", type=int, default=10_000, help="at most so many a set")
    chosen = parser.parse_args()
    print("## One slip a question\n")
    print(
        "Recall@5 in points of a hundred, the same questions clean and with one slip of a kind (`bench/slips.py` says"
    )
    print(f"how they are made). In brackets the 95% interval. ✗: more than {MOST_LOST:.0f} points lost.\n")
    print("| set | kind | questions | clean | with a slip | lost |\n|---|---|---:|---:|---:|---:|")
    embedder = Embedder(describe("bundled"))
    with tempfile.TemporaryDirectory() as temporary:
        for one in evaluation_sets(chosen.homes or Path(temporary), traditional=False):
            kb = opened(one.home, embedder)
            for name, file in _files(one):
                for row in _rows(kb, read_golden(file), chosen.questions):
                    print(f"| {name} | {row} |", flush=True)


def _files(one: EvaluationSet) -> Iterator[tuple[str, Path]]:
    yield one.name, one.golden
    if one.name == SAMPLE:
        yield from ((f"benchmark {name}", ROOT / "sample" / "benchmark" / f"{name}.jsonl") for name in BENCHMARK)


def _rows(kb: KnowledgeBase, every: Sequence[GoldenQuestion], most: int) -> Iterator[str]:
    chance = random.Random(SEED)
    answerable = [golden for golden in every if golden.expected]
    drawn = chance.sample(answerable, min(most, len(answerable)))
    clean: dict[int, float] = {}
    for kind, (language, slip) in KINDS.items():
        own = [golden for golden in drawn if _language(golden) == language]
        made = [(golden, said) for golden in own if (said := slip(golden.question, chance)) is not None]
        if not made:
            continue
        say(f"asking {len(made)} with a slip: {kind}")
        clean |= _ranks(kb, [golden for golden, _ in made if golden.line not in clean], None)
        with_slip = _ranks(kb, [golden for golden, _ in made], [said for _, said in made])
        before = np.array([clean[golden.line] <= 5 for golden, _ in made], np.float64)
        after = np.array([with_slip[golden.line] <= 5 for golden, _ in made], np.float64)
        low, high = interval(before - after)
        lost = 100 * float((before - after).mean())
        cells = f"{100 * before.mean():.1f} | {100 * after.mean():.1f} | {lost:.1f} ({100 * low:.1f}–{100 * high:.1f})"
        yield f"{kind} | {len(made)} | {cells}{' ✗' if lost > MOST_LOST else ''}"


def _language(golden: GoldenQuestion) -> str:
    return "zh" if _HAN.search(golden.question) else "en"


def _ranks(kb: KnowledgeBase, every: Sequence[GoldenQuestion], said: Sequence[str] | None) -> dict[int, float]:
    """Ranks by the question's line, as it stands or as `said`."""
    asks = [asked(g, question=text) for g, text in zip(every, said or [g.question for g in every], strict=True)]
    kb.embed_ahead(asks)
    return {golden.line: rank(kb, ask, golden.expected, 5) for golden, ask in zip(every, asks, strict=True)}


if __name__ == "__main__":
    main()
