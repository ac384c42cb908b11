"""The parts of search against independent models: brute force, hand computation, and what their descriptions claim."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from conftest import plain
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sqlite_utils import Database

from kb import tuning
from kb.config import Paths
from kb.indexing import How, bring_up_to_date
from kb.model import Access, Passage, Ticket
from kb.reader import Reader
from kb.search import catalogue_files, forward, fusion, names
from kb.search.analysis import analysed, parts
from kb.search.catalogue import EMPTY, Catalogue, Scope
from kb.search.catalogue_files import CatalogueWriter
from kb.search.confidence import Logistic, Point
from kb.search.embedding import ModelSpec
from kb.search.evidence import Evidence
from kb.search.features import NAMES
from kb.search.fields import PUBLIC_LANE, lane_of, within
from kb.search.highlights import highlights
from kb.search.keywords import Keywords, Snapshot
from kb.search.remembered import Remembered
from kb.search.terms import normalised, question_terms, terms
from kb.search.vectors import CLUSTERED_FROM, Vectors, build, opened, write_rows
from kb.search.wording import ALTERNATIVE, Concept, concepts, wanted
from kb.store import database, documents, passages, vectors
from kb.store.documents import DocumentState
from kb.store.passages import Terms

AUDIENCES = ["public", "agent", "vip", "公开"]
PRODUCTS = ["washer-w6", "heater h3", "洗衣机"]
LANGUAGES = ["zh", "zh-Hant", "en", "en-GB"]
TAGS = ["a", "b c", "退货"]
TIMES = [None, *(1_700_000_000.0 + 0.25 * step for step in range(8))]
"""Around the moments that scopes ask for; quarters of a second, so that every one is exact."""
KINDS = st.sampled_from(["article", "ticket"])


@st.composite
def _access(draw: st.DrawFn) -> Access:
    return Access(
        id=0,
        document_id="",
        kind=draw(KINDS),
        audience=tuple(draw(st.lists(st.sampled_from(AUDIENCES), min_size=1, max_size=2, unique=True))),
        valid_from=draw(st.sampled_from(TIMES)),
        valid_to=draw(st.sampled_from(TIMES)),
        language=draw(st.sampled_from(LANGUAGES)),
        product=draw(st.sampled_from([None, *PRODUCTS])),
        tags=tuple(draw(st.lists(st.sampled_from(TAGS), max_size=2, unique=True))),
        role="text",
        added=1,
        removed=None,
        family="",
    )


SCOPES = st.builds(
    Scope,
    audiences=st.frozensets(st.sampled_from([*AUDIENCES, "nobody"]), min_size=1),
    now=st.sampled_from([time for time in TIMES if time is not None]).map(lambda time: time + 0.125),
    product=st.sampled_from([None, None, *PRODUCTS, "none such"]),
    language=st.sampled_from([None, None, *LANGUAGES, "fr"]),
    tag=st.sampled_from([None, None, *TAGS, "b"]),
)


def _is_found(row: Access, scope: Scope, kind: str) -> bool:
    """What the two filters must agree with, said once more."""
    return (
        row.kind == kind
        and bool(set(row.audience) & scope.audiences)
        and (row.valid_from is None or row.valid_from <= scope.now)
        and (row.valid_to is None or row.valid_to > scope.now)
        and scope.product in (None, row.product)
        and (scope.language is None or scope.language[:2] == row.language[:2])
        and (scope.tag is None or scope.tag in row.tags)
    )


@dataclass(frozen=True)
class Rows:
    rows: list[Access]
    catalogue: Catalogue
    keywords: Snapshot


@pytest.fixture(scope="module")
def filtered(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """Six hundred rows of random access terms that all hold the word `washer`, in both filters."""
    chance = np.random.default_rng(3)

    def pick(values: list[object], count: int) -> tuple[object, ...]:
        return tuple(values[place] for place in chance.choice(len(values), count, replace=False))

    rows = [
        Access(
            id_,
            f"document {id_ // 2}",
            "article" if chance.random() < 0.6 else "ticket",
            pick([*AUDIENCES], chance.integers(1, 3)),  # type: ignore[arg-type]
            *pick([*TIMES], 2),  # type: ignore[arg-type]
            LANGUAGES[chance.integers(4)],
            [None, *PRODUCTS][chance.integers(4)],
            pick([*TAGS], chance.integers(0, 3)),  # type: ignore[arg-type]
            "text",
            1,
            None,
            f"document {id_ // 2}",
        )
        for id_ in range(1, 601)
    ]
    keywords = Keywords(tmp_path_factory.mktemp("keywords"), create=True)
    keywords.commit([analysed(row, f"washer {row.id}") for row in rows], replaces=(), change=1)
    return Rows(rows, EMPTY.extended(rows), keywords.snapshot())


@settings(max_examples=300, deadline=None)
@given(scope=SCOPES, kind=KINDS)
def test_both_filters_let_through_just_what_a_brute_force_filter_does(filtered: Rows, scope: Scope, kind: str) -> None:
    expected = [row.id for row in filtered.rows if _is_found(row, scope, kind)]
    mask = filtered.catalogue.mask(scope, kind, 1)  # type: ignore[arg-type]
    assert filtered.catalogue.ids[mask].tolist() == expected
    lanes = filtered.keywords.visible_to(scope, kind)  # type: ignore[arg-type]
    lists = [lane.search(plain("washer"), 1_000, within(scope, lane.name)) for lane in lanes]
    whenever = [row.id for row in filtered.rows if _is_found(replace(row, valid_from=None, valid_to=None), scope, kind)]
    assert sorted(row for rows, _ in lists for row in rows.tolist()) == whenever
    assert all((scores > 0).all() for _, scores in lists)


def test_random_scopes_let_rows_through_and_hold_rows_back(filtered: Rows) -> None:
    scopes = [Scope(frozenset({name}), now) for name in AUDIENCES for now in (1_700_000_000.1, 1_700_000_001.1)]
    shares = [filtered.catalogue.mask(scope, "article", 1).mean() for scope in scopes]
    assert min(shares) > 0.02
    assert max(shares) < 0.5


@given(st.lists(_access(), max_size=30), SCOPES, KINDS)
def test_a_catalogue_grown_in_two_steps_filters_as_one_grown_in_one(
    rows: list[Access], scope: Scope, kind: str
) -> None:
    numbered = [replace(row, id=number) for number, row in enumerate(rows, 1)]
    half = len(rows) // 2
    grown = EMPTY.extended(numbered[:half]).extended(numbered[half:])
    expected = [_is_found(row, scope, kind) for row in numbered]
    assert grown.mask(scope, kind, 1).tolist() == expected  # type: ignore[arg-type]


def _unit(chance: np.random.Generator, count: int, dim: int = 16) -> NDArray[np.float32]:
    drawn = chance.normal(size=(count, dim)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def _indexed(folder: Path, held: NDArray[np.float32]) -> Vectors:
    """Built, written and read again, as a generation is."""
    count = write_rows(folder, [held[: len(held) // 2], held[len(held) // 2 :]])
    near = build(folder, count, held.shape[1]).near
    scale = near.clusters.scale if near.clusters else 0.0
    return opened(folder, count, held.shape[1], reach=near.reach, scale=scale)


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32),
    base=st.integers(0, 40),
    delta=st.integers(0, 20),
    share=st.floats(0, 1),
    k=st.integers(1, 70),
)
def test_vector_search_equals_brute_force_under_any_mask_in_base_and_delta(
    seed: int, base: int, delta: int, share: float, k: int
) -> None:
    chance = np.random.default_rng(seed)
    held, query = _unit(chance, base + delta), _unit(chance, 1)[0]
    allowed = chance.random(base + delta) < share
    with TemporaryDirectory() as folder:
        searched = _indexed(Path(folder), held[:base]).extended(held[base:])
        places, cosines = searched.search(query, searched.select(allowed), k)
    expected = sorted(np.flatnonzero(allowed), key=lambda place: -float(held[place] @ query))[:k]
    assert places.tolist() == expected
    np.testing.assert_allclose(cosines, held[expected] @ query, atol=1e-5)


def _evidence(signs: list[dict[str, float]], rows: list[int], exact: tuple[int, ...] = ()) -> Evidence:
    table = np.array([[one.get(name, 0.0) for name in NAMES] for one in signs]).reshape(len(signs), len(NAMES))
    none = np.full(len(signs), np.nan)
    documents = tuple(f"d{row}" for row in rows)
    marked = np.isin(rows, exact)
    own = tuple(0 for _ in rows)
    lists = (none, none, table, table)
    return Evidence(tuple(rows), tuple(rows), tuple(rows), documents, tuple(rows), own, marked, *lists, 3, 0.0, False)


def test_the_fused_score_is_the_weighted_sum_that_a_hand_computes() -> None:
    evidence = _evidence([{"nearness": 0.5, "keyword": 1.0}, {"nearness": 1.0, "foreign": 1.0}, {}], [2, 1, 3])
    fused = fusion.scores(evidence.signs, {"nearness": 0.4, "keyword": 0.6, "foreign": -0.2})
    assert fused.tolist() == pytest.approx([0.8, 0.2, 0.0])
    assert fusion.order(evidence, fused) == [0, 1, 2]


def test_a_tie_keeps_the_lower_row_first_and_an_exact_title_comes_before_all() -> None:
    evidence = _evidence([{}, {}, {}], [9, 3, 5])
    assert [evidence.rows[i] for i in fusion.order(evidence, np.zeros(3))] == [3, 5, 9]
    titled = _evidence([{}, {}, {}], [9, 3, 5], exact=(9,))
    assert [titled.rows[i] for i in fusion.order(titled, np.array([0.0, 5.0, 4.0]))] == [9, 3, 5]


def test_another_embedding_model_is_ranked_by_ranks_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shipped = fusion.shipped()
    assert shipped.weights(shipped.fingerprint).items() >= shipped.scores.items()
    assert "nearness" not in shipped.weights("another model")
    tuning.load(Paths(tmp_path), "another model")
    assert "kb calibrate" in caplog.text


WORDS = [
    "refund",
    "refunds",
    "E-4021",
    "W6",
    "parcel",
    "cat",
    "洗衣机",
    "退货",
    "燃氣",
    "，",
    "。",
    "（",
    "the",
    "İ",
    "ﬁ",
    "🙂",
]
TELLING = [word for word in WORDS if terms(word)]
SENTENCES = st.lists(st.lists(st.sampled_from(TELLING), min_size=1, max_size=4).map(" ".join), min_size=1, max_size=4)


def _record(embedded: str) -> forward.Record:
    return forward.record([terms(part) for part in parts(embedded)])


@given(
    st.lists(st.tuples(st.sampled_from(TELLING), SENTENCES), min_size=1, max_size=6), st.sets(st.sampled_from(TELLING))
)
def test_the_forward_index_knows_what_reading_every_sentence_tells(
    passages: list[tuple[str, list[str]]], asked: set[str]
) -> None:
    words = question_terms(" ".join(sorted(asked))) if asked else ["nothing"]
    rarity = np.arange(1.0, len(words) + 1)
    wanted_ = wanted(tuple(Concept(word, (), weight) for word, weight in zip(words, rarity, strict=True)))
    texts = [f"{title}\n" + "。".join(sentences) for title, sentences in passages]
    index = forward.EMPTY.extended(_record(text) for text in texts)
    held = index.held(range(len(texts)), wanted_)
    for number, (title, sentences) in enumerate(passages):
        heading = np.isin(words, terms(title))
        within = [np.isin(words, terms(sentence)) for sentence in sentences if terms(sentence)]
        assert (held.heading()[number] > 0).tolist() == heading.tolist()
        assert (held.whole()[number] > 0).tolist() == np.any([heading, *within], axis=0).tolist()
        read = [float(np.where(inside, 1.0, 0.5 * heading) @ rarity) for inside in within]
        best = max(read, default=float(heading @ rarity))
        assert held.best_sentence(rarity)[number] == pytest.approx(best)


def test_a_synonym_counts_less_than_the_word_as_asked() -> None:
    index = forward.EMPTY.extended([_record("t\nfridge"), _record("t\nicebox")])
    asked = concepts(["fridg"], {"fridg": ("icebox",)}, lambda _: 2.0, 9.0)
    assert index.held([0, 1], wanted(asked)).whole()[:, 0].tolist() == [1.0, ALTERNATIVE]


def test_what_the_public_may_see_shares_no_lane_with_anything_else(filtered: Rows) -> None:
    together = {
        (lane_of(row) == PUBLIC_LANE, row.kind == "article" and "public" in row.audience) for row in filtered.rows
    }
    assert together == {(True, True), (False, False)}


def test_no_word_scores_above_the_ceiling_of_its_lane(filtered: Rows) -> None:
    for lane in filtered.keywords.lanes.values():
        for words in (["washer"], ["washer", "17"], ["3"]):
            assert (lane.search(plain(*words), 1_000)[1] <= lane.ceiling(plain(*words))).all()


IDENTIFIERS = [
    "E-4021",
    "HW-W6-80",
    "HW2026-0418-77231",
    "https://hearthway.example/orders/cancel",
    "88-12/B",
    "a.b@c.de",
]


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_an_identifier_is_one_term_beside_its_parts_in_either_language(identifier: str) -> None:
    whole = identifier.lower()
    for sentence in (f"Error {identifier} again", f"屏幕显示{identifier}怎么办", f"（{identifier}）"):
        found = terms(sentence)
        assert whole in found or whole.partition("://")[2] in found, found
        assert whole in question_terms(sentence) or whole.partition("://")[2] in question_terms(sentence)


@pytest.mark.parametrize("code", ["E4021", "W6", "H3", "HW20260418"])
def test_a_code_without_marks_stays_whole(code: str) -> None:
    assert code.lower() in terms(f"显示 {code} 了")
    assert code.lower() in terms(f"显示{code}了")


@pytest.mark.parametrize(
    ("traditional", "simplified_"),
    [("洗衣機漏電", "洗衣机漏电"), ("七天內無條件退貨", "七天内无条件退货"), ("變更電話號碼", "变更电话号码")],
)
def test_traditional_and_simplified_characters_give_the_same_terms(traditional: str, simplified_: str) -> None:
    assert terms(traditional) == terms(simplified_)
    assert normalised(traditional) == normalised(simplified_)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30))
def test_full_width_and_half_width_give_the_same_terms(text: str) -> None:
    wide = "".join(chr(ord(character) + 0xFEE0) for character in text)
    assert terms(wide) == terms(text)


@pytest.mark.parametrize(
    "forms",
    [("refund", "refunds", "refunded", "Refunding"), ("deliver", "delivered", "delivers"), ("cancel", "CANCELS")],
)
def test_the_forms_of_an_english_word_share_one_term(forms: tuple[str, ...]) -> None:
    assert len({tuple(terms(form)) for form in forms}) == 1
    assert terms(forms[0]) != terms("parcel")


@given(st.text(max_size=60))
def test_any_text_gives_terms_that_hold_no_blank_and_the_same_ones_each_time(text: str) -> None:
    found = terms(text)
    assert found == terms(text)
    assert [term for term in found if not term or term.split() != [term]] == []
    assert set(question_terms(text)) <= set(found)
    assert bool(question_terms(text)) == bool(found)


@given(
    st.lists(st.sampled_from(WORDS), max_size=20),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=4),
    st.booleans(),
)
def test_highlights_are_ordered_spans_each_of_which_holds_a_word_of_the_question(
    text: list[str], asked: list[str], spaced: bool
) -> None:
    passage, words = (" " if spaced else "。").join(text), question_terms(" ".join(asked))
    spans = highlights(passage, words)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(set(edges)), "in order, none empty, none touching"
    assert all(0 <= edge <= len(passage) for edge in edges)
    assert [passage[start:end] for start, end in spans if not set(terms(passage[start:end])) & set(words)] == []


@given(st.lists(st.sampled_from(["refund", "refunds", "parcel", "W6", "E-4021", "tap"]), max_size=20))
def test_every_latin_word_of_the_question_is_highlighted(text: list[str]) -> None:
    passage, at, expected = " ".join(text), 0, []
    for word in text:
        if word in ("refund", "refunds", "E-4021"):
            expected.append((at, at + len(word)))
        at += len(word) + 1
    assert highlights(passage, question_terms("a refund for E-4021")) == tuple(expected)


def test_a_chinese_word_is_highlighted_in_the_script_of_the_passage() -> None:
    assert highlights("這台洗衣機不進水，洗衣機", question_terms("洗衣机")) == ((2, 5), (9, 12))


def test_a_confidence_is_the_logistic_function_of_its_signs() -> None:
    model = Logistic(-1.0, {"cosine": 2.0, "coverage": 1.0})
    assert model.probability({"cosine": 0.5, "coverage": 1.0}) == pytest.approx(1 / (1 + math.exp(-1)))


def test_a_target_of_wrong_answers_sets_the_lowest_threshold_that_keeps_to_it() -> None:
    curve = (Point(0.1, 0.9, 0.20, 0.01), Point(0.4, 0.7, 0.05, 0.04), Point(0.8, 0.3, 0.01, 0.30))
    model = Logistic(0.0, {}, curve)
    assert [model.threshold(target) for target in (0.3, 0.05, 0.01)] == [0.1, 0.4, 0.8]
    assert model.threshold(None) == 0.4, "5% of the answerable are refused"
    assert model.threshold(0.001) > 1, "nothing keeps to it, so nothing is answered"


DIM = 8
SPEC = ModelSpec("by hand", None, "", "", 512, DIM, "0123456789abcdef", "none")
NOW = 1_000.0
EVERYONE = Scope(frozenset({"public", "agent"}), NOW)
PUBLIC_ONLY = Scope(frozenset({"public"}), NOW)


@dataclass
class Store:
    """A store and its index, changed as a writer changes them, and beside them what must be visible: plain lists."""

    paths: Paths
    db: Database

    def __post_init__(self) -> None:
        self.history: list[dict[str, tuple[str, ...]]] = [{}]  # texts by document, change by change
        self.audience: dict[str, str] = {}
        self.removed_for: dict[str, int] = {}

    def put(self, id_: str, texts: tuple[str, ...], audience: str) -> None:
        """Replaces a document's passages; no texts is a retirement."""
        made = tuple(Passage(n, "text", (id_,), 0, 1, text, text) for n, text in enumerate(texts))
        hashes = [passages.text_hash(text) for text in texts]
        with database.transaction(self.db):
            change = documents.next_change(self.db)
            state = DocumentState(id_, "article", "test", change, "published", "", "")
            documents.record(self.db, Ticket(id_, id_, "", "", "en"), state, change)
            vectors.keep(self.db, SPEC.fingerprint, hashes, np.array([_vector(t) for t in texts], np.float32))
            terms_ = Terms("article", (audience,), (audience,), None, None, "en", None, (), "")
            passages.replace(self.db, id_, change, made, terms_, change)
        self.history.append({**self.history[-1], id_: texts} if texts else _without(self.history[-1], id_))
        self.audience[id_] = audience

    def index(self, full: bool) -> None:
        bring_up_to_date(self.db, self.paths, SPEC, How(full=full))


def _without(texts: dict[str, tuple[str, ...]], id_: str) -> dict[str, tuple[str, ...]]:
    return {other: held for other, held in texts.items() if other != id_}


def _vector(text: str) -> NDArray[np.float32]:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
    return _unit(np.random.default_rng(seed), 1, DIM)[0]


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"),
            st.sampled_from(["a", "b", "c", "d"]),
            st.lists(st.sampled_from(["red", "green", "blue", "white"]), max_size=3, unique=True).map(tuple),
        ),
        st.tuples(st.sampled_from(["index", "index", "full", "reopen"]), st.just(""), st.just(())),
    ),
    min_size=3,
    max_size=9,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_a_reader_sees_the_rows_of_one_change_whatever_was_added_and_removed_in_which_order(
    steps: list[tuple[str, str, tuple[str, ...]]],
) -> None:
    with TemporaryDirectory() as folder:
        paths = Paths(Path(folder))
        store = Store(paths, database.open_for_writing(paths.database))
        store.put("a", ("red", "blue"), "public")
        store.index(full=True)
        reader, held = Reader(paths, SPEC), len(store.history) - 1
        for what, id_, texts in [*steps, ("index", "", ())]:
            if what == "put":
                store.put(id_, tuple(f"{id_}{len(store.history)} {text}" for text in texts), "public")
            elif what == "reopen":
                reader = Reader(paths, SPEC)
            else:
                store.index(full=what == "full")
                held = len(store.history) - 1
            reader.refresh()
            _check(reader, store, held)
        store.db.close()


def _check(reader: Reader, store: Store, held: int) -> None:
    """The reader shows the change that the index holds, less what was retired since, and the three lists agree."""
    view, newest = reader.view, store.history[-1]
    expected = {(id_, text) for id_, texts in store.history[held].items() if id_ in newest for text in texts}
    selected = view.selected(PUBLIC_ONLY, "article")
    mask = selected.mask
    stored = reader.fetch([int(id_) for id_ in view.catalogue.ids[mask]])
    assert {(p.document_id, p.text) for p in stored.values()} == expected
    assert len(stored) == len(expected)
    assert len(view.vectors) == len(view.catalogue.ids)
    for passage in stored.values():
        places, cosines = view.vectors.search(_vector(passage.text), selected, 1)
        assert cosines[0] == pytest.approx(1, abs=1e-5)
        assert int(view.catalogue.ids[places[0]]) == passage.id
        places, _ = view._keyword_list(plain(*terms(passage.text)), PUBLIC_ONLY, "article", selected)
        found = set(view.catalogue.ids[places].tolist())
        assert passage.id in found
        assert found <= stored.keys()


def test_a_text_that_lost_its_audience_is_hidden_before_the_index_knows(tmp_path: Path) -> None:
    store = Store(Paths(tmp_path), database.open_for_writing(tmp_path / "data" / "kb.sqlite"))
    store.put("a", ("red",), "public")
    store.put("b", ("green",), "public")
    store.index(full=True)
    reader = Reader(store.paths, SPEC)

    def shown(scope: Scope) -> set[str]:
        view = reader.refresh()
        return {view.catalogue.document(place) for place in np.flatnonzero(view.allowed(scope, "article"))}

    assert shown(PUBLIC_ONLY) == {"a", "b"}
    store.put("a", ("red",), "agent")
    assert shown(PUBLIC_ONLY) == {"b"}
    store.index(full=False)
    assert shown(PUBLIC_ONLY) == {"b"}
    assert shown(EVERYONE) == {"a", "b"}
    store.db.close()


def test_vectors_are_remembered_up_to_a_number_and_embedded_together_ahead() -> None:
    asked: list[tuple[str, ...]] = []

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        asked.append(tuple(texts))
        return np.array([[len(text), ord(text[0])] for text in texts], np.float32)

    vectors = Remembered(embed, 2)
    for text in ("a", "b", "a", "c", "a", "b"):
        assert vectors(text).tolist() == [1, ord(text)]
    assert asked == [("a",), ("b",), ("c",), ("b",)]
    asked.clear()
    vectors.ahead(["dddd", "e", "a", "ff", "e"])
    assert asked == [("e", "ff", "dddd")]
    assert [vectors(text).tolist()[0] for text in ("dddd", "e", "ff", "a", "b")] == [4, 1, 2, 1, 1]
    assert len(asked) == 1


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Vectors, NDArray[np.float32]]:
    """So many vectors that they lie in clusters: around 300 centres, as passages lie around topics."""
    chance = np.random.default_rng(20261124)
    near = _unit(chance, 300, 64)[chance.integers(0, 300, 2 * CLUSTERED_FROM)]
    made = near + 0.5 * _unit(chance, len(near), 64) + chance.normal(size=64).astype(np.float32) / 8
    held = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)
    return _indexed(tmp_path_factory.mktemp("many"), held), held


def _masks(held: NDArray[np.float32]) -> dict[str, NDArray[np.bool_]]:
    chance, count = np.random.default_rng(7), len(held)
    near = held @ held[5]
    return {
        "all": np.ones(count, bool),
        "a tenth, anywhere": chance.random(count) < 0.1,
        "a hundredth, anywhere": chance.random(count) < 0.01,
        "a tenth, together": near >= np.quantile(near, 0.9),
        "a hundredth, together": near >= np.quantile(near, 0.99),
    }


@pytest.mark.parametrize("which", ["all", "a tenth, anywhere", "a tenth, together"])
def test_over_clusters_nearly_all_of_the_nearest_are_found_under_any_filter(
    many: tuple[Vectors, NDArray[np.float32]], which: str
) -> None:
    searched, held = many
    assert searched.near.clusters is not None
    mask = _masks(held)[which]
    selected, chance = searched.select(mask), np.random.default_rng(8)
    shares = []
    for query in held[::400] + 0.4 * _unit(chance, len(held[::400]), 64):
        query /= np.linalg.norm(query)
        exact = np.argsort(-np.where(mask, held @ query, -2.0), kind="stable")[:10]
        places, cosines = searched.search(query, selected, 10)
        np.testing.assert_allclose(cosines, held[places] @ query, atol=1e-6)
        assert mask[places].all()
        shares.append(len(set(places.tolist()) & set(exact.tolist())) / 10)
    assert np.mean(shares) >= 0.97


@pytest.mark.parametrize("which", ["a hundredth, anywhere", "a hundredth, together"])
def test_few_allowed_rows_are_searched_exactly_wherever_they_lie(
    many: tuple[Vectors, NDArray[np.float32]], which: str
) -> None:
    searched, held = many
    mask = _masks(held)[which]
    selected = searched.select(mask)
    for query in held[::800]:
        exact = np.argsort(-np.where(mask, held @ query, -2.0), kind="stable")[:30]
        assert searched.search(query, selected, 30)[0].tolist() == exact.tolist()
    nobody = searched.select(np.zeros(len(held), bool))
    assert nobody.nothing
    assert not len(searched.search(held[0], nobody, 5)[0])


def test_vectors_are_exact_below_the_number_from_which_they_are_clustered(
    many: tuple[Vectors, NDArray[np.float32]], tmp_path: Path
) -> None:
    assert _indexed(tmp_path, many[1][: CLUSTERED_FROM - 1]).near.clusters is None


def test_names_are_found_by_number_and_numbers_by_name_before_and_after_they_are_written(tmp_path: Path) -> None:
    words = [f"文档 {number}" for number in range(300)] + ["", "a/b"]
    collected = names.Collected()
    assert [collected.add(word) for word in words] == list(range(302))
    names.write(tmp_path, collected.names())
    grown = names.read(tmp_path).extended(["a/b", "new", "new", "文档 7"])
    assert [grown[number] for number in range(len(grown))] == [*words, "new"]
    assert [grown.number(word) for word in (*words, "new")] == list(range(303))
    assert grown.number("nowhere") is None


@settings(max_examples=60, deadline=None)
@given(st.lists(_access(), max_size=20), st.lists(_access(), max_size=5), SCOPES, KINDS)
def test_a_catalogue_read_from_its_files_is_the_one_that_was_written(
    first: list[Access], later: list[Access], scope: Scope, kind: str
) -> None:
    documents_ = "abbccdddee"
    numbered = [
        replace(row, id=number, document_id=documents_[number // 4], family=documents_[number % 7])
        for number, row in enumerate(first + later)
    ]
    count = len(first)
    with TemporaryDirectory() as folder:
        writing = CatalogueWriter()
        for row in numbered[:count]:
            writing.add(row)
        writing.write(Path(folder))
        read = catalogue_files.read(Path(folder), count).extended(numbered[count:])
    grown = EMPTY.extended(numbered)
    assert read.mask(scope, kind, 1).tolist() == grown.mask(scope, kind, 1).tolist()  # type: ignore[arg-type]
    assert [read.document(place) for place in range(len(read))] == [row.document_id for row in numbered]
    for document in documents_:
        own = [place for place, row in enumerate(numbered) if row.document_id == document]
        assert sorted(read.rows_of([document]).tolist()) == own
        kin = [place for place, row in enumerate(numbered) if row.family == document]
        number = read.names.number(document)
        found = [] if number is None else read.of_families(np.array([number], np.int32)).tolist()
        assert sorted(found) == kin
