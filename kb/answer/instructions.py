"""Text that speaks to a machine instead of a reader, planted in an article or a ticket to make a bot obey it.

OWASP lists the attack as LLM01:2025, prompt injection. No answer of kb follows what it quotes; this keeps the usual
wordings from being quoted, or shown to a language model, at all. They are told by a few families of phrases that no
article has by chance: whoever words it cleverly is not noticed, and still changes nothing.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from kb.search.terms import in_simplified

_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]")
_SPACED = re.compile(r"\b(?:\w ){4,}\w\b")
_NEAR = r"[^.!?。！？\n]{0,30}?"
_MACHINE = (
    r"(?:AI|chat ?bot|bot|LLM|language model|virtual agent|assistant|summari[sz]er"
    r"|机器人|大模型|智能客服|AI ?助手|助手|人工智能)"
)
_RULES = r"(?:instructions?|rules|prompts?|guidelines|directives|restrictions|guardrails|programming|limits)"
_RULES_ZH = r"(?:指令|指示|规则|设定|限制|提示词?|约束|安全检查)"
_EARLIER_ZH = r"(?:以上|上面|上述|之前|前面|先前|所有|一切|全部|你的|公司|系统)"
_EARLIER = r"(?:previous|prior|above|earlier|preceding|existing|your|company'?s)"
_DROP = r"(?:ignore|disregard|forget|override|bypass|stop following|do not follow|not bound by)"
_DROP_ZH = r"(?:忽略|无视|忘记|忘掉|不要管|别管|不要理会|不要遵守|不再遵守|绕过|不受)"
_TELL = r"(?:reveal|print|show|repeat|output|leak|dump|recite|paste|translate|what is|what are|tell me)"
_TELL_ZH = r"(?:输出|打印|显示|展示|泄露|复述|翻译|列出|公开|贴出|念出)"
_FAMILIES = (
    # Earlier rules shall no longer count.
    rf"\b{_DROP} {_NEAR}\b{_EARLIER} {_NEAR}{_RULES}\b",
    rf"\b{_DROP} (?:all|everything|what|the)\b{_NEAR}\b(?:rules above|above and|{_RULES} (?:above|you))",
    rf"\b{_DROP} (?:all|everything|what)\b{_NEAR}\b(?:{_RULES}|(?:above|told) {_NEAR}(?:before|this))",
    rf"{_DROP_ZH}{_NEAR}{_EARLIER_ZH}{_NEAR}(?:{_RULES_ZH}|内容[，,]?(?:并|然后)?输出)",
    rf"(?:以上|之前|先前|所有|一切){_NEAR}{_RULES_ZH}{_NEAR}(?:作废|失效|无效|清空|一律关闭)",
    # What the machine was told shall be shown.
    rf"\b{_TELL} {_NEAR}\b(?:your|its|the) {_NEAR}(?:system |hidden |initial )(?:prompt|instructions|rules)\b",
    rf"{_TELL_ZH}{_NEAR}(?:系统提示词|system prompt|隐藏指令|初始指令|内部设定|你的提示词|所有内部备注)",
    # Another role.
    r"\b(?:you are|enter|activate|switch to|go into) (?:now |in )*(?:developer|admin|god|DAN|jailbreak|unrestricted)"
    r" mode(?:,| and| with|[.!] )|\bdeveloper mode enabled\b",
    r"\byou are now (?:DAN|an? (?:unrestricted|uncensored|different))|\bdo anything now\b",
    rf"\bpretend (?:to be|you are|that you are) {_NEAR}(?:manager|AI|no rules|unlimited)",
    rf"(?:假装|扮演){_NEAR}(?:你是|没有任何限制|去世的奶奶)|没有(?:任何)?限制的(?:AI|助手|机器人)",
    r"(?:进入|切换到?|现在是)(?:开发者|无限制)模式[,，]",
    # Marks of a conversation with a model.
    r"<\|(?:im_start|im_end|system|user|assistant|endoftext)\|>|\[/?INST\]|<</?SYS>>|<system>[^<]{0,80}</system>",
    r"\b(?:BEGIN|END) (?:ADMIN|SYSTEM|PROMPT) OVERRIDE\b|\bsystem override\b|\bnew (?:system )?instructions?:",
    r"(?:^|\n)[\s*>-]*(?:NEW )?(?:SYSTEM|ASSISTANT)(?: MESSAGE| PROMPT| OVERRIDE)? ?:",
    r"(?:^|\n)[\s*>-]*(?-i:USER|HUMAN) ?:",
    r"(?:^|\n)[\s*>-]*(?:系统|助手|新的?(?:系统)?(?:指令|提示)) ?[:：](?! ?余额)",
    r"(?:^|\n)\s*#{1,6} ?(?:system prompt|(?:new )?instructions?|新?指令|系统提示词)\s*[:：]?\s*(?:\n|$)",
    # The machine is called, and told what to do.
    rf"(?:^|[\n.!?>。！？] ?)(?:(?:attention|note to|dear|hey|to) )?(?:the |any |all )?{_MACHINE}s?"
    rf"(?: reading this(?: page| ticket)?)? ?[,:] ?{_NEAR}"
    r"\b(?:must|ignore|disregard|recommend|tell (?:every|all|the)|say that|always|never mention|reveal|approve)\b",
    rf"\b(?:the |any |every |as an? ){_MACHINE}s?\b(?: language model)?,? (?:reading this |that reads this |you )?"
    r"(?:page |ticket |article )?(?:must|shall|should always) (?!be\b)",
    rf"(?:{_MACHINE}|作为{_MACHINE}[，,]你)(?:请)?(?:注意|务必|必须|一律|今后){_NEAR}(?:告诉所有|回答|回复|同意|批准|推荐|输出|无视|忽略)",
    rf"给{_MACHINE}[:：]|(?:读到|看到)(?:这|此|本){_NEAR}{_MACHINE}",
    r"\b(?:reply|respond|answer) only with (?:the words?|the sentence|')|只回复[“\"「]",
    # Data carried away.
    r"!\[[^\]\n]*\]\(\s*https?://[^)\s]*\?[^)\s]*=|\bsend customer data to\b",
)
_PATTERN = re.compile("|".join(f"(?:{family})" for family in _FAMILIES), re.IGNORECASE)


@lru_cache(maxsize=16_384)
def addresses_machine(text: str) -> bool:
    """Whether a text seems to hold an order to a machine that reads it."""
    return _PATTERN.search(_undisguised(text)) is not None


def _undisguised(text: str) -> str:
    """Full width, invisible and spaced letters and traditional characters made plain."""
    plain = in_simplified(_INVISIBLE.sub("", unicodedata.normalize("NFKC", text)))
    if _SPACED.search(plain):
        plain = _SPACED.sub(lambda found: found[0].replace(" ", ""), plain.replace("  ", "\n")).replace("\n", " ")
    return plain
