"""Whether a passage supports a sentence that somebody else wrote: what it claims has to stand there, in one place.

Literally: amounts, codes, links, negations, conditions and what is one of a pair of opposites. By words: none may be
new, and those of a clause stand in one sentence of the passages, or above it. By meaning: the two are close for the
embedding model, where that was measured. Whatever is in doubt is not supported: then it is not told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from kb.answer.basis import Excerpt
from kb.answer.facts import lacking, literals, named, negations, opposes, plain, without_amounts
from kb.ingest.plaintext import plain_text
from kb.search.terms import question_terms, terms

Similarity = Callable[[str, str], float]
"""The cosine of two sentences in [-1, 1], higher is closer."""

MISSING = 0.25
"""The share of a clause's words that its evidence may lack, where they stand elsewhere in the passages."""
ABOVE = 0.5
"""The share that the evidence itself may lack, where headings and lead-ins above it hold them."""
NEW = 0
"""Words that may stand nowhere in the passages, beside those that claim nothing."""
CLOSE = 0.86
"""The least cosine of a statement and its evidence, for multilingual-e5-small."""
_FEWEST = 3  # words, below which a clause is read with the one before it
_CONDITION_TOLD = 0.34  # of a condition's words: then it is told
_HELPING = "要会可需将请再先在的了时"
_CUTS = re.compile(
    r"[,;，；:：]|\s(?:but|and|while|whereas)\s|(?=但|而且|并且|同时|否则)"
    r"|(?=\b(?:if|unless|when|provided|except|as long as)\b)"
)
_CONDITION = re.compile(
    r"^\W*(?:if|unless|except|provided|as long as|only if|when|without)\b|\bonly if\b"
    r"|^\W*(?:如果|若|要是|除非|只有|只要|除了)|的话$|除外|但是?(?!要是)"
)
_LIGHT = frozenset(
    """
    may must need pleas also then than not no ani all more most veri just onli still even get got receiv take make
    give use want abl possibl usual normal simpli cannot one two other each both such about after befor within into
    through via per up out over until when while onc first next follow same own new help know see look go come keep
    let say tell custom answer inform applic such well howev therefor otherwis instead again alreadi yes ask reach
    mean happen directli yourself must've self time case 需 需要 请 可 可 还 并 并且 以及 或者 而且 然后 之后 之前
    以后 以前 时 时候 后 前 内 中 里 上 下 即 即可 就是 属于 进行 通过 根据 按照 方式 情况 相关 同时 另外 此外 因此
    所以 如 例如 该 此 每 各 最 更 已 已经 将 会 应 应该 必须 不能 不会 无法 不要 不用 无需 不必 不 未 无 非 能够
    能否 请先 先 再 后再 通常 大约 约 左右 共 共计 总共 用 到 至 被 使 使用 注意 以下 如下 具体 您可以 可以在 提供
    收到 获得 得到 拿到 方可 才能 仅 只能 表示 意思 代表 含义 其中 期间 时间 的话 如有 若 除非 之内 以内 天内 日内
    """.split()  # noqa: SIM905 - a list of words reads as words
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a statement rests on: the sentence `start:end` of the text of passage number `passage`.

    `why` is None where it is supported, else the first check that failed: `new_words`, `literals`,
    `negation`, `opposite`, `mixed`, `condition`, `overlap`, `meaning`.
    """

    passage: int
    start: int
    end: int
    why: str | None


@dataclass(frozen=True, slots=True)
class _Evidence:
    """A sentence of a passage, `plain`, with what stands above it; `place` is passage number, start and end."""

    place: tuple[int, int, int]
    text: str
    above: str


def check(statement: str, number: int, passage: Excerpt, similarity: Similarity | None) -> Verdict:
    """Whether passage number `number` supports a statement by itself; without a `similarity` by words alone."""
    evidence = list(_evidence(number, passage))
    if not evidence:
        return Verdict(number, 0, 0, "overlap")
    said = plain(statement)
    whole = _found([said], evidence)
    found = whole
    if whole[1] is not None and len(parts := _clauses(said)) > 1 and not _has_new_words(said, evidence):
        apart = _found(parts, evidence)
        found = apart if apart[1] is None else whole
    best, why = found
    if why is None and _has_new_words(said, evidence):
        why = "new_words"
    if why is None and similarity is not None:
        place = passage.text[best.place[1] : best.place[2]]
        why = None if similarity(statement, plain_text(place)) >= CLOSE else "meaning"
    return Verdict(*best.place, why)


def _found(parts: Sequence[str], evidence: Sequence[_Evidence]) -> tuple[_Evidence, str | None]:
    """The evidence of the first part that has a fault, with that; else of the first part."""
    judged = [_best(part, evidence) for part in parts]
    return next(((found, why) for found, why in judged if why is not None), judged[0])


def _best(part: str, evidence: Sequence[_Evidence]) -> tuple[_Evidence, str | None]:
    """The sentence that supports a part of a statement, else one of those that come closest, with what it lacks."""
    missing = [(_missing(part, found.text), _missing(part, f"{found.text} ; {found.above}")) for found in evidence]
    closest = min(missing)
    ranked = [found for found, least in zip(evidence, missing, strict=True) if least == closest]
    if closest[1] > MISSING or closest[0] > ABOVE:
        return ranked[0], "overlap"
    judged = [(found, _fault(part, found)) for found in ranked]
    return next((one for one in judged if one[1] is None), judged[0])


def _fault(part: str, found: _Evidence) -> str | None:
    """What is wrong with a part of a statement, clause by clause, given the sentence that it is taken from."""
    for piece in _pieces(part):
        if not _stated(piece, found):
            return "literals"
        drawn = _drawn(found.text, piece)
        told = " ; ".join(drawn or [found.text])
        if (negations(piece) > 0) != (negations(told) > 0) or (negations(piece) - negations(told)) % 2:
            return "negation"
        if opposes(piece, told) or opposes(part, found.text):
            return "opposite"
        if len(drawn) > 1 or (drawn and not _beside(piece, drawn[0], found)):
            return "mixed"
    if any(not _is_told(clause, part) for clause in _conditions(found.text)):
        return "condition"
    return None


def _stated(piece: str, found: _Evidence) -> bool:
    """Whether one clause of the evidence, with what stands above it, has every literal of a statement's clause."""
    wanted, above = literals(piece), literals(found.above)
    if named(literals(found.text)):
        above -= named(above)  # a heading "Gold" does not make silver members' discount theirs
    return not wanted or any(not lacking(wanted, literals(clause) | above) for clause in _pieces(found.text))


def _beside(piece: str, clause: str, found: _Evidence) -> bool:
    """Whether the clause that has a statement's words has its literals too: no other one's."""
    return not lacking(literals(piece), literals(clause) | literals(found.above))


def _missing(part: str, text: str) -> float:
    """The share of a part's words that a text does not hold."""
    wanted = _words(part)
    return sum(not _holds(text, word) for word in wanted) / max(1, len(wanted))


def _has_new_words(said: str, evidence: Sequence[_Evidence]) -> bool:
    new = [
        word for word in _words(said) if not any(_holds(f"{found.text} ; {found.above}", word) for found in evidence)
    ]
    return len(new) > NEW


def _drawn(text: str, part: str) -> list[str]:
    """The fewest clauses of a text that hold what it holds of a part's words, most telling first."""
    left, drawn = {word for word in _words(part) if _holds(text, word)}, list[str]()
    pieces = _pieces(text)
    while left and pieces:
        best = max(pieces, key=lambda clause: sum(_holds(clause, word) for word in left))
        held = {word for word in left if _holds(best, word)}
        if not held:
            break
        drawn, left = [*drawn, best], left - held
        pieces.remove(best)
    return drawn


def _conditions(text: str) -> list[str]:
    return [clause for clause in _pieces(text) if _CONDITION.search(clause.strip())]


def _is_told(condition: str, part: str) -> bool:
    words = _words(condition)
    return sum(_holds(part, word) for word in words) >= _CONDITION_TOLD * len(words)


@lru_cache(maxsize=4_096)
def _words(text: str) -> frozenset[str]:
    """The words of a text that is `plain` which claim something."""
    found = question_terms(without_amounts(text))
    return frozenset(word for word in found if word not in _LIGHT and not word[0].isdigit() and word.strip(_HELPING))


@lru_cache(maxsize=8_192)
def _all_words(text: str) -> frozenset[str]:
    return frozenset(terms(text))


def _holds(text: str, word: str) -> bool:
    """Whether a word stands in a text; a Chinese one also as part of another, and without a verb that helps it."""
    return word in _all_words(text) or (not word.isascii() and word.strip(_HELPING) in text)


def _pieces(text: str) -> list[str]:
    return [piece for piece in _CUTS.split(text) if piece and piece.strip()]


def _clauses(text: str) -> list[str]:
    """The clauses of a statement; one of few words is read with the one before it."""
    parts: list[str] = []
    for piece in _pieces(text):
        if parts and (len(_words(piece)) < _FEWEST or len(_words(parts[-1])) < _FEWEST):
            parts[-1] = f"{parts[-1]}, {piece}"
        else:
            parts.append(piece)
    return parts


def _evidence(number: int, passage: Excerpt) -> Iterator[_Evidence]:
    return iter(_read(number, passage.text, passage.sentences, passage.stretch.heading))


@lru_cache(maxsize=1_024)
def _read(
    number: int, text: str, spans: tuple[tuple[int, int], ...], heading: tuple[str, ...]
) -> tuple[_Evidence, ...]:
    headed = " ; ".join(heading)
    return tuple(
        _Evidence((number, start, end), plain(plain_text(text[start:end])), plain(f"{headed} ; {_above(text, start)}"))
        for start, end in spans
    )


def _above(text: str, start: int) -> str:
    """What a row or an item is read with: the heads of its table, or the line before that ends with a colon."""
    before = text[:start].split("\n")
    lead = next((line for line in reversed(before[:-1]) if line.rstrip(" *").endswith((":", "："))), "")
    rows = list(_table(before))
    return plain_text(" ; ".join([lead, *rows[:1]]))


def _table(lines: Iterable[str]) -> Iterator[str]:
    return (line for line in lines if line.lstrip().startswith("|"))
