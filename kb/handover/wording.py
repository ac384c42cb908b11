"""What a customer is told when they are handed over, in their language."""

from __future__ import annotations

from kb.handover.moments import duration, moment
from kb.results import HandedOver

_TEXTS = {
    "zh": {
        "sent": "已为您转接人工，您刚才说的内容已一并转交。",
        "queued": "正在为您转接人工，您刚才说的内容已一并转交。",
        "closed": "人工客服现在不在线。您刚才说的内容已转交，您可以留下联系方式，我们会给您回电。",
        "down": "暂时联系不上人工客服，我们会继续尝试。您可以留下联系方式，我们会给您回电。",
        "unsent": "这个问题需要由人工来处理。",
        "reference": "编号：{}。", "waiting": "预计等待约{}。", "until": "恢复服务时间：{}。",
    },
    "zh-Hant": {
        "sent": "已為您轉接真人客服，您剛才說的內容已一併轉交。",
        "queued": "正在為您轉接真人客服，您剛才說的內容已一併轉交。",
        "closed": "真人客服現在不在線。您剛才說的內容已轉交，您可以留下聯絡方式，我們會給您回電。",
        "down": "暫時聯絡不上真人客服，我們會繼續嘗試。您可以留下聯絡方式，我們會給您回電。",
        "unsent": "這個問題需要由真人來處理。",
        "reference": "編號：{}。", "waiting": "預計等候約{}。", "until": "恢復服務時間：{}。",
    },
    "en": {
        "sent": "I have passed you on to a person, with everything you have said.",
        "queued": "I am passing you on to a person, with everything you have said.",
        "closed": "Nobody is there at the moment. What you said is passed on; leave a number and we will call you.",
        "down": "I cannot reach a person right now and keep trying. Leave a number and we will call you back.",
        "unsent": "A person has to deal with this.",
        "reference": "Your reference: {}.", "waiting": "Expected wait: about {}.", "until": "Back at: {}.",
    },
}  # fmt: skip


def told(handed: HandedOver, language: str) -> str:
    """The text: what happens now, then what the centre said."""
    texts = _TEXTS.get(language) or _TEXTS["zh" if language.startswith("zh") else "en"]
    waiting = None if handed.waiting_minutes is None else duration(handed.waiting_minutes, language)
    until = None if handed.closed_until is None else moment(handed.closed_until, language)
    given = (("reference", handed.reference), ("waiting", waiting), ("until", until))
    parts = [texts[handed.state], *(texts[name].format(value) for name, value in given if value is not None)]
    return ("" if language.startswith("zh") else " ").join([*parts, *([handed.message] if handed.message else [])])
