"""What a hit shows: near-duplicates once, neighbours joined, further sections named, the answering sentence marked."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from conftest import Centre, Shell

from kb import hits
from kb.answer.extract import answering_sentence
from kb.hits import Found
from kb.ingest.sentences import sentences
from kb.model import StoredPassage
from kb.results import Ask, Hit
from kb.search.analysis import parts
from kb.search.duplicates import in_common, pairs_alike, same_numbers
from kb.search.forward import record
from kb.search.highlights import occurrences
from kb.search.terms import terms

LONG = "The pump runs for ten minutes. Then the drum turns and the door stays shut until the lamp is dark."


def _passage(ordinal: int, start: int, text: str, heading: tuple[str, ...] = ("Washer", "E3")) -> StoredPassage:
    place = (heading, start, start + len(text), text, text, False, ("public",), "en", sentences(text, "en"))
    return StoredPassage(ordinal, "washer", 1, "article", ordinal, "text", *place)


def _hit(best: StoredPassage, *others: StoredPassage) -> Hit:
    found = Found(best, 1.0, False, {}, 0.5, None, 0, others)  # type: ignore[arg-type]
    return hits.hit(found, 0, ["door"], {"door": 1.0}, "en")


@pytest.mark.parametrize("gap", [0, 1, 2])
def test_the_next_piece_of_a_section_is_joined_as_the_body_has_it(gap: int) -> None:
    body = "Spread the load." + ["", " ", "\n\n"][gap] + "Close the door."
    first, second = _passage(0, 0, body[:16]), _passage(1, 16 + gap, body[16 + gap :])
    for best, other in ((first, second), (second, first)):
        hit = _hit(best, other)
        assert (hit.text, hit.passage_id, hit.sections) == (body, best.name, ())
        assert hit.answer_span is not None
        assert hit.text[slice(*hit.answer_span)] == "Close the door."


def test_what_is_no_neighbour_is_a_section_of_its_own() -> None:
    best = _passage(0, 0, "Spread the load.")
    others = [
        _passage(2, 60, "Close the door."),
        _passage(1, 20, "Cost.", ("Washer", "Cost")),
        _passage(3, 90, "More."),
    ]
    hit = _hit(best, *others, replace(best, id=9, ordinal=9, role="question"))
    assert hit.text == "Spread the load."
    assert [(s.passage_id, s.heading) for s in hit.sections] == [("washer@1#2", ("E3",)), ("washer@1#1", ("Cost",))]
    assert [hit.sections[0].text[a:b] for a, b in hit.sections[0].highlights] == ["door"]


def test_a_sentence_answers_only_where_it_holds_a_word_of_the_question() -> None:
    text = "Spread it. Close the door."
    assert answering_sentence([(0, 10), (11, 26)], occurrences(text, ["lamp"]), {"lamp": 1.0}) is None
    assert answering_sentence([(0, 10), (11, 26)], occurrences(text, ["door"]), {"door": 1.0}) == (11, 26)


def test_texts_with_other_numbers_or_codes_are_other_facts() -> None:
    assert same_numbers("E3: wait 10 minutes", "wait １０ minutes after e3")
    assert not same_numbers("E3: wait 10 minutes", "E5: wait 10 minutes")
    assert not same_numbers("a fee of 60", "a fee of 80")


def test_terms_in_common_are_counted_once_wherever_they_stand() -> None:
    texts = ("red\nlamp", "lamp\nred lamp", "red\ndoor")
    records = [record([terms(part) for part in parts(text)]) for text in texts]
    assert in_common(records).tolist() == [[2, 2, 1], [2, 2, 1], [1, 1, 2]]


def test_two_passages_are_alike_from_half_of_their_terms_in_common_and_enough_of_them() -> None:
    first, half, less = np.arange(30), np.arange(10, 40), np.arange(11, 41)
    records = [np.append(0, 1 + terms_).astype(np.uint32) for terms_ in (first, half, less)]
    assert pairs_alike(records) == [(0, 1), (1, 2)]
    assert pairs_alike([record([list("abcdefghijk")])] * 2) == []
    assert pairs_alike([record([list("abcdefghijkl")])] * 2) == [(0, 1)]


def _ids(centre: Centre, **front: str) -> list[tuple[str, tuple[str, ...]]]:
    keys = "".join(f"{key}: {value}\n" for key, value in front.items())
    centre.article("one.md", f"# Washer pump\n\n{LONG}\n")
    centre.article("two.md", f"---\ntitle: Washer pump again\n{keys}---\n{LONG}\n")
    centre.article("three.md", f"# Washer pump\n\n{LONG.replace('ten', '20')}\n")
    centre.reindex()
    found = centre.open().search(Ask("washer pump door lamp", audiences=frozenset({"public", "agent"}))).hits
    return sorted((hit.document_id, hit.also) for hit in found)


def test_a_near_duplicate_is_shown_once_and_named(centre: Centre) -> None:
    (first, *rest) = _ids(centre)
    assert {first[0], *first[1], *(id_ for id_, also in rest for id_ in (id_, *also))} == {"one", "two", "three"}
    assert len(rest) == 1
    assert "three" in {first[0], rest[0][0]}


@pytest.mark.parametrize("front", [{"product": "w9"}, {"audience": "agent"}, {"language": "fr"}])
def test_what_is_for_others_or_about_another_product_is_no_duplicate(centre: Centre, front: dict[str, str]) -> None:
    assert [id_ for id_, _ in _ids(centre, **front)] == ["one", "three", "two"]


def test_the_shell_explains_a_search_and_an_answer(centre: Centre, shell: Shell) -> None:
    centre.article("one.md", f"# Washer pump\n\n{LONG}\n")
    centre.reindex()
    shown = shell(centre.home, "search", "washer pumpp", "--explain")
    assert "read as: washer pump" in shown.stdout
    assert "audience public" in shown.stdout
    assert "contribution" in shown.stdout
    told = json.loads(shell(centre.home, "ask", "washer pump", "--explain", "--json").stdout)
    assert told["explain"]["hits"][0]["rule"] == "own_words"
    assert told["explain"]["threshold"] <= told["explain"]["best"]


def test_a_late_search_leaves_out_what_is_optional_and_says_so(centre: Centre) -> None:
    centre.article("one.md", f"# Washer pump\n\n{LONG}\n")
    centre.article("two.md", f"# Washer pump again\n\n{LONG}\n")
    centre.reindex()
    kb = centre.open()
    in_time = kb.search(Ask("washer pump door lamp"))
    assert (in_time.skipped, len(in_time.hits)) == ((), 1)
    assert in_time.hits[0].highlights
    kb.settings = msgspec.structs.replace(kb.settings, budget_ms=1)
    late = kb.search(Ask("which washer pump stops while the door lamp is dark?"))
    assert late.skipped == ("near_duplicates", "marks")
    assert len(late.hits) == 2
    assert not any(hit.highlights or hit.answer_span for hit in late.hits)
