"""E-mail addresses, typed or spelled out: "zhang wei at example dot com", 小王艾特一六三点com."""

# ruff: noqa: SIM905 - word lists are easier to read and extend as one string

from __future__ import annotations

import re

from kb.ingest.spans import Span, matches

_TYPED = re.compile(
    r"[A-Za-z0-9._%+'\-]*[A-Za-z0-9_%+\-][ ]?@[ ]?[A-Za-z0-9\-]+(?:[ ]?\.[ ]?[A-Za-z0-9\-]+)*\.[ ]?[A-Za-z]{2,}"
    r"|[A-Za-z0-9._%+\-]+ ?[\[({<]? ?(?:at|@) ?[\])}>] ?[A-Za-z0-9\-]+"
    r"(?: ?[\[({<]? ?(?:dot|\.) ?[\])}>]? ?[A-Za-z0-9\-]+)+"
    r"|[^\W_][\w.+\-]*@[\w\-]+(?:\.[\w\-]+)+",
    re.IGNORECASE,
)
_NUMBER = "zero|oh|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
_NUMBER += "|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|double|triple|hundred"
_DIGIT = "零〇幺一二三四五六七八九两"
_TLD = "com|cn|net|org|hk|tw|sg|uk|us|co|edu|gov|io|me|info|example|eu|de|fr|biz|ac|康姆"
_NO_TLD = "the|and|was|that|which|when|if|but|not|then|on|is|or|of|for|with|there|lit|light|keeps|does|goes"
_SAID_DOT = r"(?:\s*(?:(?<![A-Za-z])dot(?![A-Za-z])|小数点|点儿|点|點)\s*)"
_DOT = rf"(?:{_SAID_DOT}|\s*\.\s*)"
# after a dot said aloud any short word is a top-level domain, spelled or not; a written one may end a sentence
_SAID_TLD = rf"(?:(?!(?:{_NO_TLD})(?![A-Za-z]))[A-Za-z]{{2,6}}|[A-Za-z](?:\s[A-Za-z]){{1,3}})"
_END = rf"(?:{_DOT}(?:{_TLD})|{_SAID_DOT}{_SAID_TLD})(?![A-Za-z])"
_LABEL = rf"(?:[A-Za-z0-9\-]+(?:\s(?:(?:{_NUMBER})|[A-Za-z0-9])(?![A-Za-z]))*|[{_DIGIT}\d]+|[\u4e00-\u9fff]{{1,4}}?)"
_DOMAIN = re.compile(
    rf"\s*(?:{_LABEL}(?:\s{_LABEL})?)(?:{_DOT}{_LABEL})*?{_END}(?:{_END})?",
    re.IGNORECASE,
)
_AT = re.compile(
    r"(?<![A-Za-z])at(?: sign| symbol)?(?![A-Za-z])|艾特|爱特|愛特|哎特|艾忒|圈\s?[aA]"
    r"|[aA]圈|小老鼠|@|花[aA]|at(?=\s*[\u4e00-\u9fff])",
    re.IGNORECASE,
)
_PIECE = re.compile(rf"[A-Za-z0-9_+'\-]+|[{_DIGIT}]+|[\u4e00-\u9fff]+")
_JOINER = {"dot", "underscore", "dash", "hyphen", "plus", "点", "點", "下划线", "下劃線", "杠", "横杠", "减号", "score"}
_ENGLISH_STOPS = frozenset(
    "is it's its it my me your our his her their email e-mail mail mail's address at to the on use yes yeah um uh er so"
    " that's that word please send contact reach and or for by of i'm i am are you can with under be was would will"
    " invoice receipt confirmation just now not no ok okay right sure well actually lowercase letters one's"
    " ordered bought shop shopping buy look looked website site online saw found order account login log page".split()
)
_NEVER_LOCAL = frozenset(
    "ordered bought shop shopping buy look looked website site online saw found order account page was".split()
)
_CHINESE_STOPS = re.compile(
    r".*(?:邮箱地址|邮箱|信箱|地址|邮件|是|给|到|发|就|写|用|为|我|的|成|改|呢|嗯|啊|在|叫|記|寄|個|对|對|下|上|字母)"
)
_LETTER = re.compile(r"[A-Za-z0-9](?![A-Za-z0-9])")
_AFTER_LETTER = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]\s$")
_MOST_WORDS = 3


def find_emails(text: str) -> list[Span]:
    """Typed addresses first, then what was read aloud around an "at" that a "dot com" follows."""
    if "@" not in text and not _AT.search(text):
        return []
    found = matches(_TYPED, text, "email")
    taken = [(a, b) for a, b, _ in found]
    for at in _AT.finditer(text):
        domain = _DOMAIN.match(text, at.end())
        if domain and not any(a <= at.start() < b for a, b in taken):
            start = _local_start(text, at.start())
            if start < at.start():
                found.append(Span(start, domain.end(), "email"))
    return found


def _local_start(text: str, at: int) -> int:
    """Where the part before "at" begins: back over spelled letters, joiners and at most three words."""
    start, words, joined = at, 0, True
    window = max(0, at - 80)
    for piece in reversed(list(_PIECE.finditer(text, window, at))):
        word = piece[0].lower()
        if text[piece.end() : start].strip(" .·"):
            break
        if "\u4e00" <= word[0] <= "\u9fff" and word not in _JOINER and not _spelled(word):
            return _chinese_start(text, piece, start, joined)
        beside_letter = _LETTER.match(text, start) or _AFTER_LETTER.search(
            text, max(0, piece.start() - 3), piece.start()
        )
        spelled = len(word) == 1 and not text[piece.end() : start].strip() and beside_letter is not None
        if (
            word in _ENGLISH_STOPS
            and not spelled
            and not (joined and start == at and word not in _NEVER_LOCAL and len(word) > 3)
        ):
            break
        if word not in _JOINER and not _spelled(word):
            words += 0 if joined and words else 1
            if words > _MOST_WORDS:
                break
        joined = word in _JOINER
        start = piece.start()
    return start


def _chinese_start(text: str, piece: re.Match[str], start: int, joined: bool) -> int:
    """A Chinese word is the local part only when nothing else is, or after a joiner."""
    tail = _CHINESE_STOPS.sub("", piece[0])
    adjacent = start == piece.end() or not text[piece.end() : start].strip()
    if not joined or not tail or len(tail) > 6 or not adjacent:
        return start
    return piece.end() - len(tail)


def _spelled(word: str) -> bool:
    return len(word) == 1 or word.isdigit() or all(c in _DIGIT for c in word) or bool(re.fullmatch(_NUMBER, word))
