"""One code on several products: which of them a question means, told from data, or not at all.

A product's names are what its articles call it: the words of their titles, of `product` and `applies_to`, and those
that both a tag and a curated question repeat; never words that a competing product's articles use as well. Where no
name is said, the question may still describe the product (a drum, a flame): then its vector must lie nearer to one
product's passages than to any other's by a measured margin. Else nobody knows, and the service asks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb.model import Article
from kb.search.codes import pieces
from kb.search.terms import question_terms, simplified, terms

NEARER = 0.025
"""How much nearer a question must be (mean cosine of the five nearest passages), for the bundled model. Of 80
questions of the sample with a shared code and no product, one product led by 0.015 at most; by 0.019 beside `hot`."""
_NEAREST = 5
_POSSESSIVE = re.compile(r"['’]s\b")
_CLAUSE = re.compile(r"[,，。．;；!！?？\n…]+|\.(?=\s|$)|\s[-–—]+\s|\bbut\b|但是?|而是")
_NO_NAME = frozenset(
    term
    for word in """
    error errors code codes fault faults display displays show shows mean means meaning list table guide manual help
    problem problems question trouble troubleshooting fix fixing solve reset product products model models machine
    machines appliance appliances device devices unit units series new old all and what one home house reason cause
    solution overview
    故障 代码 故障码 错误 错误码 报错 报警 显示 提示 含义 意思 处理 解决 原因 怎么办 一览 一览表 列表 说明 说明书 常见
    问题 型号 产品 机器 设备 电器 家电 使用 方法 系列 指南 大全 汇总 排查 维修 码 机 台 款 家 我家 家里
    """.split()  # noqa: SIM905 - a list of words reads as words
    for term in terms(word)
)
"""Words of any product's error list: they name none."""


Alternatives = Callable[[str], Mapping[str, Sequence[str]]]
"""A text to what each of its terms may stand for."""


@dataclass(frozen=True, slots=True)
class Names:
    """What sets competing products apart: a term to the one product that it names."""

    of: Mapping[str, str]
    models: frozenset[str] = frozenset()
    """Those among them that an article's `product` or `applies_to` gives."""

    def but(self, codes: Iterable[str], more: Mapping[str, str]) -> Names:
        """These names without codes, which name nothing, and with some more."""
        without = set(codes)
        return Names({t: p for t, p in {**self.of, **more}.items() if t not in without}, self.models - without)

    def said(self, text: str, *ways: Alternatives) -> frozenset[str]:
        """The products that a text names: by its own words, else in the first of the `ways` that names any."""
        text = _POSSESSIVE.sub("", text)
        words = question_terms(text)
        for way in (lambda _: {}, *ways):
            others = way(text)
            said = (word for term in words for word in (term, *others.get(term, ())))
            if found := frozenset(self.of[word] for word in said if word in self.of):
                return found
        return frozenset()

    def only(self, text: str, *ways: Alternatives) -> str | None:
        """The product of a text that names one and says nothing else: the reply to a question back."""
        text = _POSSESSIVE.sub("", text)
        terms_, others = question_terms(text), [way(text) for way in ways]
        inner = {part for term in terms_ if term in self.of for part in pieces(term)}
        for term in terms_:
            words = (term, *(word for way in others for word in way.get(term, ())))
            if term not in _NO_NAME | inner and not any(word in self.of for word in words):
                return None
        said = self.said(text, *ways)
        return next(iter(said)) if len(said) == 1 else None


def names(articles: Iterable[tuple[str, Article]]) -> Names:
    """The names of each product, from the articles that compete for a code."""
    own: dict[str, set[str]] = {}
    used: dict[str, set[str]] = {}
    models: set[str] = set()
    for product, article in articles:
        given, titled = _given(product, article), _naming(article.title)
        asked = {term for text in article.questions for term in terms(text)}
        tagged = {term for tag in article.tags for term in _naming(tag)}
        own.setdefault(product, set()).update(given, titled, tagged & asked)
        used.setdefault(product, set()).update(given, titled, asked, tagged)
        models |= given
    found = {
        term: product
        for product, said in own.items()
        for term in said - _NO_NAME
        if not any(term in used[other] for other in used if other != product)
    }
    return Names(found, frozenset(models & found.keys()))


def _given(product: str, article: Article) -> set[str]:
    named_here = [value for key, value in article.applies_to if key == "product"]
    return {term for text in (product, article.product or "", *named_here) for term in _naming(text)}


def _naming(text: str) -> set[str]:
    """The terms of a text that may be a name: no bare number, and no stub such as the `hw` of `HW-W6-80`."""
    found = question_terms(text)
    inner = {part for term in found for part in pieces(term)}
    return {term for term in found if not term.isdigit() and not (term in inner and term.isalpha() and len(term) < 3)}


def grouped(articles: Mapping[str, Article]) -> dict[str, dict[str, Article]]:
    """Articles by product; translations of each other are of one product, whatever each calls it.

    What belongs to no product is left out: it holds for all of them.
    """
    same: dict[str, str] = {}  # a product to another name of it, and in the end to the one it goes by
    for article in articles.values():
        original = articles.get(article.translation_of or "")
        if original and original.product and article.product:
            one, other = _root(same, original.product), _root(same, article.product)
            if one != other:
                same[other] = one
    found: dict[str, dict[str, Article]] = {}
    for id_, article in articles.items():
        original = articles.get(article.translation_of or "")
        product = article.product or (original and original.product)
        if product:
            found.setdefault(_root(same, product), {})[id_] = article
    return found


def _root(same: Mapping[str, str], product: str) -> str:
    while product in same:
        product = same[product]
    return product


def says_more(text: str) -> bool:
    """Whether a text without its codes says anything that could describe a product."""
    return any(term not in _NO_NAME for term in question_terms(text))


def named(
    question: str, earlier: Sequence[str], asked: Sequence[str], known: Names, ways: Sequence[Alternatives]
) -> str | None:
    """The one product that is named: beside the codes, else in the question, else in the last turn that names any."""
    clauses = _CLAUSE.split(simplified(question))
    beside = [clause for clause in clauses if set(asked) & set(terms(clause))]
    for text in (" ".join(beside), question, *reversed(earlier)):
        if said := known.said(text, *ways):
            return next(iter(said)) if len(said) == 1 else None
    return None


def described(question: NDArray[np.float32], passages: Mapping[str, NDArray[np.float32]]) -> str | None:
    """The product whose passages a question without its code is clearly nearest to; `(dim,)` and `(n, dim)`, unit."""
    near = {product: float(np.sort(rows @ question)[-_NEAREST:].mean()) for product, rows in passages.items()}
    first, second = sorted(near, key=lambda product: -near[product])[:2]
    return first if near[first] - near[second] >= NEARER else None
