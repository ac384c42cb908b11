"""What of a sentence has to stand literally where it is taken from: numbers with their units, codes, links, negations.

Both languages and scripts are read alike: 五天, 5 天, "five days" and "5 days" are the same fact.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from kb.search.terms import simplified

_LINK = re.compile(r"https?://[^\s<>（）()\"'，。；]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_CODE = re.compile(r"(?<![a-z0-9])(?=[a-z0-9\-_./#]*\d)(?=[a-z0-9\-_./#]*[a-z])[a-z0-9]+(?:[-_./#]+[a-z0-9]+)*")
UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_WORDS = {word: value for value, word in enumerate(UNITS)} | {w: 10 * n for n, w in enumerate(TENS, 2)}
_WORD = re.compile(rf"\b(?:({'|'.join(TENS)})(?:[ -]({'|'.join(UNITS[1:10])}))?|({'|'.join(UNITS)}))\b")
_DIGITS = {character: value for value, character in enumerate("〇一二三四五六七八九")} | {"零": 0, "两": 2}
_PLACES = {"十": 10, "百": 100, "千": 1_000, "万": 10_000}
_UNITS = {
    "business day": r"(?:business|working)[ -]days?|个?工作日",
    "day": r"days?\b|calendar days?|个?自然日|天|日(?!元)",
    "night": r"nights?\b|晚(?!上)",
    "week": r"weeks?\b|个?星期(?![一二三四五六日天])|周(?![一二三四五六日末])|个?礼拜",
    "month": r"months?\b|个?月",
    "year": r"years?\b|年|周年",
    "hour": r"hours?\b|hrs?\b|h\b|个?小时|个?钟头",
    "minute": r"minutes?\b|mins?\b|分钟",
    "second": r"seconds?\b|secs?\b|s\b|秒",
    "o'clock": r"o'clock|点(?!击)|时(?!间)",
    "%": r"%|per ?cent\b|个百分点",
    "yuan": r"yuan\b|rmb\b|cny\b|元|块(?:钱)?",
    "pound": r"pounds?\b|gbp\b|英镑",
    "dollar": r"dollars?\b|usd\b|美元",
    "degree": r"°c?|℃|degrees?\b|度",
    "kg": r"kg\b|kilos?\b|kilograms?\b|公斤|千克",
    "g": r"g\b|grams?\b|克",
    "litre": r"l\b|lit(?:re|er)s?\b|升",
    "ml": r"ml\b|毫升",
    "cm": r"cm\b|centimet(?:re|er)s?\b|厘米|公分",
    "mm": r"mm\b|millimet(?:re|er)s?\b|毫米",
    "metre": r"m\b|met(?:re|er)s?\b|米",
    "km": r"km\b|kilomet(?:re|er)s?\b|公里|千米",
    "ghz": r"ghz\b", "mhz": r"mhz\b", "kw": r"kw\b|千瓦", "watt": r"w\b|watts?\b|瓦", "volt": r"v\b|volts?\b|伏",
    "point": r"points?\b|个?积分|分(?!钟|之)",
    "time": r"times\b|tries\b|attempts?\b|retries\b|次|遍|回",
    "fold": r"倍", "discount": r"折",
    "digit": r"digits?\b|characters?\b|位",
    "person": r"people\b|persons?\b|members?\b|个?人|名|位成员",
    "piece": r"pieces?\b|items?\b|件|台|个|张|节|条|只|块(?!钱)|份|部|户|级|层|楼",
}  # fmt: skip
_UNIT = re.compile("|".join(f"(?P<u{n}>{pattern})" for n, pattern in enumerate(_UNITS.values())))
_NAMES = list(_UNITS)
_SIGNS = {"¥": "yuan", "£": "pound", "$": "dollar", "€": "euro"}
_NUMBER = r"\d+(?:[.:]\d+)*"
_AMOUNT = re.compile(
    rf"([¥£$€])?\s?({_NUMBER})(?:\s?(?:-|–|—|~|至|到|to|or|或)\s?({_NUMBER}))?[\s-]?(?=(\S[^\d]{{0,14}})?)"
)
_MEASURE = re.compile(
    rf"(?<![a-z\d./#_-])({_NUMBER})-?(?=(?:days?|weeks?|months?|years?|hours?|minutes?|seconds?|hrs?|h|mins?|secs?|s|digits?"
    r"|kg|g|l|ml|cm|mm|m|km|ghz|mhz|kw|w|v|yuan|rmb|pounds?|points?)\b)"
)
_AMOUNT_AND_UNIT = re.compile(rf"(?<![a-z\d./#_-])[¥£$€]?\s?{_NUMBER}\s?-?(?:{'|'.join(_UNITS.values())})?")
_HAN_NUMBER = re.compile(r"[〇零一二三四五六七八九十百千万两]+")
_OWNER = re.compile(r"(?<=[a-z])'s?(?=\s)")
_ORDINAL_NUMBER = re.compile(r"第[一二三四五六七八九十\d]+|\b(?:first|third|fourth|fifth|sixth|second(?= [a-z]))\b")
_RANGE = re.compile(r"(?:至|到|或)(?=[\d一二三四五六七八九十两])\S{1,4}")
_PRONOUN = re.compile(
    r"\W*(?:of|another|who|that|which|is|can|may|should|by|for|in|on|to|from|with|and|or)?\b\W*$|\s*(?:of|another|who|that|which|is|can|may|should)\b"
)
_ORDINAL = frozenset("第周期统之")
_LOOSE = re.compile(r"[些时块点条]|个(?!月|小时|工作日|星期|自然日)|天然")  # after 一 these are no units
_THOUSANDS = re.compile(r"(?<=\d)[,，](?=\d{3}(?!\d))")
_CLASSES = (
    "monday tuesday wednesday thursday friday saturday sunday january february march april june july august"
    " september october november december red green blue yellow orange white black grey gold platinum silver diamond",
    "红 绿 蓝 黄 橙 白 黑 灰 紫 金卡 银卡 铂金 钻石 周一 周二 周三 周四 周五 周六 周日 周末 星期一 星期二 星期三"
    " 星期四 星期五 星期六 星期日 上午 下午 晚上 早上 左 右 当天 当日 次日 微信 支付宝 信用卡 银行卡 花呗",
)
_NAMED = re.compile(rf"\b(?:{'|'.join(_CLASSES[0].split())})\b|{'|'.join(_CLASSES[1].split())}")
_NEGATIONS = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|refuses?d?|forbidden|unable|excluded|except"
    r"|unless|only)\b"
    r"|n't\b|不(?!仅|但|过|锈|断|同|足|久|妨|良|透)(?<!差不)|没(?!收)|無|无(?!线|论)|未(?!来)|勿|禁止|严禁|并非|拒绝"
    r"|(?<![特分级类识区个性辨差告])别(?![的人处墅名])|除非|除了|除外|仅|(?<![一两每几\\d])只(?!是)"
)
_HARMLESS = re.compile(
    r"(?:能|会|是|可以|要|有)(?:不|没)(?:能|会|是|可以|要|有)|不仅|不过|差不多|not only|no later than|不晚于"
)
_OPPOSITES = tuple(
    (re.compile(first), re.compile(second))
    for first, second in (
        (r"\bbefore\b|\bprior to\b|\buntil\b", r"\bafter\b|\bonce\b"),
        (r"以前|之前", r"以后|之后"),
        (r"前(?!往|台|面|提|一天|两天)", r"后(?!台|盖|面|一天)"),
        (r"这次|本次|此次", r"下次|以后|今后"),
        (r"\bkept\b|\bkeep\b|保留", r"\blost\b|\blose\b|失去|清零"),
        (
            r"\bmore than\b|\bover\b|\babove\b|\bexceed|\bat least\b|\bminimum\b|超过|以上|至少|不少于|高于|满",
            r"\bless than\b|\bunder\b|\bbelow\b|\bfewer\b|\bat most\b|\bup to\b|\bmaximum\b"
            r"|不足|以下|最多|至多|低于|不到|以内",
        ),
        (r"\bopen(?:s|ed)?\b|打开|开启", r"\bclosed?\b|\bclos(?:es|ing)\b|\bshut\b|关闭|关上|合上"),
        (r"\b(?:switch|turn|switched|turned) (?:\w+ ){0,3}on\b|通电|开机",
            r"\b(?:switch|turn|switched|turned) (?:\w+ ){0,3}off\b|断电|关机"),
        (r"\bhot\b|\bwarm\b|热水", r"\bcold\b|冷水"),
        (r"\bincreas|\brais|\bhigher\b|增加|提高|升高", r"\bdecreas|\breduc|\blower(?:ed|s)?\b|减少|降低"),
        (r"\binclud(?:ed|es|ing)\b|包含|包括|含", r"\bexclud|\bextra\b|不含|另收|另付"),
        (r"\bfree\b|免(?!得|疫)|包邮", r"\bcharged?\b|\bfees?\b|\bcosts?\b|收费|收取|付费|自付"),
        (r"\bmust\b|\bhave to\b|\brequired\b|必须|一定要|需要", r"\bmay\b|\bcan\b|\boptional|可以|可选|不必|无需|不用"),
        (r"\ballow|\baccept|允许|接受|支持", r"\bforbid|\brefus|\bdeclin|禁止|拒绝|不支持"),
        (r"\bbuyers?\b|\bcustomers?\b|\byou pay\b|买家|顾客|客户|您承担",
            r"\bsellers?\b|\bwe pay\b|卖家|商家|我们承担"),
        (r"\balways\b|\bevery\b|总是|每次|所有|全部|一律", r"\bsometimes\b|\bsome\b|有时|部分|个别"),
        (r"\bwithin\b|\binside\b|保内", r"\boutside\b|保外"),
        (r"\bindoors?\b|室内", r"\boutdoors?\b|室外"),
        (r"\bautomatic|自动", r"\bmanual|\bby hand\b|手动|人工"),
        (r"\bearliest\b|\bfirst\b|\bstart|最早|首次|第一|开始", r"\blatest\b|\blast\b|\bend(?:s|ed)?\b|最晚|最后|结束"),
    )
)  # fmt: skip


@lru_cache(maxsize=8_192)
def plain(text: str) -> str:
    """A text in which the same fact is written in the same way: one script, lower case, digits for number words."""
    folded = _THOUSANDS.sub("", _OWNER.sub("", simplified(text).lower().replace("’", "'")))
    return _HAN_NUMBER.sub(_from_han, _WORD.sub(_from_english, folded))


@lru_cache(maxsize=8_192)
def literals(text: str) -> frozenset[str]:
    """Amounts (`5 day`), codes (`e-4021`), links, and words that stand for one of a few, of a text that is `plain`."""
    links, rest = _taken(_LINK, text)
    codes, rest = _taken(_CODE, _MEASURE.sub(r"\1 ", rest))
    found = {link.rstrip(".,;:!?").removesuffix("/") for link in links}
    found |= {code.strip("-_./#") for code in codes} | set(_NAMED.findall(rest)) | set(_ORDINAL_NUMBER.findall(rest))
    return frozenset(found | set(_amounts(rest)))


@lru_cache(maxsize=8_192)
def without_amounts(text: str) -> str:
    """A text that is `plain` without its numbers and their units, which are literals and no words."""
    return _AMOUNT_AND_UNIT.sub(" ", text)


def named(facts: frozenset[str]) -> frozenset[str]:
    """Those of the facts that are one of a few, such as Tuesday, green or gold."""
    return frozenset(fact for fact in facts if _NAMED.fullmatch(fact))


def lacking(said: frozenset[str], held: frozenset[str]) -> frozenset[str]:
    """The literals of a statement that its evidence lacks; a bare number there is of any unit."""
    bare = {fact.partition(" ")[0] for fact in held}
    return frozenset(fact for fact in said - held if " " in fact or fact not in bare)


@lru_cache(maxsize=8_192)
def negations(text: str) -> int:
    """How many negations and restrictions a text that is `plain` holds."""
    return len(_NEGATIONS.findall(_HARMLESS.sub(" ", text)))


def opposes(said: str, held: str) -> bool:
    """Whether of a pair such as before and after, one text has the one alone, and the other the other alone."""
    return any(
        (first.search(said) and not second.search(said) and second.search(held) and not first.search(held))
        or (second.search(said) and not first.search(said) and first.search(held) and not second.search(held))
        for first, second in _OPPOSITES
    )


def _taken(pattern: re.Pattern[str], text: str) -> tuple[list[str], str]:
    return [match.group() for match in pattern.finditer(text)], pattern.sub(" ; ", text)


def _amounts(text: str) -> Iterator[str]:
    for match in _AMOUNT.finditer(text):
        sign, first, last, after = match.groups()
        unit = _SIGNS[sign] if sign else _unit(after or "")
        if last and sign:  # £50 or 299 yuan: only the first is of this currency
            first, last = first, None
            yield from _amounts(text[match.start(3) : match.end() + 15])
        for number in filter(None, (first, last)):
            yield f"{_shortest(number)} {unit}".strip()


def _unit(after: str) -> str:
    match = _UNIT.match(after)
    return _NAMES[int((match.lastgroup or "u0")[1:])] if match else ""


def _shortest(number: str) -> str:
    """`20:00` stays, `5.0` is `5`, `09` is `9`."""
    if ":" in number:
        return number.lstrip("0") or "0"
    whole, _, rest = number.partition(".")
    rest = rest.rstrip("0") if "." not in rest else rest
    return (whole.lstrip("0") or "0") + (f".{rest}" if rest else "")


def _from_english(match: re.Match[str]) -> str:
    tens, ones, alone = match.groups()
    if alone == "one" and (
        _PRONOUN.match(match.string[match.end() :]) or match.string[: match.start()].endswith("no ")
    ):
        return match.group()  # a pronoun
    return str(_WORDS[alone] if alone else _WORDS[tens] + (_WORDS[ones] if ones else 0))


def _from_han(match: re.Match[str]) -> str:
    """Chinese numerals before a unit, and no others: 一般 and 统一 are no numbers."""
    run, after = match.group(), match.string[match.end() : match.end() + 4]
    before = match.string[: match.start()][-1:]
    is_amount = (
        (_UNIT.match(after) or _RANGE.match(after))
        and before not in _ORDINAL
        and not (run == "一" and _LOOSE.match(after))
    )
    return str(_value(run)) if is_amount and run.strip("万") else run


def _value(run: str) -> int:
    if not any(character in _PLACES for character in run):
        return int("".join(str(_DIGITS[character]) for character in run))
    total = section = digit = 0
    for character in run:
        if character in _DIGITS:
            digit = _DIGITS[character]
        elif character == "万":
            total, section, digit = (total + section + digit) * 10_000, 0, 0
        else:
            section, digit = section + (digit or 1) * _PLACES[character], 0
    return total + section + digit
