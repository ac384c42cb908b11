"""Chinese personal names: after 我姓 and 我叫, before 先生 and 女士, behind labels, under letters, beside a number."""

# ruff: noqa: E501 - a pattern reads better in one piece

from __future__ import annotations

import re
from collections.abc import Iterator

from kb.ingest.spans import CONTACT_MASKS, Span
from kb.ingest.surnames import COMPOUND, NOT_NAMES, SINGLE

_HAN = r"\u4e00-\u9fff"
_LONGEST_NAME, _REACH, _ANYWHERE = 4, 12, -1
_FAMILY = rf"(?:{'|'.join(COMPOUND)}|[{SINGLE}])"
_NO_GIVEN = (
    "的了吗呢吧啊呀哦嗯我你您他她它们們在有没沒不是说說要想会會就都也还還很这這那什么麼哪怎与與跟把被给給让讓从從到对對来來去问問打住电電"
    "手地址邮郵订訂退买買产產洗号號码碼个個几幾块元点點台件岁帮幫替已昨刚剛签簽付寄约約接拿报報嘅咗喺啦呃嗯"
)
_GIVEN = rf"(?:(?!先生|女士|小姐|太太|老师|师傅|師傅|本人)[{_HAN}](?<![{_NO_GIVEN}]))"
_NOT = rf"(?!{'|'.join(NOT_NAMES)})"
_NAME = rf"{_NOT}{_FAMILY}{_GIVEN}(?:{_GIVEN})?"
_TITLE = "先生|女士|小姐|太太|夫人|阿姨|大姐|大哥|大爷|大妈|叔叔|伯伯|奶奶|爷爷|老师|師傅|师傅|经理|經理|主任|医生|醫生|同学|总|姐|哥|女仕"
_END = rf"(?=[^{_HAN}]|$|{_TITLE}|本人|[{_NO_GIVEN}]|这|電|电话|收|签收|和|，|打|用|下单|寄|買|买|付|报|报修|现在|今天|昨天|因为|所以|请|麻烦|邮箱)"
_STRICT = rf"{_NAME}{_END}"
_SHY = rf"(?:{_NOT}{_FAMILY}{_GIVEN}{_GIVEN}{_END}|{_NOT}{_FAMILY}{_GIVEN}{_END}|{_NAME})"
_LINK = r"(?:[:：\s=「“\"]|是|叫|写|寫|為|为|填|就是|就行|即可|个人|改成|改为|换成|換成|嗯|啊|呃|那个|那個|，|,|我自己|我本人|我|自己|还是|還是|应该|應該|可能|係){0,5}"
_ROLE = (
    "租客|租户|租戶|住户|住戶|户主|戶主|房东|房東|屋主|机主|機主|业主|業主|车主|店主|买家|買家|用户|用戶|客户|客戶|顾客|顧客|会员|會員|代表|经手人|經手人"
    "|报修人|报装人|预约人|預約人|登记人|申请人|申請人|委托人|代收人|付款人|汇款人|收款人|下单人|订货人|购买人|負責人|负责人|当事人|被保险人|监护人"
    "|工程师|工程師|技师|技師|师傅|師傅|维修工|安装工|司机|快递员|送货员|客服|专员|專員|店长|店長|主管|老板|老闆|助理|秘书|前台|管家|保安|房客"
)
_RELATION = (
    "老公|老婆|丈夫|妻子|爱人|愛人|太太|先生|儿子|兒子|女儿|女兒|闺女|孩子|妈妈|媽媽|我妈|我媽|爸爸|我爸|母亲|母親|父亲|父親|老妈|老爸|老伴|哥哥|姐姐|弟弟|妹妹"
    "|我哥|我姐|我弟|我妹|表哥|表姐|表弟|表妹|堂哥|堂姐|堂弟|堂妹|嫂子|姐夫|妹夫|弟妹|舅舅|舅妈|叔叔|姑姑|姑妈|姨妈|伯父|婆婆|公公|岳父|岳母|丈母娘|外公|外婆"
    "|爷爷|奶奶|孙子|孙女|侄子|侄女|外甥|女婿|儿媳|媳妇|男友|女友|男朋友|女朋友|闺蜜|朋友|同事|同学|同學|邻居|鄰居|室友|舍友|合租的?|亲戚|親戚|对象|師傅|师傅|保姆"
)

_AFTER_SURNAME_WORD = re.compile(
    rf"(?<![百同老])(?:免贵|免貴|敝|我|他|她)?姓(?!名|什|啥|氏)[\s:：是係]{{0,3}}(?P<name>(?P<family>{_FAMILY})"
    rf"(?:[\s,，]*[{_HAN}]{{0,5}}?(?P=family)(?=[\s,，。.!！呀啊]|$)){{0,3}})"
)
_AFTER_NAME_WORD = re.compile(
    rf"(?:我叫|我名叫|[他她]叫|名叫|叫做|叫作|联系人|聯絡人|聯繫人|收件人|收货人|收貨人|收方|寄件人|收件|收货|(?<!填写)姓名|名字|户名|戶名|开户名|抬头|抬頭"
    rf"|持卡人|签收人|簽收人|投保人|使用人|真名|全名|大名|署名|法人|本名|实名|名下是)(?:也|还|還|的|那里|那儿|那栏|栏|上)?{_LINK}(?P<name>{_SHY})"
)
_AFTER_PERSON = re.compile(
    rf"(?:我是|我係|我系|呢度係|呢位係|这里是|這裡是|这边是|這邊是|我这边|您是|你是|请问是|請問是|本人|{_ROLE}|{_RELATION}|登记一下|登记|登記|挂号|转接|转一下|转|轉|填|找|搵|叫|给|給|就是|是|係"
    rf"|写|寫|留)(?:的名字|名字|嘅名)?{_LINK}(?P<name>{_NOT}{_FAMILY}{_GIVEN}{{1,2}})"
    rf"(?=\s|[,，。.!！?？;；、)）]|$|本人|先生|女士|小姐|的电话|的手机|的訂單|的订单|名下)"
)
# someone's own relation or role and then a name that something is said of
_AFTER_RELATION = re.compile(
    rf"(?:{_RELATION}|{_ROLE}|我是|我係)(?:叫|是|係|就是)?(?P<name>{_NOT}{_FAMILY}{_GIVEN}{{1,2}})"
    rf"(?=帮|幫|替|代|来|來|去|在|的|说|說|到|已|会|會|要|签|簽|下单|下的|买|買|付|订|訂|给|給|打|他|她|跟|和|收|用|报|報|住|约|約|上次|昨天|前天|今天|刚|剛|啊|呀|哈|哦|嘅|喺|喎|女士|先生)"
)
# a name and how its family name is written: 章北海 立早章, 黎明 黎明的黎
_EXPLAINED = re.compile(
    rf"(?<![{_HAN}])(?P<name>{_NOT}(?P<family>{_FAMILY}){_GIVEN}{{1,2}})[\s,，]{{1,2}}[{_HAN}]{{1,6}}?(?P=family)(?=[\s,，。]|$)"
)
_SPACED = re.compile(
    rf"(?:我叫|[他她]叫|名叫|名字|姓名|户名|收件人|收货人|联系人|我是|姓)(?:[:：\s是叫]|[一二两三四][个個]字){{0,4}}(?P<name>[{SINGLE}](?:[\s,，]{{1,2}}(?!{'|'.join(NOT_NAMES)}){_GIVEN}(?![{_HAN}])){{1,2}})"
)
_CANTONESE = re.compile(
    rf"(?:(?<![{_HAN}])|(?<=[係系揾搵同叫俾畀位]))(?P<name>[陳黃李王張林吳劉蔡楊許鄭謝郭洪曾周葉蘇莊呂江何蕭羅朱鍾施沈彭趙胡賴盧黎馮鄧梁麥陈黄张吴刘杨郑谢][生太])(?=[\s,，。!?！？、你您嘅喺話呀啊]|$)"
)
_TITLED = re.compile(
    rf"(?P<name>(?:(?:^|(?<=[^{_HAN}])|(?<=[是叫的给给找为和请让]))(?:{_NAME})|{_FAMILY}|{_NOT}{_FAMILY}{_GIVEN}{{1,2}})(?:{_TITLE}))"
    rf"(?!傅|卡)"
)
_FAMILIAR = re.compile(
    rf"(?<![{_HAN}])(?:(?:哎|喂|找|是|叫|我是)\s?)?(?P<name>[老小阿](?!时|石|白|黄金|马路|和|花)[{SINGLE}])(?=[啊呀吗嘛呢,，。\s]|$)"
    rf"|(?:{_ROLE}|{_RELATION}|门卫|物业|隔壁|楼上|楼下)(?P<neighbour>[老小阿](?!板|时|石|白|黄金|马路)[{SINGLE}])(?![{_HAN}]|$)"
    rf"|(?:门卫|物业|隔壁)(?P<porter>[老小](?!板)[{SINGLE}])"
)
_OWNER = re.compile(
    rf"(?:(?<![{_HAN}])|(?<=[从從用是以拿找打]))(?P<name>{_NOT}{_FAMILY}{_GIVEN}{{1,2}})(?=的(?:卡|电话|電話|手机|手機|身份证|账户|账号|微信|邮箱|号码|名字|名义|地址|订单|訂單|房子|家))"
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
_CALLED = re.compile(
    r"[叫名]|联系人|聯|收[件货貨方]|寄件|[户戶]名|抬[头頭]|持卡|[签簽]收|投保|使用人|署名|法人|客|[称稱]呼|昵"
)
_PERSON = re.compile(rf"[{_HAN}]")
_SIGNING = re.compile(r"此致|敬[礼禮上]|谢谢|謝謝|多[谢謝]|感[谢謝]|祝[好]|[顺順][祝颂]|[谨謹拜呈]上|\n(?=[^\S\n]*\S)")
_SEARCHES: tuple[tuple[re.Pattern[str], re.Pattern[str], int], ...] = (
    # each with a cheap sign that it could match, and how far before the sign its match may begin (-1: anywhere)
    (_AFTER_SURNAME_WORD, re.compile("姓"), _ANYWHERE),
    (_AFTER_NAME_WORD, _CALLED, _ANYWHERE),
    (_AFTER_PERSON, _PERSON, _ANYWHERE),
    (_AFTER_RELATION, _PERSON, _ANYWHERE),
    (_EXPLAINED, _PERSON, _ANYWHERE),
    (_SPACED, re.compile("[叫名姓]|人|我是"), _ANYWHERE),
    (_CANTONESE, re.compile("[生太]"), 1),
    (_TITLED, re.compile(_TITLE), _LONGEST_NAME),
    (_FAMILIAR, re.compile(r"[老小阿]"), _ANYWHERE),
    (_OWNER, re.compile("的"), _LONGEST_NAME + 1),
    (_LABELLED, re.compile(":"), _ANYWHERE),
    (_SIGNED, _SIGNING, _LONGEST_NAME),
    (_DOTTED, re.compile(r"[·•‧]"), _ANYWHERE),
    (_BESIDE, re.compile(rf"[{CONTACT_MASKS}]+"), _LONGEST_NAME + 3),
    (_LATIN, _CALLED, _ANYWHERE),
)
_SHORTEST_ECHO = 2


def find_chinese_names(text: str) -> list[Span]:
    """Names that a phrase, a title, a label, a signature or a neighbouring contact detail gives away."""
    found: list[Span] = []
    for pattern, hint, before in _SEARCHES:
        groups = [group for group in pattern.groupindex if group != "family"]
        for match in _candidates(pattern, hint, before, text):
            found += [Span(*match.span(group), "name") for group in groups if match[group]]
    return found + _echoes(text, found)


def _candidates(pattern: re.Pattern[str], hint: re.Pattern[str], before: int, text: str) -> Iterator[re.Match[str]]:
    """The matches of `pattern`, looked for only near `hint` where it can stand only there."""
    if before == _ANYWHERE:
        if hint.search(text):
            yield from pattern.finditer(text)
        return
    end = 0
    for sign in hint.finditer(text):
        start = max(end, sign.start() - before)
        while start <= sign.end() and (match := pattern.search(text, start, sign.end() + _REACH)):
            yield match
            start = end = match.end()


def _echoes(text: str, found: list[Span]) -> list[Span]:
    """The same full names wherever else they stand in the text."""
    full = re.compile(rf"{_FAMILY}{_GIVEN}{{1,2}}")
    names = {text[a:b] for a, b, _ in found if full.fullmatch(text[a:b]) and b - a > _SHORTEST_ECHO}
    short = {text[a:b] for a, b, _ in found if full.fullmatch(text[a:b])} - names
    patterns = [*map(re.escape, names), *(rf"{name}(?=的[{name}])" for name in map(re.escape, short))]
    return [Span(*m.span(), "name") for pattern in patterns for m in re.finditer(pattern, text)]
