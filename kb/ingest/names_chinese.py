"""Chinese personal names: after 我姓 and 我叫, before 先生 and 女士, behind labels, under letters, beside a number."""

# ruff: noqa: E501 - a pattern reads better in one piece

from __future__ import annotations

import re

from kb.ingest.spans import CONTACT_MASKS, Span, matches
from kb.ingest.surnames import COMPOUND, NOT_NAMES, SINGLE

_HAN = r"\u4e00-\u9fff"
_FAMILY = rf"(?:{'|'.join(COMPOUND)}|[{SINGLE}])"
_NO_GIVEN = (
    "的了吗呢吧啊呀哦嗯我你您他她它们們在有没沒不是说說要想会會就都也还還很这這那什么麼哪怎与與跟把被给給让讓从從到对對来來去问問打住电電"
    "手地址邮郵订訂退买買产產洗号號码碼个個几幾块元点點台件岁"
)
_GIVEN = rf"(?:(?!先生|女士|小姐|太太|老师|师傅|師傅|本人)[{_HAN}](?<![{_NO_GIVEN}]))"
_NOT = rf"(?!{'|'.join(NOT_NAMES)})"
_NAME = rf"{_NOT}{_FAMILY}{_GIVEN}(?:{_GIVEN})?"
_TITLE = "先生|女士|小姐|太太|夫人|阿姨|大姐|大哥|大爷|大妈|叔叔|伯伯|奶奶|爷爷|老师|師傅|师傅|经理|經理|主任|医生|醫生|同学|总|姐|哥|女仕"
_END = rf"(?=[^{_HAN}]|$|{_TITLE}|本人|[{_NO_GIVEN}]|这|電|电话|收|签收|和|，|打|用|下单|寄|買|买|付|报|报修|现在|今天|昨天|因为|所以|请|麻烦|邮箱)"
_STRICT = rf"{_NAME}{_END}"
_SHY = rf"(?:{_NOT}{_FAMILY}{_GIVEN}{_GIVEN}{_END}|{_NOT}{_FAMILY}{_GIVEN}{_END}|{_NAME})"
_LINK = r"(?:[:：\s=「“\"]|是|叫|写|寫|為|为|填|就是|改成|改为|嗯|啊|呃|那个|那個|，|,){0,5}"

_AFTER_SURNAME_WORD = re.compile(
    rf"(?<![百同老])(?:免贵|免貴|敝|我|他|她)?姓(?!名|什|啥|氏)[\s:：是]{{0,3}}(?P<name>(?P<family>{_FAMILY})"
    rf"(?:[\s,，]*[{_HAN}]{{0,5}}?(?P=family)(?=[\s,，。.!！呀啊]|$)){{0,3}})"
)
_AFTER_NAME_WORD = re.compile(
    rf"(?:我叫|我名叫|[他她]叫|名叫|叫做|叫作|联系人|聯絡人|聯繫人|收件人|收货人|收貨人|收方|寄件人|收件|(?<!填写)姓名|名字|户名|戶名|开户名"
    rf"|持卡人|签收人|簽收人|投保人|使用人|真名|全名|署名|法人|本名)(?:也|还|還|的)?{_LINK}(?P<name>{_SHY})"
)
_AFTER_PERSON = re.compile(
    rf"(?:我是|这里是|這裡是|这边是|這邊是|我这边|您是|你是|请问是|本人|客户|客戶|顾客|顧客|机主|業主|业主|老公|老婆|丈夫|妻子|爱人|太太"
    rf"|先生|儿子|兒子|女儿|女兒|妈妈|我妈|我媽|爸爸|我爸|母亲|父亲|哥哥|姐姐|弟弟|妹妹|朋友|同事|邻居|室友|亲戚|登记一下|登记|登記|抬头|抬頭|工程师"
    rf"|师傅|經手人|经手人|代表|找|叫|给|給|就是|是|写|寫)(?:的名字|名字)?{_LINK}(?P<name>{_NOT}{_FAMILY}{_GIVEN}{{1,2}})"
    rf"(?=\s|[,，。.!！?？;；、)）]|$|本人|先生|女士|小姐|的电话|的手机|的訂單|的订单|名下)"
)
_TITLED = re.compile(
    rf"(?P<name>(?:(?:^|(?<=[^{_HAN}])|(?<=[是叫的给给找为和请让]))(?:{_NAME})|{_FAMILY}|{_NOT}{_FAMILY}{_GIVEN}{{1,2}})(?:{_TITLE}))"
    rf"(?!傅|卡|家)"
)
_FAMILIAR = re.compile(
    rf"(?<![{_HAN}])(?:(?:哎|喂|找|是|叫|我是)\s?)?(?P<name>[老小阿](?!时|石|白|黄金|马路|和|花)[{SINGLE}])(?=[啊呀吗嘛呢,，。\s]|$)"
)
_LABELLED = re.compile(
    rf"(?:收件人|收货人|收貨人|联系人|聯絡人|聯繫人|客户姓名|客戶姓名|客户|姓名|称呼|稱呼|户名|昵称|签名)[ \t]*[:：][ \t]*"
    rf"(?P<name>[{_HAN}·•]{{2,8}})(?=[^{_HAN}]|$)"
)
_SIGNED = re.compile(
    rf"(?:此致|敬礼|敬禮|谢谢|謝謝|多谢|多謝|感谢|感謝|祝好|顺祝商祺|顺颂商祺|敬上)[\s!！。,，~～]*\s*(?P<name>{_NAME})(?=\s*(?:$|\n|敬上|上|\d))"
    rf"|\n\s*[-—]*\s*(?P<last>{_NAME})\s*$|(?P<humble>{_NAME})(?=\s*(?:敬上|谨上|謹上|拜上|呈上))"
)
_DOTTED = re.compile(rf"(?P<name>[{_HAN}]{{2,6}}[·•‧][{_HAN}]{{2,8}})")
_BESIDE = re.compile(
    rf"(?<![{_HAN}])(?P<name>{_NAME})[\s,，:：、|/]{{1,3}}(?=[{CONTACT_MASKS}])"
    rf"|[{CONTACT_MASKS}][\s,，:：、|/]{{1,3}}(?P<after>{_NAME})(?=[\s,，。;；]|$)"
)
_LATIN = re.compile(
    r"(?:我叫|[他她]叫|联系人|聯絡人|收件人|收货人|收貨人|收件|姓名|户名|名字|持卡人|英文名)(?:是|叫|写|寫|為|为|[:：\s]){0,4}"
    r"(?P<name>[A-Z][A-Za-z'\-]+(?:\s[A-Z][A-Za-z'\-]+){0,3})"
)
_CALLED = re.compile(r"[叫名]|联系人|聯|收[件货貨方]|寄件|[户戶]名|持卡|[签簽]收|投保|使用人|署名|法人|客|[称稱]呼|昵")
_SIGNING = re.compile(r"此致|敬|谢|謝|祝|顺颂|感|[上呈]|\n")
_PATTERNS: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = (  # each with a cheap sign that it could match
    (_AFTER_SURNAME_WORD, re.compile("姓")),
    (_AFTER_NAME_WORD, _CALLED),
    (
        _AFTER_PERSON,
        re.compile(
            r"[是叫给給找写寫登抬代]|本人|客|[机業业]主|老[公婆]|[夫妻爱太先儿兒女妈媽爸母父哥姐弟妹友事居戚师經经]"
        ),
    ),
    (_TITLED, re.compile(_TITLE)),
    (_FAMILIAR, re.compile(r"[老小阿]")),
    (_LABELLED, re.compile(":")),
    (_SIGNED, _SIGNING),
    (_DOTTED, re.compile(r"[·•‧]")),
    (_BESIDE, re.compile(rf"[{CONTACT_MASKS}]")),
    (_LATIN, _CALLED),
)
_SHORTEST_ECHO = 2


def find_chinese_names(text: str) -> list[Span]:
    """Names that a phrase, a title, a label, a signature or a neighbouring contact detail gives away."""
    found: list[Span] = []
    for pattern, hint in _PATTERNS:
        if hint.search(text):
            found += [span for group in pattern.groupindex if group != "family" for span in _in(pattern, text, group)]
    return found + _echoes(text, found)


def _in(pattern: re.Pattern[str], text: str, group: str) -> list[Span]:
    return matches(pattern, text, "name", group)


def _echoes(text: str, found: list[Span]) -> list[Span]:
    """The same full names wherever else they stand in the text."""
    full = re.compile(rf"{_FAMILY}{_GIVEN}{{1,2}}")
    names = {text[a:b] for a, b, _ in found if full.fullmatch(text[a:b]) and b - a > _SHORTEST_ECHO}
    return [Span(*m.span(), "name") for name in names for m in re.finditer(re.escape(name), text)]
