"""Error codes and model numbers read aloud, in Chinese or English: only codes that the index holds come out."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from string import ascii_lowercase

import rjieba

from kb.search.lexicon import Lexicon, is_chinese_character, readings

Found = tuple[int, int, str]
_TOKEN = re.compile(r"[A-Za-z]+(?:'[a-z]+)?|\d+|[一-鿿〇]|[^\sA-Za-z\d一-鿿〇]")
_NATO = """alfa alpha bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november oscar
    papa quebec romeo sierra tango uniform victor whiskey whisky xray yankee zulu""".split()  # noqa: SIM905 - reads as words
_LETTER_NAMES = {
    "ee": "e", "eff": "f", "ef": "f", "aitch": "h", "haitch": "h", "bee": "b", "cee": "c", "dee": "d", "gee": "g",
    "jay": "j", "kay": "k", "ell": "l", "em": "m", "en": "n", "pee": "p", "queue": "q", "cue": "q", "ar": "r",
    "ess": "s", "tee": "t", "vee": "v", "ex": "x", "wye": "y", "zee": "z", "zed": "z",
}  # fmt: skip
_UNITS = dict(zip("zero one two three four five six seven eight nine".split(), "0123456789", strict=True))  # noqa: SIM905
_TEENS = {
    word: str(number)
    for number, word in enumerate(
        "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(),  # noqa: SIM905
        10,
    )
}
_TENS = {
    word: str(number)
    for number, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)  # noqa: SIM905
}
_ENGLISH_DIGITS = _UNITS | _TEENS | {"oh": "0", "o": "0", "nought": "0"}
_SILENT = frozenset({"dash", "hyphen", "minus", "um", "uh", "er", "number", "-", "杠", "横", "减", "、", "–", "—"})
_LIKE = re.compile(r"(?:(?:for|like(?: in)?|as(?: in)?) )+", re.IGNORECASE)
_CHINESE_LETTERS = {("yi",): "e", ("fu",): "f", ("ai", "fu"): "f", ("ai", "qi"): "h", ("ai", "chi"): "h",
    ("ei", "chi"): "h", ("da", "bu", "liu"): "w", ("da", "bu", "liao"): "w", ("ei",): "a", ("bi",): "b",
    ("xi",): "c", ("di",): "d", ("ji",): "g", ("ti",): "t", ("you",): "u", ("pi",): "p"}  # fmt: skip
_OPENING_SOUNDS = frozenset(sounds[0] for sounds in _CHINESE_LETTERS)
_SAID_DIGITS = {"幺": "1", "腰": "1", "两": "2", "洞": "0", "拐": "7", "〇": "0"}
_PLAIN_WORDS = frozenset("以已亿亦及即几极级第的地低比必笔西系喜洗息服付复负副富父有又由友油右体提题皮")
_ORDINALS = frozenset("第十百千万周点礼拜期初卅廿零")
_MEASURES = frozenset(
    "天次个元块年月日号小时分钟点位台件张条种楼层期倍折级周岁米斤公度下些样起直位回遍趟份套项步名人字秒毛角寸吨升代家"
    "口头只双对把根片本册门间座句段阵场群批章节路等千百万亿十"
)
_ENGLISH_MEASURES = re.compile(
    r"[\s-]*(?:hours?|days?|weeks?|months?|years?|minutes?|mins?|seconds?|times?|pounds?|dollars?|euros?|metres?|meters?"
    r"|kg|kilos?|litres?|liters?|people|persons?|percent|points?|items?|o'clock|am|pm|stars?|parts?|pieces?"
    r"|hundred|thousand|step|way)\b|[\s-]*%",
    re.IGNORECASE,
)
_LONGEST = 14


def spoken_codes(text: str, lexicon: Lexicon) -> Iterator[Found]:
    """Start, end and code of each stretch that reads a code of the index aloud; the longest code at each place."""
    tokens = list(_TOKEN.finditer(text))
    at = 0
    while at < len(tokens):
        found = max(_codes_from(text, tokens, at, lexicon), default=None) or _numbered(text, tokens, at, lexicon)
        if found:
            _, end, code = found
            yield tokens[at].start(), tokens[end - 1].end(), code
        at = found[1] if found else at + 1


def _codes_from(text: str, tokens: list[re.Match[str]], first: int, lexicon: Lexicon) -> Iterator[tuple[int, int, str]]:
    """Length, end and code of each code that is read out from one token on."""
    open_ends = [(first, "")]
    while open_ends:
        at, said = open_ends.pop()
        for end, more in _sayings(text, tokens, at):
            key = said + more
            if (not said and not more[:1].isalpha()) or not _may_become_code(key, lexicon):
                continue
            if key in lexicon.codes and _is_meant(text, tokens, first, end):
                yield len(key), end, lexicon.codes[key]
            if end < len(tokens) and end - first < _LONGEST:
                open_ends.append((end, key))


def _numbered(text: str, tokens: list[re.Match[str]], at: int, lexicon: Lexicon) -> tuple[int, int, str] | None:
    """The only code with the digits that are said after `error`, as `E-1107` in `eleven oh seven`."""
    if at == 0 or tokens[at - 1].group().lower() not in ("error", "code", "number") or tokens[at].group().isdigit():
        return None
    said, end = "", at
    while end < len(tokens) and (more := next(_sayings(text, tokens, end), None)) and more[1].isdigit():
        end, said = more[0], said + more[1]
    codes = [code for key, code in lexicon.codes.items() if len(said) > 2 and key.lstrip(ascii_lowercase) == said]
    return (len(said), end, codes[0]) if len(codes) == 1 else None


def _may_become_code(key: str, lexicon: Lexicon) -> bool:
    place = bisect_left(lexicon.code_keys, key)
    return place < len(lexicon.code_keys) and lexicon.code_keys[place].startswith(key)


def _sayings(text: str, tokens: list[re.Match[str]], at: int) -> Iterator[tuple[int, str]]:
    """Where each reading of the next tokens ends, and the letters or digits it stands for."""
    if at >= len(tokens):
        return
    said = tokens[at].group().lower()
    if said in _SILENT:
        yield at + 1, ""
    elif said.isascii():
        yield from _english_sayings(text, tokens, at, said)
    elif is_chinese_character(said) or said == "〇":
        yield from _chinese_sayings(tokens, at, said)


def _english_sayings(text: str, tokens: list[re.Match[str]], at: int, said: str) -> Iterator[tuple[int, str]]:
    following = tokens[at + 1].group().lower() if at + 1 < len(tokens) else ""
    if said.isdigit() or said in _ENGLISH_DIGITS:
        yield at + 1, _ENGLISH_DIGITS.get(said, said)
    elif said in _TENS:
        yield at + 1, _TENS[said] + "0"
        if following in _UNITS:
            yield at + 2, _TENS[said] + _UNITS[following]
    elif said == "double" and following in ("u", "you"):
        yield at + 2, "w"
    elif (len(said) <= 3 and said.isalpha()) or said in _LETTER_NAMES:
        letter = _LETTER_NAMES.get(said, said)
        yield at + 1, letter
        if len(letter) == 1 and (example := _example(text, tokens, at, letter)):
            yield example, letter
    elif said in _NATO:
        yield at + 1, said[0]


def _example(text: str, tokens: list[re.Match[str]], at: int, letter: str) -> int | None:
    """Where `for echo`, `as in freddie` or `like in egg` after a letter ends."""
    like = _LIKE.match(text, tokens[at].end() + 1)
    if not like:
        return None
    following = next((i for i in range(at + 1, len(tokens)) if tokens[i].start() >= like.end()), None)
    return following + 1 if following and tokens[following].group().lower().startswith(letter) else None


def _chinese_sayings(tokens: list[re.Match[str]], at: int, said: str) -> Iterator[tuple[int, str]]:
    if digit := _digit(said):
        yield at + 1, digit
    if cardinal := _cardinal(tokens, at):
        yield cardinal
    for length in (1, 2, 3) if readings(said)[0] in _OPENING_SOUNDS else ():
        sounds = tuple(readings(t.group()[0])[0] for t in tokens[at : at + length])
        if sounds in _CHINESE_LETTERS and (length > 1 or said not in _PLAIN_WORDS):
            yield at + length, _CHINESE_LETTERS[sounds]


@lru_cache(maxsize=1_024)
def _digit(character: str) -> str | None:
    value = unicodedata.numeric(character, -1)
    return _SAID_DIGITS.get(character) or (str(int(value)) if 0 <= value < 10 else None)


def _cardinal(tokens: list[re.Match[str]], at: int) -> tuple[int, str] | None:
    """`四千零二十一` as `4021`: digits weighed by the tens, hundreds and thousands after them."""
    total, digit, end, weighed = 0, 0, at, False
    while end < len(tokens) and (value := int(unicodedata.numeric(tokens[end].group()[0], -1))) >= 0:
        if value >= 10:
            total, digit, weighed = total + (digit or 1) * value, 0, True
        elif digit:
            break
        else:
            digit = value
        end += 1
    return (end, str(total + digit)) if weighed and total < 10_000 else None


def _is_meant(text: str, tokens: list[re.Match[str]], first: int, end: int) -> bool:
    """Whether the stretch is a code rather than a quantity, part of a word or the code as it is usually written."""
    start, stop = tokens[first].start(), tokens[end - 1].end()
    written = text[start:stop].lower().replace("-", "")
    if (written.isascii() and written.isalnum()) or tokens[end - 1].group().lower() in _SILENT:
        return False
    if _is_quantity(text, stop):
        return False
    before = text[start - 1 : start] if start else ""
    opening = text[start]
    if is_chinese_character(opening):
        return not _continues_word(before, opening)
    return _is_letter_said(tokens, first)


def _is_quantity(text: str, stop: int) -> bool:
    """Whether what follows makes the digits before it a longer number or counts something by them."""
    after = text[stop : stop + 1]
    if not after:
        return False
    if after.isdigit() or (_digit(after) and not rjieba.has_word(text[stop : stop + 2])):
        return True
    return after in _MEASURES or _ENGLISH_MEASURES.match(text, stop) is not None


def _continues_word(before: str, opening: str) -> bool:
    """Whether the character that would be a letter ends a word (`注意一下`) or a number (`第一三`)."""
    if (before in _ORDINALS and before) or _digit(before or " ") or before.isdigit():
        return True
    return opening != "一" and bool(before) and rjieba.has_word(before + opening)


def _is_letter_said(tokens: list[re.Match[str]], first: int) -> bool:
    """Whether the first token is a letter: `a` and `I` are only before a number in words, and not before `one`."""
    if tokens[first].group().lower() in ("a", "i"):
        said = tokens[first + 1].group().lower()
        return said in _ENGLISH_DIGITS and said != "one"
    return True
