"""An editor is warned of an article that says the same already, and of one that says it with other figures."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest
from conftest import Centre

from kb.config import Paths
from kb.errors import NotShown
from kb.ingest.articles import read_article
from kb.knowledge import KnowledgeBase
from kb.model import Article
from kb.resemblance import Similar, resembling, resembling_text
from kb.store import database, documents

KNOWN = {"zh/delivery/remote-areas", "zh/delivery/remote-delivery", "zh/delivery/delivery-time"}
"""The articles of the sample that say the same: two are near-duplicates, the third says a sentence of theirs."""
PLANTED = {
    "en": (
        "en/returns/refund-time",
        "# How fast is my money back\n\nA refund always goes back to the payment method which you used for the order."
        " We can't send the money to another card or a different account.\n",
        "# Money back\n\n| Payment method | Time after the warehouse check |\n|---|---|\n"
        "| WeChat Pay, Alipay, UnionPay debit | 8–9 working days |\n",
        "WeChat Pay, Alipay, UnionPay debit | 8–9 working days",
    ),
    "zh": (
        "zh/returns/refund-time",
        "# 钱退到哪里\n\n款项一律退回原来的付款账户，不能改退到别的卡或别人的账户。原卡已经注销的，银行通常会把钱转入"
        "您在该行的其他账户；查不到时，请带退款凭证联系银行。\n",
        "# 退款要几天\n\n仓库验货后 8–9 个工作日内原路退回；信用卡最长 21 个工作日。\n",
        "仓库验货后 8–9 个工作日内原路退回；",
    ),
    "zh-Hant": (
        "zh-hant/delivery/hong-kong-delivery",
        "# 颱風會送貨嗎\n\n懸掛八號或以上熱帶氣旋警告信號，或發出黑色暴雨警告時，當日會停止送貨。警告取消後，我們會"
        "致電您重新安排，不計作一次上門。\n",
        "# 改送貨時間\n\n送貨前一日 18:00 前可在 App 更改，不另收費。\n",
        "送貨前一日 18:00 前可在 App 更改，不另收費。",
    ),
}
"""By language: an article of the sample, a text that says a part of it anew, one that says it with other figures, and
the sentence with these."""


def article(text: str, id_: str = "new") -> Article:
    return read_article(text.encode(), path=f"{id_}.md", timezone=UTC)


def warned(similar: tuple[Similar, ...]) -> dict[str, Similar]:
    return {one.document_id: one for one in similar if one.same or one.contradicts}


@pytest.mark.parametrize("language", PLANTED)
def test_a_text_that_says_what_an_article_says_already_is_noticed(sample_kb: KnowledgeBase, language: str) -> None:
    id_, duplicate, _, _ = PLANTED[language]
    found = resembling_text(sample_kb, article(duplicate)).similar
    assert warned(found).keys() == {id_}
    assert found[0].document_id == id_
    (pair,) = found[0].same
    assert pair.own in duplicate
    assert found[0].similarity > 0.8
    assert not found[0].contradicts


@pytest.mark.parametrize("language", PLANTED)
def test_a_text_that_says_it_with_other_figures_is_noticed(sample_kb: KnowledgeBase, language: str) -> None:
    id_, _, contradiction, sentence = PLANTED[language]
    found = warned(resembling_text(sample_kb, article(contradiction)).similar)
    assert id_ in found
    assert sentence in {pair.own for pair in found[id_].contradicts}
    assert not found[id_].same


def test_of_the_sample_those_that_say_the_same_are_told_and_nothing_else(
    sample_home: Path, sample_kb: KnowledgeBase
) -> None:
    with closing(database.open_for_reading(Paths(sample_home).database)) as db:
        published = [id_ for id_, _ in documents.published_articles(db)]
    for id_ in sorted({*published[::3], *KNOWN}):
        try:
            similar = resembling(sample_kb, id_).similar
        except NotShown:
            continue
        assert warned(similar).keys() == (KNOWN - {id_} if id_ in KNOWN else set()), id_
        assert len(similar) == 10
        assert id_ not in {one.document_id for one in similar}


def test_an_edit_of_an_article_and_its_translation_are_no_neighbours_of_their_own(sample_kb: KnowledgeBase) -> None:
    text = "# Refunds\n\nRefunds always go back to the payment method you used for the order.\n"
    edit = article(text, "en/returns/refund-time")
    related = {"en/returns/refund-time", "zh/returns/refund-time"}
    own = replace(edit, translation_of="zh/returns/refund-time")
    assert not related & {one.document_id for one in resembling_text(sample_kb, own).similar}
    assert not related & {one.document_id for one in resembling(sample_kb, "en/returns/refund-time").similar}


FEE = "# Fee\n\nThe collection of a heavy appliance from your home costs 20 pounds every time.\n"


def _keys(text: str, **keys: str) -> str:
    return "---\n" + "".join(f"{key}: {value}\n" for key, value in ({"language": "en"} | keys).items()) + f"---\n{text}"


def test_whose_figures_count_depends_on_the_product_and_not_on_readers_or_dates(centre: Centre) -> None:
    centre.article("washer.md", _keys(FEE, product="washer"))
    centre.article("inside.md", _keys(FEE, audience="agent", valid_from="2090-01-01"))
    centre.article("draft.md", _keys(FEE, status="draft"))
    centre.article(
        "short.md", _keys("# Other\n\nNothing here.\n", answer="A collection of heavy appliances costs 20 pounds.")
    )
    centre.reindex()
    kb = centre.open()
    for product, told in (("washer", {"washer", "inside", "short"}), ("dryer", {"inside", "short"})):
        own = article(
            _keys(FEE.replace("20", "25"), product=product, answer="A collection of heavy appliances costs 25 pounds.")
        )
        found = resembling_text(kb, own).similar
        assert {one.document_id for one in found if one.contradicts} == told
    same = resembling_text(kb, article(_keys(FEE, product="dryer"))).similar
    assert {one.document_id: one.product for one in same if one.same} == {"washer": "washer", "inside": None}
    with pytest.raises(NotShown):
        resembling(kb, "draft")
