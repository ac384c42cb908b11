"""Digits read aloud, in Chinese or English, mixed with written ones, with fillers between the groups."""

# ruff: noqa: SIM905 - number words in order read better as one string

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kb.ingest.contexts import follows_card_word, follows_code_word, follows_identity_word, follows_order_word
from kb.ingest.numerals import looks_like_ric
from kb.ingest.spans import Span

_CHINESE = dict(zip("零〇○幺一二三四五六七八九两兩壹贰叁肆伍陆柒捌玖", "000112345678922123456789", strict=True))
_ONES = {"zero": "0", "oh": "0", "o": "0", "nought": "0", "naught": "0", "nil": "0"} | {
    word: str(n) for n, word in enumerate("one two three four five six seven eight nine".split(), 1)
}
_TEENS = {
    word: str(n)
    for n, word in enumerate(
        "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(), 10
    )
}
_TENS = {word: str(n) for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
_TIMES = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4} | {c: n for n, c in enumerate("二三四五六", 2)}
_TIMES |= {"两": 2, "兩": 2} | {str(n): n for n in range(2, 7)}

_ONE = "|".join(sorted(_ONES, key=len, reverse=True))
_DIGIT = "零〇○幺一二三四五六七八九两兩壹贰叁肆伍陆柒捌玖"
_TOKEN = re.compile(
    rf"(?P<times>[二两兩三四五六2-6])[个個](?P<repeated>[{_DIGIT}\d])(?![十百千万萬点月号號\d])"
    rf"|(?<![十百千第])(?:一(?![直下样樣般定会會个個次起共些位切旦边邊])|[两兩](?![个個台遍次天年件块塊])|[{_DIGIT[:4]}"
    rf"二三四五六七八九壹贰叁肆伍陆柒捌玖])(?![十百千萬万亿億])"
    rf"|(?<![A-Za-z])(?:(?P<twice>double|triple|treble|quadruple)[ -]+(?P<again>{_ONE}|\d)"
    rf"|(?P<tens>{'|'.join(_TENS)})(?:[ -](?P<unit>{'|'.join(k for k in _ONES if k not in ('oh', 'o'))}))?"
    rf"|(?P<teen>{'|'.join(_TEENS)})|(?P<one>{_ONE})|(?P<hundred>hundred|thousand))(?![A-Za-z'])"
    r"|(?P<written>(?<![A-Za-z\d])\d+(?![A-Za-z]))",
    re.IGNORECASE,
)
_GAP = re.compile(
    r"(?:[\s\-().,，、。…·+_*/|~:：!？?；;]|嗯|啊|呃|额|哦|噢|喔|哎|诶|欸|唉|那个|那個|这个|然后|然後|就是|接着|后面是|後面是|前面是"
    r"|中间是|中间"
    r"|等一下|等下|等等|稍等|我看看|我看一下|后面|後面|接下来|下面是|前面|逗号"
    r"|对吧|吧|嘛|哈|呢|啦|的|是|对|對|好|再|空格|横杠|横线|杠"
    r"|(?<![a-z])(?:and then|then|uh|um|er|erm|uhm|hmm|mm|like|dash|hyphen|space"
    r"|comma|pause|hang on|hold on|one sec|let me see"
    r"|let's see|got that|next|followed by|it's|is|i think|so|yeah|ok|okay|right|and|sorry)(?![a-z]))*",
    re.IGNORECASE,
)
_HESITATION = re.compile(
    r"[\s,，、.…]*(?:(?:嗯|啊|呃|额|哦|噢|那个|那個|然后|然後"
    r"|(?<![a-z])(?:uh|um|er|erm|and then|then|dash|hyphen)(?![a-z]))[\s,，、.…]*){1,3}",
    re.IGNORECASE,
)
_WRITTEN_GAP = re.compile(r"[\s\-().]{0,3}")
_MEASURE = "个個块塊元月点點台次天年遍楼樓层層位岁歲分秒小单單条條号號"
_LAST_LETTER = re.compile(r"[\s,，]*(?:[Xx](?![A-Za-z])|叉|[大小]写[Xx]|ex(?![A-Za-z]))")
_FIRST_LETTER = re.compile(r"(?<![A-Za-z])[A-Za-z][\s,，]*$")
_MOBILE = re.compile(r"1[3-9]\d{9}")
_HESITANT = re.compile(r"1[3-9]\d{9}|0[1-9]\d{8,9}|[4-6]\d{15,18}")
_LONGEST_GAP = 24
_IN_PAIRS = 12  # so many digits in forty-nines and nineteens are no price
_SHORTEST = 7
_RESIDENT_ID, _MOBILE_DIGITS = 18, 11
_SHORTEST_IDENTITY = 6


@dataclass(frozen=True, slots=True)
class Token:
    """One spoken or written piece: the digits it stands for; `plain` when it is a single digit said as such."""

    start: int
    end: int
    digits: str
    written: bool
    plain: bool


@dataclass(frozen=True, slots=True)
class Run:
    """Digits that belong together, in groups between pauses."""

    groups: tuple[tuple[Token, ...], ...]

    @property
    def start(self) -> int:
        return self.groups[0][0].start

    @property
    def end(self) -> int:
        return self.groups[-1][-1].end

    @property
    def digits(self) -> str:
        return "".join(token.digits for group in self.groups for token in group)


def _tokens(text: str) -> Iterator[Token]:
    for m in _TOKEN.finditer(text):
        digits = _digits(m)
        written = m["written"] is not None
        plain = not (written or m["tens"] or m["teen"] or m["hundred"])
        yield Token(*m.span(), digits, written, plain)


def _digits(match: re.Match[str]) -> str:
    if match["written"]:
        return match["written"]
    if match["repeated"]:
        return _digit(match["repeated"]) * _TIMES[match["times"]]
    if match["again"]:
        return _digit(match["again"]) * _TIMES[match["twice"].lower()]
    if match["tens"]:
        tens = _TENS[match["tens"].lower()]
        return tens + (_digit(match["unit"]) if match["unit"] else "0")
    if match["teen"]:
        return _TEENS[match["teen"].lower()]
    if match["hundred"]:
        return "00" if match["hundred"].lower() == "hundred" else "000"
    return _digit(match[0])


def _digit(word: str) -> str:
    return _CHINESE.get(word) or _ONES.get(word.lower()) or word


def _runs(text: str) -> Iterator[Run]:
    """Maximal sequences of tokens with nothing but pauses between them."""
    groups: list[list[Token]] = []
    for token in _tokens(text):
        last = groups[-1][-1] if groups else None
        if last and _joined(text, last, token):
            if last.end == token.start:
                groups[-1].append(token)
            else:
                groups.append([token])
            continue
        if groups:
            yield Run(tuple(tuple(g) for g in groups))
        groups = [[token]]
    if groups:
        yield Run(tuple(tuple(g) for g in groups))


def _joined(text: str, last: Token, token: Token) -> bool:
    gap = text[last.end : token.start]
    if len(gap) > _LONGEST_GAP:
        return False
    if last.written and token.written:
        return bool(_WRITTEN_GAP.fullmatch(gap) or _HESITATION.fullmatch(gap))
    return _GAP.fullmatch(gap) is not None


def find_spoken(text: str, kept: frozenset[str]) -> list[Span]:
    """Runs of seven digits or more that were at least partly read aloud, but for order numbers and `kept` ones."""
    found: list[Span] = []
    for run in _runs(text):
        trimmed = _without_quantity(text, run)
        if trimmed and _is_spoken_number(text, trimmed) and trimmed.digits not in kept:
            found += _spans(text, trimmed)
    return found


def _without_quantity(text: str, run: Run) -> Run | None:
    """`run` without a last group that counts something: the 三 of 三点."""
    last = run.groups[-1]
    if text[run.end : run.end + 1] in _MEASURE and text[run.end : run.end + 1] and len(last) <= 2:
        return Run(run.groups[:-1]) if len(run.groups) > 1 else None
    return run


def _is_spoken_number(text: str, run: Run) -> bool:
    tokens = [token for group in run.groups for token in group]
    spoken = sum(len(token.digits) for token in tokens if not token.written)
    numbers = sum(not (token.written or token.plain) for token in tokens)
    enough = _SHORTEST if numbers <= 1 else _SHORTEST + 2
    if spoken == 0 and len(run.groups) > 1:
        return _HESITANT.fullmatch(run.digits) is not None or looks_like_ric(run.digits)
    digit_by_digit = numbers == 0 or sum(token.plain for token in tokens) >= 3 or len(run.digits) >= _IN_PAIRS
    if len(run.digits) == _SHORTEST_IDENTITY and follows_identity_word(text, run.start):
        return spoken >= 3
    return spoken >= 3 and len(run.digits) >= enough and digit_by_digit


def _spans(text: str, run: Run) -> Iterator[Span]:
    order = follows_order_word(text, run.start)
    order = order or (follows_code_word(text, run.start) and not _MOBILE.search(run.digits))
    for n, part in enumerate(_parts(run)):
        if not (order and n == 0):
            yield _span(text, part)


def _parts(run: Run) -> Iterator[Run]:
    """`run` cut where a group boundary separates a resident id or a mobile number from what came before."""
    groups = run.groups
    while cut := _cut(groups):
        yield Run(groups[:cut])
        groups = groups[cut:]
    yield Run(groups)


def _cut(groups: tuple[tuple[Token, ...], ...]) -> int:
    """How many of `groups` are a number of their own; 0 when all belong together."""
    sizes = [sum(len(token.digits) for token in group) for group in groups]
    head, total = 0, sum(sizes)
    identity = looks_like_ric(Run(groups).digits[:_RESIDENT_ID])
    for n, size in enumerate(sizes[:-1], 1):
        head += size
        if head == _MOBILE_DIGITS and not identity and _MOBILE.fullmatch(Run(groups[:n]).digits):
            return n
        if head == _RESIDENT_ID and looks_like_ric(Run(groups[:n]).digits):
            return n
        if head >= _SHORTEST and total - head == _MOBILE_DIGITS and _MOBILE.fullmatch(Run(groups[n:]).digits):
            return n
    return 0


def _span(text: str, run: Run) -> Span:
    start, end, count = run.start, run.end, len(run.digits)
    if count == 17 and (letter := _LAST_LETTER.match(text, end)):
        return Span(start, letter.end(), "resident_id")
    if count in (8, 9) and (letter := _FIRST_LETTER.search(text[max(0, start - 4) : start])):
        return Span(start - len(letter[0]), end, "resident_id")
    return Span(start, end, _kind(text, run))


def _kind(text: str, run: Run) -> str:
    digits = run.digits
    if looks_like_ric(digits) or (len(digits) >= 15 and follows_identity_word(text, run.start)):
        return "resident_id"
    if len(digits) >= 13 and not digits.startswith(("86", "0086")):
        return "bank_card"
    return "bank_card" if len(digits) >= 12 and follows_card_word(text, run.start) else "phone"
