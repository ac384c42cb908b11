"""Numbers that name a person, written in digits: identity cards, bank cards, IBANs; and numbers that name things."""

from __future__ import annotations

import re

from stdnum import iban, luhn
from stdnum.cn import ric
from stdnum.exceptions import ValidationError
from stdnum.us import ssn

from kb.ingest.contexts import follows_card_word, follows_identity_word, follows_order_word
from kb.ingest.spans import KEPT, Span, matches

_SEP = r"[\s\-._*/|~,·:]{0,3}"
_RIC = re.compile(rf"(?<!\d)[1-9](?:{_SEP}\d){{16}}{_SEP}[\dXx](?![A-Za-z0-9])")
_OLD_RIC = re.compile(r"(?<![A-Za-z0-9])[1-9]\d{14}(?![A-Za-z0-9])")
_OTHER_IDENTITY = re.compile(
    r"(?<![A-Za-z0-9\-])(?:(?P<hk>[A-Z]{1,2}\d{6}\s?\([0-9A]\))"
    r"|(?P<letter>[A-Z][ -]?[1289]\d{2}[ -]?\d{3}[ -]?\d{3}|[STFGM]\d{7}[A-Z]|[A-Z]{1,2}\d{6}[0-9A])"
    r"|(?P<nino>[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D])"
    r"|(?P<ssn>\d{3}-\d{2}-\d{4}))(?![A-Za-z0-9\-])"
)
_CARD = re.compile(r"(?<![A-Za-z0-9])(?<![A-Za-z0-9]-)\d(?:[\s\-._*/·]{0,2}\d){12,18}(?![A-Za-z0-9]|-[A-Za-z0-9])")
_CARD_PREFIX = re.compile(
    r"(?:4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|(?:222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|3[47]\d{13}"
    r"|62\d{14,17}|(?:6011|64[4-9]\d|65\d\d|60\d\d)\d{12}|35[2-8]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|9558\d{12,15}"
    r"|(?:50|5[6-8]|6[37])\d{14,17})"
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[ -]?\d{2}(?:[ -]{0,2}[A-Za-z0-9]){11,30}")
_IBAN_LENGTHS = {
    country: int(length)
    for length, countries in {
        "15": "NO", "16": "BE", "18": "DK NL FI FO GL", "19": "SI MK", "20": "AT EE KZ LT LU BA",
        "21": "CH LI HR LV", "22": "GB DE IE GE RS BG BH ME", "23": "AE IL GI TL", "24": "ES SE CZ SK RO SA PK TN",
        "25": "PT", "26": "TR IS", "27": "FR IT GR SM MC MR", "28": "PL HU CY AZ LB", "29": "BR QA UA", "31": "MT",
    }.items()
    for country in countries.split()
}  # fmt: skip
_SHORTEST_IBAN = 15
_ALNUM = re.compile(r"[A-Za-z0-9]")

_IDENTIFIER = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]+(?:[-_]{1,2}[A-Za-z0-9]+)*")
_PHONE_AFFIX = re.compile(
    r"(?:tel|telephone|phone|mobile|mob|cell|call|ph|fax|hp|wx|vx|wechat|whatsapp|[tmp])[-_]?[\d-]+"
    r"|[\d-]+[-_]?(?:ext|x)\d+|[A-Z]?[a-z]+-1[3-9]\d{9}",
    re.IGNORECASE,
)
_AFTER_ORDER_WORD = re.compile(r"[A-Za-z0-9]+(?:[-_/.][A-Za-z0-9]+)*(?: \d{1,6}(?![\d-]))*")
_NOT_PERSONAL = re.compile(
    r"(?<![\d-])(?:19|20)\d\d ?[-/.年] ?(?:1[0-2]|0?[1-9]) ?[-/.月] ?(?:3[01]|[12]\d|0?[1-9])(?:日|号|號)?(?!\d)"
    r"(?:[T ]{0,2}[0-2]?\d:[0-5]\d(?::[0-5]\d)?(?:\.\d+)?)?"
    r"|(?<!\d)(?:3[01]|[12]\d|0?[1-9])[/.-](?:1[0-2]|0?[1-9])[/.-](?:19|20)\d\d(?!\d)"
    r"|(?<!\d)(?:19|20)\d\d(?:1[0-2]|0[1-9])(?:3[01]|[12]\d|0[1-9])(?!\d| ?-?\d{4})"
    r"|(?<![\d:])[0-2]?\d:[0-5]\d(?::[0-5]\d)?(?!\d)"
    r"|(?:[¥$£€]|(?:RMB|CNY|USD|HKD|GBP|NT\$|HK\$|S\$)) ?\d[\d,]*(?:\.\d+)?"
    r"|(?<![\d-])\d[\d,]*(?:\.\d+)? ?(?:元|块|塊|万|萬|亿|人民币|(?:rmb|usd|yuan|pounds|dollars|gbp)(?![a-z]))"
    r"|(?<![\d.])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d])"
    r"|(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])"
    r"|(?<![A-Za-z])(?:v|ver|version|版本号?|固件)[ :.是]{0,3}\d+(?:\.\d+)+",
    re.IGNORECASE,
)


def digits_of(text: str) -> str:
    """The ASCII digits of `text`, in order."""
    return "".join(char for char in text if char in "0123456789")


def find_ibans(text: str) -> list[Span]:
    """International bank account numbers: a country and its length, or a check sum that `stdnum` accepts."""
    found = (_iban_at(m) for m in _IBAN.finditer(text))
    return [span for span in found if span]


def _iban_at(match: re.Match[str]) -> Span | None:
    places = [m.start() for m in _ALNUM.finditer(match[0])]
    compact = "".join(match[0][p] for p in places).upper()
    length = _IBAN_LENGTHS.get(compact[:2])
    if len(compact) < _SHORTEST_IBAN:
        return None
    if length is None:
        return Span(*match.span(), "iban") if iban.is_valid(compact) else None
    if len(compact) < length or sum(c.isdigit() for c in compact[4:length]) < 6:
        return None
    end = places[length - 1] + 1
    if match[0][end : end + 1].isalnum():
        return None
    return Span(match.start(), match.start() + end, "iban")


def find_resident_ids(text: str) -> list[Span]:
    """Identity card numbers: mainland (`stdnum.cn.ric`), Hong Kong, Taiwan, Singapore, UK and US ones."""
    found = [Span(*m.span(), "resident_id") for m in _RIC.finditer(text) if _is_ric(text, m)]
    found += [Span(*m.span(), "resident_id") for m in _OLD_RIC.finditer(text) if follows_identity_word(text, m.start())]
    return found + [
        Span(*m.span(), "resident_id") for m in _OTHER_IDENTITY.finditer(text) if _is_other_identity(text, m)
    ]


def _is_ric(text: str, match: re.Match[str]) -> bool:
    number = "".join(c for c in match[0] if c.isalnum()).upper()
    if follows_identity_word(text, match.start()):
        return True
    # not `ric.is_valid`: it raises KeyError (python-stdnum 2.2) for a code whose county its table lacks
    certain = looks_like_ric(number) and ric.calc_check_digit(number) == number[-1]
    return certain or (looks_like_ric(number) and not follows_order_word(text, match.start()))


def looks_like_ric(number: str) -> bool:
    """Whether 18 characters hold a province and a birth date; a mistyped check digit does not save it."""
    if len(number) != 18 or not "11" <= number[:2] <= "91" or not "1900" <= number[6:10] <= "2035":
        return False
    try:
        ric.get_birth_date(number)
    except ValidationError:
        return False
    return True


def _is_other_identity(text: str, match: re.Match[str]) -> bool:
    if match["ssn"]:
        return bool(ssn.is_valid(match[0])) and not follows_order_word(text, match.start())
    if match["hk"] and not follows_order_word(text, match.start()):
        return True
    return follows_identity_word(text, match.start())


def find_cards(text: str) -> list[Span]:
    """Bank card numbers of 13 to 19 digits, by prefix, length and Luhn sum, or because a word says so."""
    return [Span(*m.span(), "bank_card") for m in _CARD.finditer(text) if _is_card(text, m)]


def _is_card(text: str, match: re.Match[str]) -> bool:
    if follows_order_word(text, match.start()):
        return False
    if follows_card_word(text, match.start()):
        return True
    digits = digits_of(match[0])
    if not _CARD_PREFIX.fullmatch(digits):
        return False
    return bool(luhn.is_valid(digits)) or re.match(r"\d{4}[ -]\d{4}[ -]\d{4}[ -]\d", match[0]) is not None


def find_kept(text: str) -> list[Span]:
    """Numbers that name things: identifiers with letters, what follows an order word, dates, prices, versions."""
    found = [Span(*m.span(), KEPT) for m in _IDENTIFIER.finditer(text) if _names_a_thing(m[0])]
    found += [
        Span(m.start(), longer.end(), KEPT)
        for m in _IDENTIFIER.finditer(text)
        if any(c.isdigit() for c in m[0]) and follows_order_word(text, m.start())
        if (longer := _AFTER_ORDER_WORD.match(text, m.start()))
    ]
    return found + matches(_NOT_PERSONAL, text, KEPT)


def _names_a_thing(word: str) -> bool:
    has_both = any(c.isdigit() for c in word) and any(c.isalpha() for c in word)
    return has_both and not _PHONE_AFFIX.fullmatch(word)
