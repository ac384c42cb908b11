"""Translations of a question's terms by CC-CEDICT."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from kb.search.terms import question_terms, terms
from kb.search.translations import MOST, translations


def everything(_: str) -> bool:
    return True


def test_an_english_word_becomes_the_chinese_words_that_mean_it() -> None:
    assert translations(["refund"], everything)["refund"][0] == "退款"
    assert "发票" in translations(["invoic"], everything)["invoic"]


def test_a_chinese_word_becomes_the_stems_of_its_glosses() -> None:
    assert translations(["退款"], everything) == {"退款": ("refund",)}
    assert translations(["漏水"], everything) == {"漏水": ("leak",)}


def test_the_stem_of_an_inflected_word_is_found() -> None:
    for question in ("delivery", "deliveries", "Delivery"):
        (stem,) = question_terms(question)
        assert "寄递" in translations([stem], everything)[stem]


def test_a_phrase_comes_before_its_words() -> None:
    found = translations(question_terms("washing machine"), everything)
    assert found["wash"][0] == found["machin"][0] == "洗衣机"
    assert "洗衣机" not in translations(["wash"], everything)["wash"]
    assert "洗衣机" not in translations(["machin", "wash"], everything)["wash"]


def test_only_what_the_index_holds_is_given() -> None:
    assert translations(["cancel"], {"注销"}.__contains__) == {"cancel": ("注销",)}
    assert translations(["cancel"], set[str]().__contains__) == {}


def test_the_number_of_translations_is_bounded() -> None:
    assert len(translations(["take"], everything)["take"]) == MOST


@pytest.mark.parametrize("words", [[], ["e-4021"], ["zzzqqq"], ["12345"], ["龘龘龘"], ["\t"]])
def test_what_no_dictionary_knows_has_no_translation(words: list[str]) -> None:
    assert translations(words, everything) == {}


def test_translations_are_terms_as_the_index_holds_them() -> None:
    found = translations(question_terms("安装热水器多久能退款"), everything)
    assert found
    for others in found.values():
        assert all(terms(other)[-1] == other for other in others)


def test_the_dictionary_is_read_only_when_a_question_needs_it() -> None:
    program = (
        "from kb.search import translations as t\n"
        "assert not t._lines.cache_info().currsize\n"
        "t.translations(['refund'], bool)\n"
        "assert t._lines.cache_info().currsize == 1\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_question_is_translated_in_milliseconds() -> None:
    words = question_terms("my washing machine leaks, how long until the refund reaches the card I paid with")
    translations(words, everything)
    started = time.perf_counter()
    translations(words, everything)
    assert time.perf_counter() - started < 0.05
