"""Text to the terms that keyword search compares, the same way for passages and for questions.

Unicode NFKC, one script (traditional becomes simplified), Chinese words by rjieba, Latin words lower-cased and
stemmed, identifiers (`E-4021`, `HW-W6-80`, URLs, order numbers) kept whole and in their parts.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import lru_cache

import opencc
import rjieba
import Stemmer

RULES = 2
"""Raised when the same text would give other terms; a keyword index made by other rules is not searched."""
MAX_TERM = 100
"""Characters; a longer run is cut here, since no question repeats it."""

_PIECES = re.compile(
    r"(?P<identifier>[a-z0-9]+(?:[-_./:@#+&][a-z0-9]+)+)|(?P<word>[a-z]+'[a-z]+|[a-z0-9]+)"
    r"|(?P<han>[㐀-䶿一-鿿豈-﫿\U00020000-\U0003134f]+)|(?P<other>\w+)"
)
_MEASURE = re.compile(r"(\d+)([a-z]+)")
_HAN = re.compile(r"[㐀-䶿一-鿿豈-﫿\U00020000-\U0003134f]")
_STOP = frozenset(
    """
    a an and are as at be but by can could did do does for from had has have how i if in is it its me my of on or our
    should so that the their them there they this to was we were what when where which who why will with would you your
    的 地 得 了 着 过 吗 呢 啊 吧 呀 嘛 哦 么 是 在 我 你 您 他 她 它 我们 你们 他们 咱们 自己 也 还 又 再 才 就
    都 只 和 与 跟 同 或 及 并 而 但 但是 因为 所以 如果 要是 把 被 让 给 对 对于 关于 从 到 向 于 为 以 由 之
    其 请 请问 想 要 想要 怎么 怎么办 怎样 怎么样 如何 什么 啥 咋 为什么 为何 谁 哪 哪里 哪儿 哪些 哪个 几 多少
    有 没 没有 不 不是 会 能 可以 能不能 可不可以 是不是 有没有 是否 一下 这 那 这个 那个 这样 那样 个 一个 一
    很 太 最
    """.split()  # noqa: SIM905 - a list of words reads as words
)
_simplify = opencc.OpenCC("t2s")
_own = threading.local()


@lru_cache(maxsize=256)  # one question is brought to this form at every step of understanding it
def simplified(text: str) -> str:
    """`text` in NFKC and simplified characters."""
    return in_simplified(unicodedata.normalize("NFKC", text))


def in_simplified(text: str) -> str:
    """`text` in simplified characters, and otherwise as it is."""
    return str(_simplify.convert(text))


def all_simplified(text: str) -> str:
    """`in_simplified`, at a third of its cost where nothing is traditional."""
    return text if _traditional().isdisjoint(text) else in_simplified(text)


@lru_cache(maxsize=1)
def _traditional() -> frozenset[str]:
    """The characters that are written otherwise in simplified text, alone or beside others."""
    every = [chr(point) for point in (*range(0x3400, 0xA000), *range(0xF900, 0xFB00), *range(0x20000, 0x2A6E0))]
    plain = in_simplified("\n".join(every)).split("\n")
    return frozenset(before for before, after in zip(every, plain, strict=True) if before != after)


def one_script(text: str) -> str:
    """`text` with its traditional characters simplified, and nothing else changed."""
    return str(_simplify.convert(text)) if is_chinese(text) else text


def is_chinese(text: str) -> bool:
    """Whether a text holds a Chinese character: then it is a Chinese one, whatever else it mixes in."""
    return _HAN.search(text) is not None


def written_in(question: str) -> str:
    """`zh` or `zh-Hant` for a question with Chinese characters, else `en`: what a reply to it is written in."""
    if not is_chinese(question):
        return "en"
    return "zh-Hant" if any(map(_is_traditional, question)) else "zh"


@lru_cache(maxsize=32_768)
def _is_traditional(character: str) -> bool:
    return in_simplified(character) != character


def normalised(text: str) -> str:
    """`text` with its letters and digits only, lower case, simplified: equal for questions asked the same way."""
    return "".join(character for character in simplified(text).lower() if character.isalnum())


def terms(text: str) -> list[str]:
    """The terms of a passage, in order, with repeats."""
    return terms_of(simplified(text))


def terms_of(plain: str) -> list[str]:
    """The terms of a text that is `simplified` already."""
    found: list[str] = []
    for match in _PIECES.finditer(plain.lower()):
        piece = match.group()[:MAX_TERM]
        if match.lastgroup == "han":
            found.extend(_chinese(piece))
        elif match.lastgroup == "identifier":
            found.append(piece)
            found.extend(part for inner in re.split(r"[^a-z0-9]+", piece) for part in _latin(inner))
        else:
            found.extend(_latin(piece))
    return found


def question_terms(text: str) -> list[str]:
    """The distinct terms of a question that carry meaning; all of them where none does."""
    distinct = list(dict.fromkeys(terms(text)))
    return [term for term in distinct if term not in _STOP] or distinct


def _chinese(run: str) -> list[str]:
    words = rjieba.cut_for_search(run)
    return [word for word in words if word.strip()]


def _latin(piece: str) -> list[str]:
    """A word's stem; a code such as `e3` whole; a measure such as `30cm` whole and in its parts."""
    if not piece:
        return []
    measure = _MEASURE.fullmatch(piece)
    return [piece, measure.group(1), _stem(measure.group(2))] if measure else [_stem(piece)]


@lru_cache(maxsize=65_536)
def _stem(word: str) -> str:
    if not hasattr(_own, "stemmer"):  # it writes into itself while it works: two threads in one give wrong stems
        _own.stemmer = Stemmer.Stemmer("english")
    return str(_own.stemmer.stemWord(word)) if word.isalpha() else word
