"""Sentences sorted into causes, steps and what is neither: by rules, and by examples where no rule knows."""

# ruff: noqa: E501 - lists of examples

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kb.cases.said import Sentence
from kb.cases.wordings import CAUSE, OUTRIGHT, PLEASE, STEP
from kb.search.terms import in_simplified, is_chinese

Embeds = Callable[[Sequence[str]], NDArray[np.float32]]
"""Unit vectors `(n, dim)` of texts."""
Kind = Literal["cause", "step", "neither"]
_EXAMPLES: dict[Kind, dict[bool, tuple[str, ...]]] = {
    "cause": {
        True: (
            "滤网堵塞，水流不出来。", "接头松了，一直漏。", "版本太旧，和新手机不兼容。", "账号被锁定了。", "零件老化，接触不良。",
            "地址填错，快递退回。", "这张卡不支持这种付款。", "里面积了灰，读数不准。", "一次放得太多。",
        ),
        False: (
            "The filter was blocked.", "The plug was loose.", "Damp had got into the switch.", "The address was wrong.",
            "The old version does not work with new phones.", "The account was locked.", "A worn seal lets water through.",
            "Not the motor: a coin was stuck in the pump.", "The battery is flat.",
        ),
    },
    "step": {
        True: (
            "关掉电源再打开。", "把滤网拿下来冲洗。", "在设置里选择语言。", "每三个月换一次。", "不要用热水。", "拨开卡扣，取下盖子。",
            "用软布擦干净。", "满了就倒掉。", "七天后可以查询。",
        ),
        False: (
            "Switch it off and on again.", "Take out the filter and rinse it.", "Choose the language under Settings.",
            "Replace it every three months.", "Do not use hot water.", "You can find it under Orders.",
            "Wipe it with a soft cloth.", "New parts are fitted with the arrow up.", "It takes a day.",
        ),
    },
    "neither": {
        True: (
            "客户很满意。", "第二天就好了。", "由专人跟进。", "下周上门。", "谢谢您的支持。", "退了一百元。", "电话里说清楚了。",
            "已经寄出。", "同意退货。",
        ),
        False: (
            "The customer was happy.", "It was fine the next day.", "Somebody will call back.", "The visit is on Monday.",
            "Thank you for your patience.", "Paid back in full.", "We agreed on the phone.", "Sent by post.",
            "It has worked ever since.",
        ),
    },
}  # fmt: skip
_NEAREST = 3
"""Of a kind's examples, those whose mean cosine counts."""
_UNSURE = 0.01
"""By how much a first sentence may be nearer to neither and is a cause still: a resolution begins with that."""


class Sorting:
    """Sorts with one model, whose vectors of the examples are made once."""

    def __init__(self, embeds: Embeds) -> None:
        self._embeds = embeds
        self._examples = lru_cache(maxsize=2)(self._embedded)

    def kinds(self, said: Sequence[Sentence], vectors: NDArray[np.float32]) -> list[Kind]:
        """What each sentence of agents is; `vectors` are theirs, `(n, dim)`."""
        return [by_rules(one) or self._by_examples(one, vector) for one, vector in zip(said, vectors, strict=True)]

    def _by_examples(self, one: Sentence, vector: NDArray[np.float32]) -> Kind:
        likeness = {
            kind: float(np.sort(rows @ vector)[-_NEAREST:].mean())
            for kind, rows in self._examples(is_chinese(one.text)).items()
        }
        if one.place == 0:
            return "cause" if likeness["cause"] >= likeness["neither"] - _UNSURE else "neither"
        best = max(likeness, key=lambda kind: likeness[kind])
        return "neither" if best == "cause" else best  # a cause comes first; later on it is a remark

    def _embedded(self, chinese: bool) -> dict[Kind, NDArray[np.float32]]:
        kinds = list(_EXAMPLES)
        texts = [_EXAMPLES[kind][chinese] for kind in kinds]
        vectors = self._embeds([text for part in texts for text in part])
        ends = np.cumsum([len(part) for part in texts])[:-1]
        return dict(zip(kinds, np.split(vectors, ends), strict=True))


def by_rules(one: Sentence) -> Kind | None:
    """What its label or its words say; None where they say nothing."""
    if one.label is not None:
        return one.label
    plain = in_simplified(one.text)
    asked = PLEASE.search(plain) is not None
    if OUTRIGHT.search(plain) and not asked:
        return "cause"
    if STEP.search(plain) or asked:
        return "step"
    return "cause" if CAUSE.search(plain) else None
