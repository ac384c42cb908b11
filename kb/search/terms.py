"""Text to the terms that keyword search compares, the same way for passages and for questions.

Unicode NFKC, one script (traditional becomes simplified), Chinese words by rjieba, Latin words lower-cased and
stemmed, identifiers (`E-4021`, `HW-W6-80`, URLs, order numbers) kept whole and in their parts.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import opencc
import rjieba
import snowballstemmer

MAX_TERM = 100
"""Characters; a longer run is cut here, since no question repeats it."""

_PIECES = re.compile(
    r"(?P<identifier>[a-z0-9]+(?:[-_./:@#+&][a-z0-9]+)+)|(?P<word>[a-z]+(?:'[a-z]+)?|\d+|[a-z0-9]+)"
    r"|(?P<han>[㐀-䶿一-鿿豈-﫿\U00020000-\U0003134f]+)|(?P<other>\w+)"
)
_HAN = re.compile(r"[㐀-䶿一-鿿豈-﫿\U00020000-\U0003134f]")
_STOP = frozenset(
    """
    a an and are as at be but by can could did do does for from had has have how i if in is it its me my of on or our
    should so that the their them there they this to was we were what when where which who why will with would you your
    的 了 吗 呢 啊 吧 是 在 我 你 您 也 就 都 和 与 请 请问 怎么 怎么办 什么 为什么
    如何 哪些 哪个 有 会 能 可以 一下 这 那 个 一个
    """.split()  # noqa: SIM905 - a list of words reads as words
)
_simplify = opencc.OpenCC("t2s")
_stemmer = snowballstemmer.stemmer("english")


def simplified(text: str) -> str:
    """`text` in NFKC and simplified characters."""
    return str(_simplify.convert(unicodedata.normalize("NFKC", text)))


def is_chinese(text: str) -> bool:
    """Whether a text holds a Chinese character: then it is a Chinese one, whatever else it mixes in."""
    return _HAN.search(text) is not None


def written_in(question: str) -> str:
    """`zh` or `zh-Hant` for a question with Chinese characters, else `en`: what a reply to it is written in."""
    if not is_chinese(question):
        return "en"
    return "zh-Hant" if any(_simplify.convert(c) != c for c in question) else "zh"


def normalised(text: str) -> str:
    """`text` with its letters and digits only, lower case, simplified: equal for questions asked the same way."""
    return "".join(character for character in simplified(text).lower() if character.isalnum())


def terms(text: str) -> list[str]:
    """The terms of a passage, in order, with repeats."""
    found: list[str] = []
    for match in _PIECES.finditer(simplified(text).lower()):
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
    return [_stem(piece)] if piece else []


@lru_cache(maxsize=65_536)
def _stem(word: str) -> str:
    return str(_stemmer.stemWord(word)) if word.isalpha() else word
