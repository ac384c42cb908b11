"""Postal addresses in passing: Chinese from province to room, British, American, Singapore and Hong Kong English."""

# ruff: noqa: E501 - a pattern reads better in one piece

from __future__ import annotations

import re

from kb.ingest.spans import Span, matches

_HAN = r"\u4e00-\u9fff"
_STOP = "的了在到是住址寄送从從写寫搬去说說给給我你您他她就这這那至往发發改换換为為地：家叫上下知报報频頻渠轨軌管味过過"
_PLACE = rf"(?:[{_HAN}](?<![{_STOP}]))"
_FIGURES = r"(?:[0-9]{1,5}|[零〇○一二三四五六七八九十百千两兩幺]{1,9})"
_N = rf"(?:\s?{_FIGURES}(?:\s?[-－之]\s?[0-9A-Za-z]{{1,4}}){{0,2}}[A-Za-z]?\s?)"
_UNIT = r"(?:号院|号楼|號樓|号大院|号|號|弄|巷|衖|栋|棟|幢|座|单元|單元|楼|樓|层|層|室|房|户|戶|门|門|铺|鋪|舖|库|排|组|組|队|隊|期|区|區|院)"
_LETTERED = r"(?:[A-Za-z甲乙丙丁东西南北東左右中前后]\s?(?:座|栋|棟|幢|单元|單元|户|戶|室|区|區|门|楼|樓|塔))"
_INSIDE = rf"(?:[{_HAN}A-Za-z]{{0,6}}(?:小区|花园|花園|公寓|大厦|大廈|家园|新村|苑|广场|廣場|园区|产业园|科技园|工业园|仓储中心|中心|大楼|商场|邨|城|园))"
_DETAIL = (
    rf"(?:[\s,，]{{0,2}}(?:{_N}{_UNIT}|{_LETTERED}|地下[一二三]层|[负负]一层|{_INSIDE}(?={_N}{_UNIT}|{_LETTERED})))"
)
_ROOM = r"(?:\s?(?:[0-9]{3,4}[A-Za-z]?|[零〇一二三四五六七八九幺]{3,4})(?![0-9号号元块]))?"
_LEVEL = r"省市区區县縣镇鎮乡鄉"
# atomic, and a name holds no level: otherwise a chain of levels is read in exponentially many ways
_ADMIN = rf"(?>(?:{_PLACE}(?<![{_LEVEL}])){{1,6}}?(?:自治[区州县]|特别行政区|新区|[{_LEVEL}]|州|旗|街道|村)\s?)"
_NOT_ROAD = r"(?<!线路)(?<!電路)(?<!电路)(?<!网路)(?<!線路)(?<!一路)(?<!马路)(?<!半路)(?<!思路)(?<!回路)(?<!通道)(?<!过道)(?<!巷道)"
_ROAD = rf"(?:{_PLACE}{{1,8}}?(?:大道|大街|胡同|公路|环路|环线|路|街|道|巷|弄|条|径|徑|里|坊){_NOT_ROAD})"
_TAIL = r"(?:[东西南北中東]段|[一二三四五六七八九十\d]段|步行街|[东西南北中]里|[东西南北中]路|[东西南北]街|中|延长线)?"
_PAUSE = r"(?:[\s,，、…]|嗯|啊|呃|额|哦|噢|那个|那個|就是|好像|应该是|應該是|是|不对|不對)"
# a number begun and taken up again: 嗯 一百 一百二十六
_RESUMED = rf"(?:{_PAUSE}{{0,6}}(?:{_FIGURES}(?:号|號)?{_PAUSE}{{1,4}}){{0,2}}{_N})"
_HOUSE = r"(?:号院|号楼|號樓|号大院|号|號|弄|巷|衖|栋|棟|幢|座|楼|室)"

_STREET = re.compile(rf"{_ADMIN}{{0,5}}{_ROAD}{_TAIL}{_RESUMED}{_HOUSE}[铺鋪库]?{_DETAIL}*[铺鋪库]?{_ROOM}{_DETAIL}*")
_VILLAGE = re.compile(
    rf"{_ADMIN}{{0,4}}{_PLACE}{{1,8}}?(?:村|屯|庄|里|小区|花园|花園|公寓|家园|家園|新村|苑|邨|公馆|山庄|豪庭|名邸|宿舍|校区|大厦|大廈|广场|城|园|湾|庭|府"
    rf"|坊|居|阁|轩|社区|家属院){_N}(?:期|区|區)?(?:{_N})?(?:号院|号楼|號樓|栋|棟|幢|座|单元|單元|组|弄|组){_DETAIL}*{_ROOM}{_DETAIL}*"
)
_ESTATE = re.compile(
    rf"{_ADMIN}{{0,4}}{_PLACE}{{1,8}}?(?:村|屯|庄|小区|花园|花園|小镇|公寓|家园|家園|新村|新城|苑|邨|公馆|山庄|豪庭|园|湾|庭|府|社区)"
    rf"(?:{_PLACE}{{1,4}}(?:樓|楼|閣|阁|座)|{_N}(?:期|区|區|队|隊|组|組)){_DETAIL}+{_ROOM}"
)
_BUILDING = re.compile(rf"{_N}(?:号楼|號樓|栋|棟|幢|座|单元|單元)(?:{_DETAIL}+{_ROOM}|{_ROOM.removesuffix('?')})")
_CHAIN = re.compile(rf"{_ADMIN}{{2}}{_ADMIN}+(?:{_ROAD})?")
_MOVED = re.compile(
    rf"(?:住在|我住|家在|住|寄到|送到|寄去|地址(?:是|在|改成|改为)?|收货|老家)[\s:：]?(?P<place>{_ADMIN}{{2,}}(?:{_ROAD})?)"
)
_LABELLED = re.compile(
    r"(?<!邮箱)(?<!郵箱)(?<!IP)(?<!网络)(?<!链接)(?<!下载)(?<!邮件)(?:地址|住址)[ \t]*:[ \t]*"
    r"(?P<place>[^\n;；。\ue000-\ue00f]{0,60}?[路街道区區市县村号號栋楼樓室弄巷苑园][^\n;；。，,\ue000-\ue00f]{0,30})"
)
_CITIES = re.compile(r"[省市区區县縣路街道巷弄村镇里园苑城栋棟幢座单單楼樓厦府庭邨址]")
_NUMBERED = re.compile(r"[0-9零〇○一二三四五六七八九十百千两兩幺A-Za-z]\s{0,2}[号號弄巷衖栋棟幢座单單楼樓室组]")
_LATIN = re.compile(r"[A-Za-z][a-z]")

_NUMBER_WORD = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen"
)
_NUMBER_WORD += "|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|oh"
_SAID = rf"(?:(?:{_NUMBER_WORD})(?:(?: and |[ -])(?:{_NUMBER_WORD})){{0,4}}(?: [a-f](?![a-z]))?)"
_NO = rf"(?:\d{{1,5}}(?:\s?[-/]\s?\d{{1,4}})?[A-Za-z]?|{_SAID})"
_TYPES = (
    "road|rd|street|lane|ln|close|avenue|ave|drive|crescent|terrace|gardens?|grove|square|mews|boulevard|blvd|highway"
    "|court|place|way|walk|row|park|rise|view|green|quay|gate|yard|path|hill|circuit|wharf|parade|villas|broadway|dr|st|ct|pl"
    "|bank|fold|croft|meadows?|vale|common|dale|end|side|heights|point|loop|link|garth|parkway|pkwy|trail|circle|cres"
)
_LOOSE_TYPES = "road|street|lane|avenue|drive|crescent|terrace|boulevard|close|mews|grove|gardens|court|hill|way|square"
_NO_WORD = (
    "the|of|down|a|an|on|my|this|in|per|off|and|or|is|it|to|from|at|for|minutes?|times?|days?|hours?|weeks?|months?|years?"
    "|people|items?|units?|pieces?|pounds?|dollars?|with|that|your|you|me|if|no|up|by|out|have|been|was|are|we|i|they|were"
)
_NAME_WORD = r"[A-ZÀ-Þ][\wÀ-ÿ'.\-]*"
_FLAT = rf"(?:(?:flat|apartment|apt\.?|unit|room|rm\.?|suite|floor|no\.?|number)\s?#?\s?(?:{_NO}|[A-Z]\d{{0,3}})[,\s]{{1,2}})"
_POSTCODE = (
    r"(?:A[BL]|B[ABDHLNRST]?|C[ABFHMORTVW]|D[ADEGHLNTY]|E[CHNX]?|F[KY]|G[LUY]?|H[ADGPRSUX]|I[GMPV]|JE|K[ATWY]|L[ADELNSU]?"
    r"|M[EKL]?|N[EGNPRW]?|O[LX]|P[AEHLOR]|R[GHM]|S[AEGKLMNOPRSTWY]?|T[ADFNQRSW]|UB|W[ACDFNRSV]?|YO|ZE)"
    r"\d[A-Z\d]? ?\d(?!GB|TB|MB|KB)[ABD-HJLNP-UW-Z]{2}"
)
_TOWN = rf"(?:,?\s{{1,2}}{_NAME_WORD}(?:\s{_NAME_WORD}){{0,2}}){{0,3}}"
_ZIP = rf"(?:{_TOWN},?\s{{1,2}}(?:{_POSTCODE}|[A-Z]{{2}} \d{{5}}(?:-\d{{4}})?|Singapore \d{{6}}|\d{{5,6}})(?![A-Za-z0-9]))?"
_AFTER_FLAT = rf"(?:,?\s(?:flat|apartment|apt\.?|unit|suite|room)\s?#?(?:{_NO}|[A-Z])(?: [a-f](?![A-Za-z]))?)?"

_ROAD_CAPITAL = re.compile(
    rf"(?<![A-Za-z0-9])(?i:{_FLAT}){{0,3}}(?i:{_NO}),?\s(?i:(?:uh|um|er|erm)[ ,]+)?(?:The )?(?:{_NAME_WORD}\s){{1,4}}(?i:{_TYPES})(?![A-Za-z]|'s)\.?"
    rf"(?: \d{{1,3}}(?!\d))?(?i:{_AFTER_FLAT}){_ZIP}"
)
_ROAD_LOWER = re.compile(
    rf"(?<![A-Za-z0-9]){_FLAT}{{0,3}}{_NO},?\s(?:(?!(?:{_NO_WORD}|{_NUMBER_WORD})\s)[a-z'\-]+\s){{1,3}}(?:{_LOOSE_TYPES})"
    rf"(?![a-z]|'s){_AFTER_FLAT}",
    re.IGNORECASE,
)
_ROAD_FIRST = re.compile(  # the Kingsway number two hundred and nineteen
    rf"(?<![A-Za-z])(?i:on|in|at|to|is|it's|of|called|address)\s(?P<place>(?:the\s)?(?!Order|Ticket|Case|Model|Part|Error|Serial)(?:{_NAME_WORD}\s){{1,3}}(?:(?i:uh|um|er)\s)?(?i:number|no\.?)\s(?i:{_NO}))(?![A-Za-z0-9])"
)
_FLAT_ALONE = re.compile(
    rf"(?<![A-Za-z])(?:flat|apartment|apt\.?)\s(?:no\.?\s)?(?:{_SAID}|\d{{1,4}}[a-z]?|[A-Z]\d{{0,2}})(?![A-Za-z0-9])"
    rf"(?! ?(?:inch|pounds|quid|percent|dollars|fee|rate|screen|pack|hours|days|minutes|%))",
    re.IGNORECASE,
)
_HOUSE_NAMES = (
    "Farm|House|Cottage|Lodge|Barn|Manor|Villa|Bakery|Rectory|Vicarage|Hall|Grange|Mansions?|Court|Mill|Forge|Tower"
)
_HOUSE_NAMED = re.compile(
    rf"(?<![A-Za-z])(?:(?:{_NO})\s)?(?:The\s)?(?:{_NAME_WORD}\s){{0,2}}{_NAME_WORD}\s(?:{_HOUSE_NAMES})(?:,|\suh|\sum)?\s"
    rf"(?:{_NAME_WORD}\s){{1,3}}(?i:{_TYPES})(?![A-Za-z]){_ZIP}"
)
_NUMBERED_HOUSE = re.compile(
    rf"(?<![A-Za-z0-9])(?i:{_NO})\s(?:The\s)?(?:{_NAME_WORD}\s){{1,2}}(?:{_HOUSE_NAMES})(?![A-Za-z])"
    rf"|(?<![A-Za-z])(?i:at|from|in|it's|live|is)\s(?i:number)\s(?i:{_NO}),?\s(?:The\s)?{_NAME_WORD}(?:\s{_NAME_WORD})?"
    rf"|(?<![A-Za-z0-9])(?i:{_NO}),?\s(?:Jalan|Lorong|Rue|Via|Calle|Avenida|Rua)\s{_NAME_WORD}(?:\s{_NAME_WORD})?"
)
_CUED = re.compile(
    rf"(?i:address|live[sd]?|living|deliver|moved|moving|send|house|home|posted?|ship|street)[^.\n]{{0,40}}?\s"
    rf"(?P<place>(?:{_NAME_WORD}\s){{1,3}}(?:Road|Street|Lane|Avenue|Close|Crescent|Drive|Terrace|Mews|Grove|Walk|Way|Gardens|Hill)){_ZIP}"
)
_ENGLISH_LABEL = re.compile(
    r"(?<!mail )(?<!ip )(?<!mac )(?<!web )(?<![A-Za-z])(?:address|ship to|deliver to)[ \t]*:[ \t]*(?P<place>[^\n;\ue000-\ue00f]{6,90})",
    re.IGNORECASE,
)
_SINGAPORE = re.compile(
    rf"(?<![A-Za-z])(?i:blk|block)\.?\s?\d{{1,4}}[A-Z]?,?\s(?:{_NAME_WORD}\s?){{1,4}}(?:\d{{1,3}}(?!\d))?"
    rf"(?:,?\s?#[\dB]\d?-\d{{1,4}}[A-Z]?)?(?:,?\s(?:Singapore|S)\s?\(?\d{{6}}\)?)?"
    rf"|#[\dB]\d-\d{{2,4}}[A-Z]?(?![\w-])(?:,?\s(?:{_NAME_WORD}\s?){{0,4}}(?:Singapore|S)\s?\(?\d{{6}}\)?)?"
    rf"|(?<![A-Za-z])Singapore\s\d{{6}}(?!\d)|(?<![A-Za-z])S\(\d{{6}}\)"
)
_HONG_KONG = re.compile(
    rf"(?<![A-Za-z])(?i:flat|room|rm|unit|shop)\.?\s?[A-Z0-9]{{1,5}},?\s(?:\d{{1,2}}/F|[A-Z0-9]{{1,3}}/F|(?i:floor)\s\d{{1,2}})"
    rf"(?:,?\s(?i:block|tower|blk)\s[A-Z0-9]{{1,3}})?(?:,?\s(?:\d{{1,4}}[A-Z]?(?:-\d+)?\s)?{_NAME_WORD}(?:\s{_NAME_WORD}){{0,3}}){{0,5}}"
)
_POSTCODES = re.compile(rf"(?<![A-Za-z0-9-])(?:{_POSTCODE}|PO Box \d+)(?![A-Za-z0-9-])")
_SPOKEN_POSTCODE = re.compile(
    rf"(?<![A-Za-z])(?:post ?code|zip(?: ?code)?)(?:'s| is|:)?(?: (?:uh|um|it's))*\s"
    rf"(?P<place>(?:[A-Za-z]{{1,2}}\d{{0,2}}[A-Za-z]?|\d[A-Za-z]{{0,2}}|\d{{5,6}}|(?:{_NUMBER_WORD}|zero|double))"
    rf"(?:\s(?:[A-Za-z](?![a-z])|\d[A-Za-z]{{0,2}}|(?:{_NUMBER_WORD}|zero|double)(?![a-z]))){{1,7}})(?![A-Za-z])"
    rf"|(?<![A-Za-z])(?:post ?code|zip(?: ?code)?)(?:'s| is|:)?\s(?P<solid>[A-Za-z]{{1,2}}\d[A-Za-z\d]?\s?\d[A-Za-z]{{2}}|\d{{5,6}})",
    re.IGNORECASE,
)


def find_addresses(text: str) -> list[Span]:
    """Address phrases in either language; a city or a shop floor alone is none."""
    found: list[Span] = []
    if _CITIES.search(text):
        for pattern in (_STREET, _VILLAGE, _ESTATE, _BUILDING) if _NUMBERED.search(text) else ():
            found += matches(pattern, text, "address")
        found += matches(_CHAIN, text, "address")
        for pattern in (_MOVED, _LABELLED):
            found += matches(pattern, text, "address", "place")
    found += matches(_POSTCODES, text, "address") + matches(_SINGAPORE, text, "address")
    return found + _english(text) if _LATIN.search(text) else found


def _english(text: str) -> list[Span]:
    found: list[Span] = []
    for pattern in (_HONG_KONG, _ROAD_CAPITAL, _ROAD_LOWER, _HOUSE_NAMED, _NUMBERED_HOUSE, _FLAT_ALONE):
        found += matches(pattern, text, "address")
    found += matches(_ROAD_FIRST, text, "address", "place")
    for group in ("place", "solid"):
        found += matches(_SPOKEN_POSTCODE, text, "address", group)
    return found + matches(_CUED, text, "address", "place") + matches(_ENGLISH_LABEL, text, "address", "place")
