"""A centre's own synonyms: what the file may hold, and what a question gains by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb.errors import InputError
from kb.search.synonyms import MalformedSynonyms, Synonyms, parse_synonyms, read_synonyms
from kb.search.terms import question_terms

FRIDGE = parse_synonyms("冰箱, 雪柜, refrigerator, fridge", source="synonyms.txt")


def alternatives(line: str, question: str) -> dict[str, tuple[str, ...]]:
    return parse_synonyms(line, source="synonyms.txt").alternatives(question)


def test_an_asked_word_gets_the_other_words_of_its_group() -> None:
    assert FRIDGE.alternatives("my fridge is warm") == {"fridg": ("冰箱", "雪柜", "refriger")}
    assert FRIDGE.alternatives("冰箱不制冷") == {"冰箱": ("雪柜", "refriger", "fridg")}


def test_a_question_without_a_listed_word_gets_nothing() -> None:
    assert FRIDGE.alternatives("my oven is cold") == {}
    assert FRIDGE.alternatives("") == {}


def test_script_and_case_do_not_matter() -> None:
    assert FRIDGE.alternatives("冰箱，還是冰箱") == FRIDGE.alternatives("冰箱，还是冰箱")
    assert alternatives("洗衣機，washer", "洗衣机坏了")["洗衣机"] == ("washer",)
    assert alternatives("洗衣机，washer", "洗衣機壞了")["洗衣机"] == ("washer",)
    assert alternatives("TV = Television", "the television")["televis"] == ("tv",)


def test_a_latin_word_is_found_in_any_inflection_but_not_inside_another_word() -> None:
    assert alternatives("refund, 退款", "refunds")["refund"] == ("退款",)
    assert alternatives("air, 空气", "a repair") == {}


def test_every_term_of_an_asked_phrase_has_the_alternatives() -> None:
    found = alternatives("washing machine, 洗衣机", "The washing machine leaks")
    assert found == {"wash": ("洗衣机",), "machin": ("洗衣机",)}


def test_a_phrase_needs_all_its_words_side_by_side() -> None:
    assert alternatives("washing machine, 洗衣机", "a machine for washing") == {}


def test_a_chinese_word_is_found_wherever_the_segmenter_cuts_it() -> None:
    question = "我家旺旺机坏了"
    found = alternatives("旺旺机, E-100", question)
    assert found
    assert set(found) <= set(question_terms(question))
    assert set(found.values()) == {("e-100",)}


def test_keys_are_always_terms_of_the_question() -> None:
    for question in ("雪柜坏了", "这台雪櫃不冷", "fridge & refrigerator"):
        assert set(FRIDGE.alternatives(question)) <= set(question_terms(question))
        assert FRIDGE.alternatives(question)


def test_no_term_is_its_own_alternative() -> None:
    found = alternatives("gas stove, stove", "gas stove")
    assert all(term not in others for term, others in found.items())


@pytest.mark.parametrize("separator", [",", "，", "、", "=", " = ", "＝"])
def test_every_separator_separates(separator: str) -> None:
    assert alternatives(f"冰箱{separator}雪柜", "雪柜") == {"雪柜": ("冰箱",)}


def test_comments_and_blank_lines_are_skipped() -> None:
    assert parse_synonyms("# ours\n\n冰箱, 雪柜  # southern\n", source="s").alternatives("雪柜") == {"雪柜": ("冰箱",)}


def test_the_same_word_in_both_scripts_counts_once() -> None:
    assert alternatives("雪櫃, 雪柜, fridge", "fridge") == {"fridg": ("雪柜",)}


def test_every_problem_is_listed_with_its_line_and_what_is_accepted() -> None:
    with pytest.raises(MalformedSynonyms) as raised:
        parse_synonyms("冰箱, 雪柜\n退款\n发票,,收据\n雪櫃, icebox\n", source="home/synonyms.txt")
    messages = str(raised.value).split("\n")
    assert isinstance(raised.value, InputError)
    assert [m.split(": ")[0] for m in messages] == [f"home/synonyms.txt:{line}" for line in (2, 3, 4)]
    assert "'退款', which is one word" in messages[0]
    assert "accepted are two or more words" in messages[1]
    assert "'雪柜', which line 1 has as well" in messages[2]


def test_a_home_without_the_file_has_no_synonyms(tmp_path: Path) -> None:
    assert read_synonyms(tmp_path / "synonyms.txt") == Synonyms()


def test_a_file_with_a_byte_order_mark_and_windows_line_ends_is_read(tmp_path: Path) -> None:
    file = tmp_path / "synonyms.txt"
    file.write_bytes("\ufeff冰箱, 雪柜\r\n退款, refund\r\n".encode())
    assert read_synonyms(file).alternatives("冰箱") == {"冰箱": ("雪柜",)}


def test_a_file_in_another_encoding_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "synonyms.txt"
    file.write_bytes(b"fridge, icebox\n" + "冰箱, 雪柜".encode("gbk"))
    with pytest.raises(MalformedSynonyms, match=r"synonyms\.txt:2: found byte 0xb1; accepted is UTF-8"):
        read_synonyms(file)


def test_a_folder_in_place_of_the_file_is_explained(tmp_path: Path) -> None:
    with pytest.raises(MalformedSynonyms, match="cannot be read"):
        read_synonyms(tmp_path)
