"""Which danger a text speaks of: gas, electric shock or fire, in Chinese or English.

A danger that somebody describes in other words than its article ("摸到会麻", "it zapped me") lies far from it for a
language model of sentences, and near to every other trouble with the same appliance; so the ways to say it are listed.
"""

from __future__ import annotations

import re
from functools import lru_cache

from kb.search.terms import simplified

_NEAR = r"[^.!?。！？\n]{0,40}?"
_GAS = r"(?:gas|lpg|propane|methane)"
_GAS_ZH = r"(?:煤气|燃气|天然气|瓦斯|液化气|沼气|石油气)"
_SMELL = r"(?:smell\w*|odou?rs?|stink\w*|stench|whiff|reek\w*)"
_DANGERS = {
    "gas": (
        rf"\b{_GAS}\b{_NEAR}\b(?:{_SMELL}|leak\w*|escap\w*|alarm|hiss\w*|poison\w*|emergency)",
        rf"\b(?:{_SMELL}|leak\w*|hiss\w*|poisoned by){_NEAR}\b{_GAS}\b",
        r"\brotten eggs?\b|\bcarbon monoxide\b|\bco (?:alarm|detector|poisoning)\b",
        rf"{_GAS_ZH}{_NEAR}(?:味|泄|漏|报警|警报|嘶|中毒|爆)|(?:闻到|有股|一股|漏|泄露?|嘶嘶){_NEAR}{_GAS_ZH}",
        r"漏气|臭鸡蛋|坏鸡蛋|臭蛋味|一氧化碳|嘶嘶|气体泄|(?:洗澡|热水器|灶){0,1}[^。！？\n]{0,10}头晕[^。！？\n]{0,10}(?:恶心|想吐)",
    ),
    "shock": (
        r"\b(?:electric(?:al)? shocks?|electrocut\w+|shocked (?:me|him|her|us|my)\b|zapp?(?:ed|s|ing)\b|tingl\w+)",
        r"\b(?:gave?|giv(?:es|ing)|got|get(?:s|ting)?|felt|had) (?:me |him |her |my \w+ |us )?(?:an? )?"
        r"(?:\w+ )?shocks?\b",
        rf"\b(?:shocks?){_NEAR}\b(?:touch\w*|plug|socket|wire|metal)|\btouch\w*{_NEAR}\bshocks?\b",
        r"\b(?:cas(?:e|ing)|metal|body|door|drum|tap|housing) (?:is|are|seems) (?:live|electrified)\b",
        r"\bcurrent (?:is )?leak\w*|\bleak\w* (?:of )?(?:current|electricity)\b",
        r"触电|漏电|带电|电击|麻手|手麻|发麻|麻麻|会麻|有点麻|被[^。！？\n]{0,12}电(?:了|到|着|伤)|电了(?:我|一下|他|她)|电到(?:我|他|她|人|孩|手)",
    ),
    "fire": (
        r"\b(?:on|caught|catch(?:es|ing)?|set|starte?d?(?: a)?) fire\b(?! (?:lately|today|sale))|\bflames?\b",
        r"\bsmok(?:e|es|ing)\b(?! (?:test|detector battery))|\bfumes\b|\bsparks\b|\bsparking\b|\bscorch\w*|\bsinged\b",
        rf"\b{_SMELL}{_NEAR}\bburn(?:t|ed|ing)?\b|\bburn(?:t|ing|ed)\b{_NEAR}\b(?:{_SMELL}|plastic|rubber|plug|socket|cable|inside|wire)",
        r"\b(?:is|are|was|something|plug|cable|socket|wires?) (?:is |are |has |have )?"
        r"(?:burning|melt(?:ed|ing))\b(?! question)",
        r"(?<![点打]不)(?:着|著)火|起火|失火|火灾|冒烟|冒火|火花|火星|打火花|焦味|焦糊|糊味|烧焦|烧黑|烧糊|烧起来|烧着|烧塑料|烧坏[^。！？\n]{0,6}味|烟从|黑烟|有烟|燃烧起|爆炸",
    ),
}  # fmt: skip
_PATTERNS = {name: re.compile("|".join(f"(?:{way})" for way in ways), re.IGNORECASE) for name, ways in _DANGERS.items()}


@lru_cache(maxsize=4_096)
def dangers(text: str) -> frozenset[str]:
    """The dangers that a text speaks of."""
    plain = simplified(text)
    return frozenset(name for name, pattern in _PATTERNS.items() if pattern.search(plain))
