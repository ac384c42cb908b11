"""Wanting a human, said in English: politely, curtly, furiously, misspelt, or in the language of text messages."""

from __future__ import annotations

import re
from functools import lru_cache

from rapidfuzz.distance import OSA

_SHORT = {
    "some1": "someone", "sum1": "someone", "sm1": "someone", "any1": "anyone", "2": "to", "u": "you", "ur": "your",
    "r": "are", "plz": "please", "pls": "please", "plss": "please", "ppl": "people", "wanna": "want to",
    "gonna": "going to", "gimme": "give me", "lemme": "let me", "cust": "customer", "serv": "service", "svc": "service",
    "rep": "representative", "reps": "representatives", "sup": "supervisor", "mgr": "manager", "hmn": "human",
    "tlk": "talk", "spk": "speak", "w": "with", "cs": "customer service", "csr": "representative", "im": "i'm",
    "hooman": "human", "hoomans": "human", "persn": "person", "spek": "speak", "agnet": "agent", "agnt": "agent", "tlak": "talk", "takl": "talk", "speek": "speak", "agnets": "agent",
    "humen": "human", "dont": "don't", "ive": "i've", "ill": "i'll", "asap": "now", "thru": "through",
    "manger": "manager", "bein": "being", "presom": "person", "taljk": "talk", "hunan": "human", "hmuan": "human", "somebdy": "somebody", "ppls": "people", "irl": "in person",
}  # fmt: skip
_KNOWN = (
    "human", "person", "people", "agent", "employee", "operator", "representative", "supervisor", "manager", "someone", "somebody",
    "anyone", "anybody", "advisor", "adviser", "executive", "colleague", "specialist", "customer", "service", "support",
    "speak", "transfer", "connect", "escalate", "complaint", "complain", "please", "robot", "machine", "actual",
)  # fmt: skip
_GUARDED = frozenset(
    [
        "humane",
        "humans",
        "humid",
        "personal",
        "persona",
        "persons",
        "purple",
        "peoples",
        "agents",
        "agency",
        "operators",
        "operates",
        "representation",
        "supervise",
        "supervised",
        "managed",
        "manages",
        "manage",
        "advise",
        "advised",
        "execute",
        "excellent",
        "customers",
        "custom",
        "services",
        "served",
        "supports",
        "supported",
        "speaks",
        "speaker",
        "steak",
        "peak",
        "spear",
        "transfers",
        "connects",
        "connected",
        "connector",
        "complaints",
        "complains",
        "robots",
        "machines",
        "matching",
        "pleased",
        "plead",
        "release",
        "actually",
        "contact",
        "contract",
        "connects",
        "sneak",
        "spike",
        "special",
        "specialists",
        "colleagues",
        "executives",
        "advisors",
        "representatives",
        "supervisors",
        "managers",
        "serviced",
        "severe",
        "spoke",
        "airport",
        "sport",
        "report",
        "supper",
        "support's",
        "transform",
        "translate",
        "released",
    ]
)
_ADJ = r"(?:(?:a|an|the|your|one|some|any|of|actual|real|live|living|proper|human|genuine|another|different|more|senior|your|ur|damn|bloody|fucking|goddamn|sane|competent|other|customer|service|support|care|sales|technical|team|good|nearest|next|available|first)[ ]){0,6}"
_SURE = (
    r"(?:human(?: being)?s?|real (?:person|people)|(?:live|actual|living) (?:person|people|body|human|agent|chat)|persons?|people|agents?"
    r"|representatives?|operators?|advis[oe]rs?|executives?|supervisors?|managers?|specialists?|colleagues?|boss|employees?|person in charge|superior|real ppl"
    r"|team lead(?:er)?|person in charge|whoever is in charge|staff(?: member)?|member of (?:your |the )?(?:team|staff)|assistant manager|customer (?:service|support|care)|support staff"
    r"|support team|live support|human (?:help|support|assistance|touch)|live body|call cent(?:er|re))"
)
_ANY = rf"(?:{_SURE}|some(?:one|body)|any(?:one|body)|team|support|lady|guys?|man|woman|human|department|service)"
_NO_ROLE = r"(?! (?:role|permission|account|login|seat|string|discount|commission|licen[cs]e|manual|code|rates?|fee|number|settings?|approval|to my|to another|limit|resources?|hair|skin))"
_TALK = r"(?:talk|speak|chat|deal|converse|communicate|discuss|word|conversation|say it|call|talking|speaking)"
_ASK = re.compile(
    rf"\b(?:{_TALK}|type|write) (?:(?:directly|now|live|it|this|this over|in person) )?(?:to|with|2) {_ADJ}{_ANY}\b{_NO_ROLE}"
    rf"|\b(?:let (?:me|her|him|us)|want to|like to|need to|can i|could i|may i|wish|she|he|me|want) {_TALK} {_ADJ}{_SURE}"
    r"|\b(?:my|a|the) (?:question|case|message) (?:to|by) a human|\bwho (?:do|can|should) i (?:talk|speak) to\b|\bin charge here\b|\byou can'?t help.{0,10}who can|\bwho'?s your (?:boss|supervisor|manager)|\b(?:on|over) the phone please|^head office(?: please)?$|\bis (?:this|that) (?:a )?(?:real person|human|bot|robot)|\bdoes (?:this|it) go to|\bdoes anyone (?:actually )?(?:work|read|answer)|\bis a (?:person|human) (?:going|ever)|\bfrom an? (?:actual|real) (?:person|human)|\b(?:ffs|omg|omfg) (?:get me |a )*(?:human|person)|\bam i (?:talking|speaking|chatting) (?:to|with) (?:a |an )?(?:bot|robot|machine|computer|ai|real|human)"
)
_CONNECT = re.compile(
    rf"\b(?<!in the )(?:connect|transfer|trasnfer|put|hand|pass|switch|route|escalate|refer|forward|patch|redirect|direct|move|send)(?:ed|ing)? (?:[\w']+ ){{0,5}}?(?:to|with|through|over|on)(?: to)? {_ADJ}{_ANY}\b{_NO_ROLE}"
    rf"|\bconnect (?:me )?{_ADJ}{_SURE}|\bconnect to executive|\b(?:transfer|connect) me(?: now| please|$|[.!,])|\bput me through|\bbe (?:transferred|connected|put through)|\btransfer (?:this )?(?:chat|conversation|call)$|\bput (?:some(?:one|body)|an? (?:human|person|agent)) on\b|\b(?:transfer|pass|switch) (?:this )?to (?:support|customer (?:service|support|care))$|\bpatch me through"
    r"|^(?:please )?escalate(?: (?:this|it|now|please|my)\b|$)|\b(?:want|like|need)(?: to)? (?:this |it )?escalate|\bescalated? (?:this|it|now)\b|\btake over (?:this|the|here|from)"
    r"|\bcould somebody take over|\bsome(?:one|body) (?:please )?take over"
)
_GET = re.compile(
    rf"\b(?:get|give|find|send|need|needing|want|bring|reach|contact|have|prefer|request|requesting|is there|are there|got|involve|assign|ask|reaching) (?:me |us |in |to |through |hold of |a hold of |it |on )*{_ADJ}{_SURE}\b{_NO_ROLE}"
    rf"|\b(?:need|want|have|get|give me|send|find) {_ADJ}(?:some(?:one|body))(?: who| to (?:talk|speak|call|help me in)| on (?:the|this)| here| real| human| with| call| phone| ring| contact)"
    rf"|\b(?:{_SURE}) (?:please|now|asap|quick|only)\b|\bplease {_SURE}$"
    rf"|\bsome(?:one|body) (?:real|human)|\b(?:word|chat|talk|speak) with some(?:one|body) from|\bwith a pulse|\bhelp me,? a real one|\b(?:member of|colleague|staff member|one of your) .{{0,30}}(?:take over|call me|phone me|contact me|join|step in)"
    rf"|^(?:call|contact|get|ask for|reach) {_ADJ}{_SURE}$"
    rf"|^(?:(?:a|an) )?(?:live |real )?{_SURE} (?:required|needed|only|interaction|assistance)|\bassign (?:some(?:one|body)) to my|\b(?:can|could|let) (?:your|a) colleague|\bcolleague (?:involved|help me)|\b(?:looking|look|hoping|ask|asking|wait|waiting) for {_ADJ}{_SURE}|\b(?:require|requiring|demand|demanding) {_ADJ}(?:{_SURE}|human)"
    rf"|\b(?:let|have|can|could) an? (?:human|real person|person|agent|live agent) (?:handle|look|read|check|answer|see|help|deal|take|do|come|join)|\b(?:is|are|will) (?:a |an |any )?(?:live |real )?(?:human|agent|person|representative|operator)s? (?:be )?(?:available|online|free|there|around)"
    r"|\bsome(?:one|body) (?:competent|who (?:understands|knows|can|speaks))|\b(?:on|over) the phone with some(?:one|body)|\b(?:manual|human) (?:customer )?(?:support|help|assistance) please|\b(?:just|up|helps?|please|now|already|ok|fine|well|no) (?:a )?(?:human|agent|real person|operator)(?: already| please| now)?$"
    r"|\bare (?:there|you) (?:any |a )?(?:humans?|real people)\b|\bis there (?:a |any )?human|\b(?:to|with|get|have|let|want) one of your (?:guys|people|advis|agents|staff)"
)
_PRESENT = re.compile(
    r"\b(?:is |are )?(?:there )?any(?:one|body|1)(?: (?:there|here|home|available|around|actually))?(?: who can)?\??$|\bany(?:one|body) there\b|\bis any(?:one|body) (?:there|here|available|around|alive)"
    r"|\bthere any(?:one|body) there|\bany (?:humans|real people|live agents?)\b|\bnobody is helping|\bno ?(?:one|body) (?:is )?(?:helps?|helping|answers me|listening)"
)
_BOT = r"(?:bots?|chat ?bots?|robots?|(?<!washing )(?<!coffee )(?<!sewing )machines?|computers?|automated|automation|ai|virtual assistant|auto ?repl(?:y|ies)|algorithm)"
_NO_BOT = re.compile(
    rf"\b(?:no|not|not a|refuse|don't|do not|won't|stop|enough|hate|sick of|tired of|fed up|instead of|isn't|is not|without|less|don't want|do not want|never|rather than|quit) (?:more )?(?:[\w']+ ){{0,5}}?{_BOT}\b(?! (?:vacuum|mower|hoover|cleaner|arm|kit|toy|coffee|window|oil|included|needed|backup|email|charging|turning|work|working|spin|spinning|start|boot|connect|recogni[sz]e|respond))"
    rf"|\b(?:stupid|useless|dumb|bloody|damn|fucking|crap|shit|piece of \S+|annoying|this) {_BOT}(?! (?:vacuum|mower))\b(?:$| is (?:stupid|useless|rubbish|crap|dumb|not|no)|,)"
    rf"|\b{_BOT} (?:is |are )?(?:useless|stupid|rubbish|crap|dumb|not helping|sucks?)|\b(?:bot|robot|machine) (?:go away|get lost|off)\b|\bgo away bot|\b(?:your|this) (?:chat ?)?bot(?:'s)? (?:is )?(?:garbage|rubbish|crap|useless|stupid|bad|no good|doesn't)|\bthis automated|\bbot loop|\bin circles,? (?:get|give|let)|\bcircles get me|\bnot understanding me|\bstop sending me"
)
_CALL_BACK = re.compile(
    r"\b(?:please|kindly|can|could|have|get|let|ask|want|need|would|guys|someone|somebody|your) (?:[\w']+ ){0,4}?(?:to )?(?:call|phone|ring) me\b(?! when)"
    r"|^(?:call|phone|ring) me(?: back| now| please|,|\.|!|$)|\bcall me back\b|\bcall ?back from|\bgive me a (?:call|ring|bell)|\bphone call from|\b(?:have|want|need|like) a (?:phone )?call\b(?! (?:log|record|blocker|forward|waiting))|\barrange (?:a )?call\b|\b(?:some(?:one|body)|staff|agent) (?:please )?(?:ring|phone|call) my (?:mum|mom|dad|wife|husband|mother|father)|^(?:please )?(?:contact|reach out to) me\b|\bhave (?:[\w']+ ){1,3}(?:contact|reach)|\breach out to me|\b(?:team|someone|somebody|staff|person) (?:to )?contact me|\b(?:like|want|need|request|arrange|schedule) (?:a )?call ?back|\bhelp me in person"
)
_NOT_THEM = re.compile(
    r"\b(?:driver|courier|technician|engineer|delivery|postman|installer|alexa|siri|who|people|strangers) (?:[\w']+ ){0,3}?(?:call|phone|ring) me"
)
_BARE = re.compile(
    r"(?:(?:hi|hello|hey|please|now|just|help|ok|real|live|actual|human|a|an|the|customer|support|service) ?)*"
    r"(?:humans?|person|people|agents?|representatives?|operators?|advisors?|supervisors?|managers?|live (?:chat|agent|person|support|help)|customer (?:service|support|care)"
    r"|(?:customer )?(?:service|support|care) (?:agent|representative|executive|team|staff|person)|human being|staff|real one)(?: (?:please|now|thanks|thank you|asap|here))*"
)
ASKING = re.compile(
    r"\b(?:hours?|opening|open|phone number|what number|number is|cost|costs|free|(?<!in )charge|price|pricing|fee|how long|how much|how many|add an?|become|role|permission|login|password|"
    r"integrat|api|settings?|set ?up|export|format|discount|commission|seats?|can an? (?:agent|representative|manager|supervisor) |what (?:can|does|do) an?|allowed|do you need|at home|home for|"
    r"see my|who signs|manual(?! support)|before (?:i|you)|another person's|phone to|my phone|over the intercom|translator|wifi|bluetooth|does (?:a|an|the)|licen[cs]e|ownership|do (?:staff|agents|your)|is it safe|my device|someone else|forwarding|forward (?:email|mail|messages)|send money|share|invite|to (?:another|some(?:one|body)) else|hubs?|device|label|door|nickname)\b"
)
_ANGER = re.compile(
    r"\bf+[u*@]+c?k+(?:ing|in|er|ers|ed|s)?\b|\bfuk\b|\bfck|\bwtf\b|\bstfu\b|\bs+h[i*!1]+t+\b|\bbull ?sh|\bdumb ?ass|\bidiots?\b(?! (?:light|proof))|\bmorons?\b|\bimbeciles?\b|\bass ?holes?\b|\bbastards?\b|\bbitch|\byou suck|\bthis sucks|\bscrew (?:you|this)|\bgo to hell|\bthis is (?:bs|garbage|crap|rubbish)|\bwth is this|\byou(?:'re| are|r) (?:all )?(?:a )?(?:joke|crooks|thieves)|\byou crooks|\bshambles\b|\bnever using you|\bhow dare you|\bfor fuck|\bffs\b"
    r"|\bpiss(?:ed)? off|\bshut up(?! bell)|\b(?:you(?:'re| are|r)?|this|bot|service|company) (?:\w+ )?useless|\bstupid (?:bot|machine|robot|company|ai|thing|people)|\bdisgusting|\bunacceptable|\bridiculous\b|\blivid\b|\bpathetic\b|\bliars?\b|\bwhat a scam|\b(?:is|are) (?:a |all )?(?:scam|scammers|fraud|con)\b|\b(?:disappointed and|i'm angry|am angry|disgusted)\b.{0,12}$|\bfurious"
    r"|\b(?:so|very|really|extremely) (?:angry|annoyed|frustrated|upset|mad)|\b(?:worst|terrible|awful|horrible|pathetic|appalling) (?:[\w']+ )?(?:service|company|support|experience|customer)|\bjoke of a|\bwhat a joke"
    r"|\bthieves\b|^scammers$|\byou(?:'re| are)? (?:a |all )?(?:scam|crooks?|liars?)|\brip ?off(?! the)|\bhad (?:it|enough) with|\bhad enough|\bfed up with (?:you|this (?:bot|company|service)|all of this|being)\b|\bwrong with you(?: people)?|\bwant my money back\b.{0,3}$|\bgod'?s sake|\blove of god|\bsick of"
)
_THREAT = re.compile(
    r"\b(?:want|like|going|wish|need|have|gonna)(?: to)? (?:make |file |lodge |raise |submit |register |put in )?(?:a |an )?(?:formal |official )?complai(?:n|nt)\b|\bsue (?:you|your|them|this)|\bsee you in court|\b(?:take|taking) (?:you|this) to court"
    r"|^complaint$|\bmaking a (?:formal )?complaint|\bsmall claims|\b(?:to|tell|inform) the (?:regulator|newspapers|press|media)|\bor i(?:'ll| will)? sue|\bdemand (?:compensation|a refund|my money)|\bhearing from my|\bpost (?:this|it|about).{0,12}(?:twitter|facebook|online|social)|\bmy (?:lawyer|solicitor|attorney)s? (?:will|is going|shall|is|are)\b(?! need)|\b(?:calling|contacting|call|contact|seeing|getting) (?:my|a) (?:lawyer|solicitor|attorney)|\blegal action\b|\breport(?:ing)? (?:you|your company|this company)\b|\bombudsman|\btrading standards"
    r"|\bconsumer (?:protection|rights|affairs)|\bcharge ?back\b|\b(?:one|1|bad|negative|zero)[ -]star|\bbad review|\bgo(?:ing)? to the (?:press|papers|media)"
)
_WORD = re.compile(r"[\w'@*!]+")
_RUN = re.compile(r"([a-z])\1{2,}")


def wants(text: str) -> str | None:
    """`asked_for_human`, `anger` or None, of a text in lower case."""
    said = mended(text)
    asked = _asks(said)
    if _THREAT.search(said) or _ANGER.search(said):
        return "asked_for_human" if asked else "anger"
    return "asked_for_human" if asked else None


def mended(text: str) -> str:
    """The text with its slips in the words that matter here mended, and without what stands between words."""
    words = _WORD.findall(_RUN.sub(r"\1\1", text.replace("’", "'")))
    return " ".join(_mended(word.strip("!'")) for word in words if word.strip("!'"))


@lru_cache(4_096)
def _mended(word: str) -> str:
    if word in _SHORT:
        return _SHORT[word]
    if len(word) < 5 or word in _KNOWN or word in _GUARDED or not word.isalpha():
        return word
    most = 1 if len(word) < 7 else 2
    best = min(_KNOWN, key=lambda known: OSA.distance(word, known))
    near = OSA.distance(word, best) <= most and word[0] == best[0] and len(best) >= 5
    return best if near else word


def _asks(said: str) -> bool:
    if (
        _BARE.fullmatch(said)
        or _NO_BOT.search(said)
        or (
            re.fullmatch(r"(?:(?:agent|human|operator|representative|person|0|please|now) ?){1,9}", said)
            and re.search("[a-z]{5}", said)
        )
    ):
        return True
    if ASKING.search(said):
        return False
    if _CALL_BACK.search(said) and not _NOT_THEM.search(said):
        return True
    return any(pattern.search(said) for pattern in (_ASK, _CONNECT, _GET, _PRESENT))
