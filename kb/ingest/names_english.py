"""Names in English sentences: after "my name is" and Mr, in greetings, labels and signatures, beside a number."""

# ruff: noqa: E501, SIM905 - a pattern or word list reads better in one piece

from __future__ import annotations

import re

from kb.ingest.given_names import GIVEN
from kb.ingest.spans import CONTACT_MASKS, NAME_MASK, Span, matches

_COMMON = frozenset(
    "a an and any are as at be but by can could did do does for from good got great had has have he hello help her here"
    " hey hi his hot how i i'd i'll i'm i've if in is it it's its just let like look me my no not now of off ok okay on"
    " one or our out over please she so sorry still sure than thank thanks that that's the their them then there they"
    " this to too uh um up us very was we we're well were what when where which who why will with would yes yeah you your"
    " afraid angry annoyed calling ringing waiting trying having looking getting going asking writing speaking happy"
    " ridiculous unacceptable urgent about after again all also always another because been before being both"
    " every never nothing only really right same some something such two three four five six seven eight nine ten first"
    " second last next new old monday tuesday wednesday thursday friday saturday sunday january february march april may"
    " june july august september october november december christmas easter english chinese british american french german"
    " italian spanish irish scottish welsh indian japanese korean london paris beijing shanghai hong kong taiwan singapore"
    " china uk usa england scotland wales ireland europe america bosch siemens samsung apple google amazon huawei sony lg"
    " philips dyson miele hotpoint panasonic haier midea xiaomi microsoft windows android iphone ipad wifi bluetooth"
    " paypal visa mastercard dhl ups fedex royal mail customer customers service support team everyone all folks agent"
    " sir madam manager supervisor technician engineer operator order number model serial error code warranty refund"
    " delivery invoice receipt account card email phone address screen machine washer dryer fridge freezer oven kettle"
    " water power button door filter pump cable charger battery product item replacement return exchange repair"
    " regards best kind warm sincerely cheers many unable unsure locked stuck missing wondering based told"
    " day morning afternoon evening dear reference case part ticket note ps nb fyi asap re fwd attn live chat bank street"
    " road lane avenue close drive way flat apartment block unit room floor reception alexa siri google nest hey mode eco auto start stop yorkshire midea lidl aldi"
    " argos currys ikea tesco walmart costco ebay paypal klarna whirlpool beko electrolux aeg gorenje zanussi hisense christ god jesus gold silver platinum bronze premium plus basic standard call press open turn check hold"
    " switch clean remove make use set wait keep put take ensure unplug rinse run select tap choose add reset".split()
)
_NOT_TITLED = frozenset(
    "muscle coffee bean men kipling clean whippy martens pepper who oetker dre scholl potato motivator dj sheen bond right"
    " bubble".split()
)
_CAP = r"[A-ZÀ-ÖØ-Þ](?:[a-zß-öø-ÿ]+|'[A-ZÀ-Þ]?[a-zß-öø-ÿ]+)(?:[A-Z][a-zß-öø-ÿ]+)?(?:['\-][A-ZÀ-Þa-zß-öø-ÿ]+)*"
_PARTICLE = r"(?:van|von|de|der|den|del|della|di|da|la|le|bin|binti|al|el|ap|O'|Ni|Mac|st\.?)"
_FULL = rf"{_CAP}(?:[ ](?:[A-Z]\.?[ ])?(?:{_PARTICLE}[ ]){{0,2}}{_CAP}){{0,3}}"
_INITIALS = rf"(?:(?:[A-Z]\.? ?){{1,3}}{_CAP}|{_FULL}(?: [A-Z]\.?(?![A-Za-z]))?)"
_WORD = r"[A-Za-zÀ-ÖØ-öø-ÿ][A-Za-zÀ-ÖØ-öø-ÿ'\-]*"
_B, _E = r"(?<![A-Za-z])", r"(?![A-Za-z])"

_SURE = re.compile(
    rf"{_B}(?i:(?:my|his|her|the|their|customer'?s?|billing|account|full|first|last|given|family|legal|maiden|sur|user)?[ ]?"
    rf"(?:sur|middle |first |last |full )?name(?:'s| is| was| would be| on the (?:order|account|card|booking)(?: is|'s| would be| was)?)?"
    rf"|card ?holder|recipient|contact|attn|attention|signed|(?:she|he|they|who|I|wife|husband|son|daughter|mum|mother|father|dad"
    rf"|partner|flatmate|neighbour|neighbor)(?:'s|'m| is| are| am)? (?:called|named)|ask for|asking for|speaking (?:with|to)"
    rf"|spoke (?:with|to)|under the name(?: of)?|(?:put|book|booked|it's|is) (?:it )?under|care of|c/o|made out to)"
    rf"[ \t]*[:,=]?[ \t]*(?:(?:uh|um|er|it's|is)[ ,]+)?(?P<name>{_INITIALS}|(?:[A-Z]{{2,}} ?){{1,3}}(?![a-z]))"
)
_SURE_LOWER = re.compile(
    rf"{_B}(?:my|his|her) (?:full |first |last |sur)?(?:name|surname)(?:'s| is) (?:(?:uh|um|er) )?"
    rf"(?P<name>[a-z][a-z'\-]+)(?: (?P<second>[a-z][a-z'\-]+))?|{_B}surname(?:'s| is) (?P<third>[a-z][a-z'\-]+)",
    re.IGNORECASE,
)
_TITLE = re.compile(
    rf"{_B}(?:(?i:mr|mrs|ms|mx|dr|prof|professor|mister|missus)\.?|Miss|Sir|Madam|Dame|Rev\.?) (?P<name>{_INITIALS}|[A-Z]{{2,}}{_E})"
)
_TITLE_LOWER = re.compile(rf"{_B}(?:mr|mrs|mister|missus)\.? (?P<name>[a-z][a-z'\-]+)")
_INTRODUCED = re.compile(
    rf"{_B}(?i:this is|this's|i'm|i am|it's|that's|you're|are you|is that|is this|(?:hi|hello|hey|dear|morning|afternoon)[, ]+"
    rf"|yours is|me is|she's|he's|spoke to|wife|husband|son|daughter|mum|partner|colleague|brother|sister|friend"
    rf"|uh huh yeah|yes it's)[ ,]+(?:(?:uh|um|er)[ ,]+)?(?P<name>{_FULL}(?: \w\.?(?![A-Za-z]))?)"
)
_SPEAKING = re.compile(rf"{_B}(?:[Tt]his is |[Ii]t's |)(?P<name>{_WORD}(?: {_WORD})?) (?:speaking|here)(?=[\s,.!?]|$)")
_REPEATED = re.compile(rf"[{NAME_MASK}][ ,]+(?:(?:uh|um|er)[ ,]+)?(?P<name>{_FULL})")
_SIGNED = re.compile(
    r"(?i:regards|thanks|thank you|many thanks|cheers|sincerely|faithfully|truly|best|best wishes|respectfully|yours)"
    rf"[ \t]*[,.!]*[ \t]*\n\s*[-~]*[ \t]*(?P<name>{_INITIALS})[ \t]*(?=[\n,|(]|$)"
    rf"|(?i:(?:kind|best|warm) regards|sincerely|many thanks)[ ,.!-]+(?P<same>{_INITIALS})\s*(?=$|\n)"
    rf"|\n[ \t]*[-~]+ ?(?P<dashed>{_INITIALS})[ \t]*$"
)
_ROLES = (
    "tenant|account ?holder|card ?holder|policy ?holder|bill ?payer|recipient|addressee|landlord|landlady|home ?owner|house ?owner|owner|caller|customer|client|buyer"
    "|purchaser|payee|sender|occupier|occupant|resident|lodger|contact(?: person| name)?|manager|engineer|technician|driver|fitter|plumber|electrician|rep|agent|adviser"
    "|advisor|supervisor|colleague|assistant|receptionist|secretary|carer|guy|bloke|chap|lad|fella|gentleman|man|woman|lady|girl|person|one who (?:ordered|paid|called|rang)"
    "|wife|husband|son|daughter|mum|mom|mother|father|dad|nan|gran|grandma|grandad|grandson|granddaughter|aunt|auntie|uncle|cousin|nephew|niece|boss|flatmate|housemate"
    "|roommate|partner|girlfriend|boyfriend|fianc[eé]e?|neighbour|neighbor|brother|sister|friend|mate|in-law|twin|parent|child|kid"
)
_HESITATION = r"(?:(?:uh|um|er|erm|well|so|it's|actually)[ ,]+){0,2}"
_CUED = re.compile(
    rf"{_B}(?i:(?:the|my|our|your|his|her|their|that|a|new|current|old|main|joint|other)[ ](?:\w+ )?(?:{_ROLES})(?:'s name)?(?:,? (?:is|was|'s|will be|would be|should be|called|named|who's)"
    rf"|'s(?: called| named)?|,)?|(?:speak|speaking|talk|talking|spoke|spoken|chatted|dealt|dealing) (?:to|with)|thanks|thank you|cheers|sorry|bye(?: bye)?|lovely|brilliant|perfect"
    rf"|name on (?:it|there|that|the \w+(?: \w+)?)(?: is| was|'s| would be| will be| says)?|(?:in the|under the|under|by the) name(?:s)?(?: of)?|registered (?:to|under|in)|on behalf of"
    rf"|(?:calling|ringing|phoning|booked|bought|made|placed|taken in|ordered|paid|signed|signed for|left) (?:for|by|under)|through to|we're the|we are the|addressed to|made out to|belongs? to|attention of|care of|care off"
    rf"|(?:tell|ask|call|ring|text|phone|contact|reach|email|message|get hold of|let) (?:for )?|(?:hand|give|leave|left) it (?:to|with)|gift for|present for|parcel for|delivery for|order for|account for"
    rf"|yes|yeah|yep|yup|no|okay|ok|right|sure|so|um|uh|er|well|hiya|evening|called|named|goes by|known as|me|(?:put|book|write|pop|take|have|got) (?:it |me |her |him )?(?:down|in)(?: as| for)?|it's under|account's under|it's for|who's)"
    rf"[ ,]+{_HESITATION}(?P<name>{_FULL})"
)
_GIVEN_AND_FAMILY = re.compile(
    rf"{_B}(?P<name>(?:{'|'.join(GIVEN)})(?:-{_CAP})?(?: [A-Z]\.?)?(?: (?:{_PARTICLE} ){{0,2}}{_CAP}){{1,2}})"
)
_AT_ONE_END = re.compile(
    rf"(?:^|[.!?\n]\s*)(?:(?:hi|hello|hey)[ ,]+)?(?P<first>{_FULL})(?=[ ,]+(?:here|speaking|calling|again|from (?:number|flat|apartment|upstairs|downstairs|next door))(?![a-z]))"
    rf"|[ ,](?P<last>{_FULL})(?=[ ,]+(?:speaking|calling|here)(?![a-z]))"
    rf"|(?:^|(?<=\s))(?P<said>{_FULL})(?=(?:,| is|'s| was)? (?:the|my|his|her|their) (?:sur|first |last |family |middle |full )?name)"
    rf"|(?i:get|tell|ask|let|have|want|is|was|if|when|until|because|that|and)[ ](?P<asked>{_FULL})(?=[ ](?:to (?:ring|call|phone|text|email|come|sign)|know(?![a-z])|there|available|around|about|in today|isn't|hasn't|won't|can't|lives|ordered|booked|paid|signed|said|told|will be|rang|called|emailed|who))"
)
_GIVEN_ALONE = re.compile(
    rf"(?:^|[.!?\n]\s*|{_B}(?i:with|from|by|for|to|and|or|but|told|met|saw|gave|is|was|as|of|it's|that's|thank|reach|see|me|him|her)[ ])(?P<name>(?:{'|'.join(GIVEN)})(?: {_CAP})?)(?![A-Za-z'’-])"
)
_BESIDE = re.compile(
    rf"(?P<name>{_CAP} (?:{_PARTICLE} )?{_CAP}(?: {_CAP})?)(?:[ ,:|/]{{1,3}}|\n)(?=[{CONTACT_MASKS}])"
    rf"|[{CONTACT_MASKS}](?:[ ,:|/]{{1,3}}|\n)(?P<after>{_CAP} (?:{_PARTICLE} )?{_CAP})(?=[\s,.;]|$)"
)
_AFTER_HAN = re.compile(r"(?i:name(?:'s| is)?|this is|i'm|i am|mr|mrs|ms)[ :]{1,2}(?P<name>[\u4e00-\u9fff]{2,4})")
_LOWER_STOPS = _COMMON | {"isn't", "wasn't", "doesn't", "spelt", "spelled", "wrong", "called", "printed"}
_ENGLISH = re.compile(r"[A-Za-z][a-z]|[A-Z]{3}")
_CAPITALISED = re.compile(r"(?<![A-Za-z])[A-ZÀ-ÖØ-Þ][A-Za-zÀ-ÿ']*[a-zß-öø-ÿ]")
_GIVEN = frozenset(GIVEN)
_SHORTEST_ECHO = 3


def find_english_names(text: str) -> list[Span]:
    """Names that a phrase, a title, a label, a signature or a neighbouring contact detail gives away."""
    if not _ENGLISH.search(text):
        return []
    found: list[Span] = matches(_AFTER_HAN, text, "name", "name")
    words = {word for word in _CAPITALISED.findall(text) if word.lower() not in _COMMON}
    patterns = _SHOUTED + (_PATTERNS if words else ()) + (_GIVEN_NAMES if words & _GIVEN else ())
    for pattern, groups in patterns:
        for match in pattern.finditer(text):
            found += [span for group in groups if (span := _trimmed(text, match, group))]
    found += _lower_case(text)
    return found + _echoes(text, found)


_Patterns = tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]
_SHOUTED: _Patterns = ((_SURE, ("name",)), (_TITLE, ("name",)))  # these also find a name in capitals
_GIVEN_NAMES: _Patterns = ((_GIVEN_AND_FAMILY, ("name",)), (_GIVEN_ALONE, ("name",)))
_PATTERNS: _Patterns = (
    (_INTRODUCED, ("name",)),
    (_CUED, ("name",)),
    (_AT_ONE_END, ("first", "last", "said", "asked")),
    (_SPEAKING, ("name",)),
    (_REPEATED, ("name",)),
    (_SIGNED, ("name", "same", "dashed")),
    (_BESIDE, ("name", "after")),
)


def _trimmed(text: str, match: re.Match[str], group: str) -> Span | None:
    """The name without common words at its edges; nothing when no name is left."""
    if not match[group]:
        return None
    words = list(re.finditer(r"[^\s]+", match[group]))
    stops = _COMMON | (_NOT_TITLED if match.re is _TITLE else frozenset())
    count = next((n for n, word in enumerate(words) if word[0].lower().strip(".,") in stops), len(words))
    if match.re is _SPEAKING and not all(w[0][0].isupper() for w in words[:count]):
        return None
    if count == 0 or (match.re is _BESIDE and count < len(words)) or (match.re is _GIVEN_AND_FAMILY and count == 1):
        return None
    start = match.start(group)
    return Span(start, start + words[count - 1].end(), "name")


def _lower_case(text: str) -> list[Span]:
    """Names in a transcript without capitals, after the phrases that announce nothing else."""
    found = []
    for match in _SURE_LOWER.finditer(text):
        first, second = match["name"] or match["third"], match["second"]
        group: str = "name" if match["name"] else "third"
        if first.lower() in _LOWER_STOPS:
            continue
        last = "second" if second and second.lower() not in _LOWER_STOPS else group
        found.append(Span(match.start(group), match.end(last), "name"))
    return found + [
        Span(*m.span("name"), "name")
        for m in _TITLE_LOWER.finditer(text)
        if m["name"] not in _LOWER_STOPS | _NOT_TITLED
    ]


def _echoes(text: str, found: list[Span]) -> list[Span]:
    """The parts of the names found, wherever else they stand, with the capitalised word before a family name."""
    parts = {part for a, b, _ in found for part in text[a:b].split() if _worth_following(part)}
    if not parts:
        return []
    alternatives = "|".join(sorted(map(re.escape, parts), key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w])(?P<given>{_CAP} )?(?P<name>{alternatives})(?![\w])")
    return [
        Span(m.start("name") if not m["given"] or m["given"].strip().lower() in _COMMON else m.start(), m.end(), "name")
        for m in pattern.finditer(text)
    ]


def _worth_following(part: str) -> bool:
    return len(part) >= _SHORTEST_ECHO and part[0].isupper() and part.lower() not in _COMMON
