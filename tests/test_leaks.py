"""Nothing that is not public reaches the public: not by search, not by answers, not over HTTP, in no field."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import ROOT, SAMPLE, tiny_settings, write_article
from litestar.testing import TestClient
from sample_files import opened, read_lines, sample_articles

from kb.access.reception import Reception
from kb.config import Paths, load_settings
from kb.knowledge import KnowledgeBase
from kb.model import AGENT, PUBLIC
from kb.progress import silent
from kb.results import Ask
from kb.service import Service
from kb.web.admission import Admission
from kb.web.api import create_app
from kb.writer import Writer, writer_lock

QUERIES = 300
RUN = 12
"""Letters and digits in a row that make a stretch of text recognisable."""
BEGINNING = 4
"""Letters by which forbidden sentences are looked up; none is shorter."""
ARTICLES = sample_articles(ROOT)
TICKETS = read_lines(SAMPLE / "tickets.jsonl")


def _ticket_texts(ticket: Mapping[str, Any]) -> list[str]:
    said = [message["text"] for message in ticket["messages"]]
    return [ticket["id"], ticket["subject"], ticket.get("resolution") or "", *said]


PUBLIC_TEXTS = [text for a in ARTICLES.values() if a.is_public for text in a.texts(a.public_body)]
WITHDRAWN_TEXTS = [text for a in ARTICLES.values() if a.state != "live" for text in a.texts(a.body)]
"""Drafts, retired, expired and not yet valid articles: for nobody."""
INTERNAL_TEXTS = [
    *(text for a in ARTICLES.values() if a.state == "live" and not a.is_public for text in a.texts(a.body)),
    *(a.agent_text for a in ARTICLES.values() if a.is_public),
    *(text for ticket in TICKETS for text in _ticket_texts(ticket)),
]
"""What agents may see."""


def _plain(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


def _runs(text: str) -> set[str]:
    plain = _plain(text)
    return {plain[at : at + RUN] for at in range(len(plain) - RUN + 1)}


def _is_telling(text: str) -> bool:
    """Whether a whole short text gives itself away, as an id or a Chinese title does and an English word does not."""
    return len(text) >= 8 or (len(text) >= 4 and not (text.isascii() and text.isalpha()))


def _sentences(text: str) -> Iterator[str]:
    """Pieces of a text between line ends, table bars and sentence ends, without Markdown's marks at their ends."""
    for mark in "。！？；.!?;|":
        text = text.replace(mark, "\n")
    return (piece for line in text.split("\n") if len(piece := line.strip(" \t-*#>123456789")) >= 8)


class Forbidden:
    """Recognises texts in a response: whole sentences, and stretches of RUN letters that stand in no allowed text."""

    def __init__(self, forbidden: Iterable[str], allowed: Sequence[str]) -> None:
        texts, known = list(forbidden), "\n".join(allowed)
        self.sentences = {s for text in texts for s in _sentences(text) if s not in known}
        self.sentences |= {text for text in texts if _is_telling(text) and text not in known}  # ids, titles
        self.runs = set().union(*map(_runs, texts)).difference(*map(_runs, allowed))
        self._beginning: dict[str, list[str]] = {}
        for sentence in sorted(self.sentences):
            self._beginning.setdefault(sentence[:BEGINNING], []).append(sentence)

    def found_in(self, leaf: str) -> list[str]:
        beginnings = {leaf[at : at + BEGINNING] for at in range(len(leaf) - BEGINNING + 1)} & self._beginning.keys()
        sentences = [s for beginning in sorted(beginnings) for s in self._beginning[beginning] if s in leaf]
        return sentences + sorted(_runs(leaf) & self.runs)


WITHDRAWN = Forbidden(WITHDRAWN_TEXTS, [*PUBLIC_TEXTS, *INTERNAL_TEXTS])
NOT_PUBLIC = Forbidden([*WITHDRAWN_TEXTS, *INTERNAL_TEXTS], PUBLIC_TEXTS)


def _leaves(value: object) -> Iterator[str]:
    """Every key and every value of a JSON document, as text."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield from str(value).split("\n")  # a line end may join two rows whose letters together read like another text


def _json(result: object) -> Any:
    """A result as a caller of the service decodes it."""
    return json.loads(msgspec.json.encode(result))


@dataclass(frozen=True)
class Probe:
    """A question, and how it is asked."""

    ask: Ask
    k: int


def _probes(count: int) -> list[Probe]:
    """Questions made of words, stretches, sentences, titles and ids of texts that are not public, and of noise."""
    chance = random.Random(20_261)
    secret = [text for text in [*WITHDRAWN_TEXTS, *INTERNAL_TEXTS] if len(text) >= 2]
    noise = [
        "怎么办",
        "how do I",
        "🙂",
        "::: agent",
        "%' OR 1=1 --",
        "agent",
        "draft",
        "\u200b",
        "ＡＢＣ",
        "AND (",
        "*",
    ]
    fronts = [article.front for article in ARTICLES.values()]
    filters = {key: sorted({str(f[key]) for f in fronts if f.get(key)}) for key in ("product", "language")}
    tags = sorted({tag for front in fronts for tag in front.get("tags") or []})

    def piece() -> str:
        text = chance.choice(secret)
        start = chance.randrange(len(text))
        kinds = [
            lambda: text[start : start + chance.randint(2, 30)],
            lambda: chance.choice(text.split() or [text])[:32],
            lambda: chance.choice(list(_sentences(text)) or [text])[:32],
            lambda: text[:32],
            lambda: chance.choice(PUBLIC_TEXTS)[:24],
            lambda: chance.choice(noise),
        ]
        return chance.choices(kinds, weights=[4, 3, 4, 2, 1, 1])[0]()

    def probe() -> Probe:
        question = " ".join(piece() for _ in range(chance.choice([1, 1, 2]))).strip() or "?"
        ask = Ask(question, (piece(),) if chance.random() < 0.1 else ())
        if chance.random() < 0.3:
            name, values = chance.choice([*filters.items(), ("tag", tags)])
            ask = replace(ask, **{name: chance.choice(values)})
        return Probe(ask, chance.choice([1, 5, 10, 30]))

    return [probe() for _ in range(count)]


@pytest.fixture(scope="module")
def probes() -> list[Probe]:
    return _probes(QUERIES)


@pytest.fixture(scope="module")
def talkative(sample_home: Path, sample_kb: KnowledgeBase) -> KnowledgeBase:
    """The sample, with every question answered that finds anything: a refusal could leak nothing."""
    return opened(sample_home, sample_kb, min_confidence=0.0)


def _responses(
    kb: KnowledgeBase, probes: Iterable[Probe], audiences: frozenset[str], *, explain: bool = False
) -> Iterator[tuple[Probe, Any]]:
    asked = [(probe, replace(probe.ask, audiences=audiences)) for probe in probes]
    kb.embed_ahead(ask for _, ask in asked)
    for probe, ask in asked:
        yield probe, _json(kb.search(ask, probe.k, explain=explain))
        yield probe, _json(kb.answer(ask, explain=explain))


def _leaks(responses: Iterable[tuple[Any, Any]], forbidden: Forbidden) -> dict[str, tuple[Any, list[str]]]:
    """Leaked leaves, each with the question that showed it first and what of it is forbidden."""
    first: dict[str, Any] = {}
    for asked, body in responses:
        for leaf in _leaves(body):
            first.setdefault(leaf, asked)
    return {leaf: (asked, found) for leaf, asked in first.items() if (found := forbidden.found_in(leaf))}


@pytest.fixture(scope="module")
def told_to_the_public(talkative: KnowledgeBase, probes: list[Probe]) -> list[tuple[Probe, Any]]:
    """What the public is told when it asks all that, two responses a probe, in order."""
    return list(_responses(talkative, probes, frozenset({PUBLIC})))


def test_the_sample_has_something_to_hide() -> None:
    assert min(map(len, NOT_PUBLIC.sentences | WITHDRAWN.sentences)) >= BEGINNING
    assert {a.state for a in ARTICLES.values()} == {"live", "draft", "retired", "expired", "not-yet-valid"}
    assert len(NOT_PUBLIC.sentences) > 1_000
    assert len(WITHDRAWN.sentences) > 50
    assert sum(a.is_public and bool(a.agent_text) for a in ARTICLES.values()) >= 5


def test_questions_about_what_is_not_public_show_the_public_none_of_it(
    told_to_the_public: list[tuple[Probe, Any]],
) -> None:
    responses = told_to_the_public
    assert len(responses) == 2 * QUERIES
    assert _leaks(responses, NOT_PUBLIC) == {}
    shown = {hit["document_id"] for _, body in responses for hit in body.get("hits", [])}
    cited = {citation["document_id"] for _, body in responses for citation in body.get("citations", [])}
    public = {id_ for id_, article in ARTICLES.items() if article.is_public}
    assert shown == public, "every public article was found by some question, and nothing else"
    assert cited <= public
    assert len(cited) > 0.8 * len(public)
    assert [body for _, body in responses if body.get("tickets")] == []
    named = {audience for _, body in responses for hit in body.get("hits", []) for audience in hit["audience"]}
    assert named == {PUBLIC}


def test_an_explanation_to_the_public_tells_nothing_of_what_is_not_public(
    talkative: KnowledgeBase, probes: list[Probe]
) -> None:
    responses = list(_responses(talkative, probes[:200], frozenset({PUBLIC}), explain=True))
    told = [(probe, _without_question(body)) for probe, body in responses]
    assert _leaks(told, NOT_PUBLIC) == {}
    assert all(body["explain"]["audiences"] == [PUBLIC] and not body["explain"]["tickets"] for _, body in told)
    named = {hit["passage_id"].split("@")[0] for _, body in told for hit in body["explain"]["hits"]}
    assert named <= {id_ for id_, article in ARTICLES.items() if article.is_public}


def _without_question(body: Any) -> Any:
    """A response without the asker's own words and filters, which an explanation gives back as it read them."""
    own = {"meant", "slips", "product", "language", "tag"}
    told = {key: value for key, value in body["explain"].items() if key not in own}
    return body | {"explain": told | {"alternatives": list(told["alternatives"].values())}}


def test_highlights_lie_within_the_text_that_the_public_is_shown(told_to_the_public: list[tuple[Probe, Any]]) -> None:
    lengths = [
        (0 <= start < end <= len(hit["text"]))
        for _, body in told_to_the_public
        for hit in body.get("hits", [])
        for start, end in hit["highlights"]
    ]
    assert len(lengths) > 1_000
    assert all(lengths)


def test_nobody_is_shown_a_draft_or_what_is_retired_expired_or_not_yet_valid(
    talkative: KnowledgeBase, probes: list[Probe]
) -> None:
    everyone = frozenset({PUBLIC, AGENT, "editor", "admin"})
    assert _leaks(_responses(talkative, probes[:400], everyone), WITHDRAWN) == {}


def test_agents_are_shown_what_the_public_is_not_so_that_these_tests_can_fail(
    talkative: KnowledgeBase, probes: list[Probe]
) -> None:
    leaks = _leaks(_responses(talkative, probes[:200], frozenset({PUBLIC, AGENT})), NOT_PUBLIC)
    shown = set().union(*map(_runs, leaks))
    assert any(leaf.startswith("T-") for leaf in leaks)
    assert any("/internal/" in leaf for leaf in leaks)
    assert any(_runs(article.agent_text) & shown for article in ARTICLES.values() if article.is_public)


@pytest.fixture(scope="module")
def client(
    sample_home: Path, tmp_path_factory: pytest.TempPathFactory, talkative: KnowledgeBase
) -> Iterator[TestClient[Any]]:
    """The service as the public reaches it."""
    home = Path(shutil.copytree(sample_home, tmp_path_factory.mktemp("served") / "home"))
    settings = load_settings(home, {"min_confidence": 0.0}, {})
    service, reception = Service(Paths(home), settings, "http://test"), Reception(Paths(home), settings)
    with TestClient(create_app(service, reception, Admission(8))) as client:
        service.knowledge._vectors = talkative._vectors
        yield client


def test_over_http_no_body_holds_anything_that_is_not_public_not_even_an_error(
    client: TestClient[Any], probes: list[Probe]
) -> None:
    """Many more questions are asked over HTTP by test_leaks_http; here are all hidden pages and each kind of error."""
    bodies: list[tuple[str, Any]] = []
    for probe in probes[:30]:
        query = {"q": probe.ask.question, "k": str(probe.k)}
        query |= {key: value for key in ("product", "language", "tag") if (value := getattr(probe.ask, key))}
        found = client.get("/api/search", params=query)
        asked = {"question": probe.ask.question, "conversation": list(probe.ask.conversation)}
        answered = client.post("/api/answers", json=asked)
        assert (found.status_code, answered.status_code) == (200, 200), (probe, found.text, answered.text)
        bodies += [(probe.ask.question, found.json()), (probe.ask.question, answered.json())]
    bodies += [(name, _body(client, *request)) for name, request in _other_requests().items()]
    assert _leaks(bodies, NOT_PUBLIC) == {}
    assert sum(bool(body.get("hits")) for _, body in bodies if isinstance(body, dict)) > 25
    assert sum(body.get("outcome") == "answered" for _, body in bodies if isinstance(body, dict)) > 15


def _other_requests() -> dict[str, tuple[str, str, Any, int]]:
    """Method, path, body and the status that is expected, of everything but a well-formed question."""
    hidden = sorted(id_ for id_, article in ARTICLES.items() if not article.is_public)
    requests: dict[str, tuple[str, str, Any, int]] = {
        "alive": ("GET", "/health/live", None, 200),
        "ready": ("GET", "/health/ready", None, 200),
        "metrics": ("GET", "/metrics", None, 401),
        "no question": ("GET", "/api/search", None, 400),
        "k too small": ("GET", "/api/search?q=refund&k=0", None, 400),
        "k too large": ("GET", "/api/search?q=refund&k=101", None, 400),
        "blank question": ("POST", "/api/answers", {"question": " "}, 400),
        "unknown key": ("POST", "/api/answers", {"question": "refund", "audience": "agent"}, 400),
        "no object": ("POST", "/api/answers", [], 400),
        "wrong method": ("GET", "/api/answers", None, 405),
        "hand-overs": ("GET", "/api/handovers", None, 401),
        "no hand-over": ("GET", "/api/handovers/T-0", None, 404),
        "no hand-over to call back about": ("POST", "/api/handovers/T-0/callback", {"contact": "12345"}, 404),
        "hand over": ("POST", "/api/handovers", {"conversation": [{"text": "goodwill refund for agents"}]}, 200),
        "human": ("POST", "/api/answers", {"question": "转人工", "conversation": ["goodwill"]}, 200),
        "unknown path": ("GET", "/api/tickets", None, 405),
    }
    return requests | {f"hidden {id_}": ("GET", f"/articles/{id_}", None, 404) for id_ in hidden}


def _body(client: TestClient[Any], method: str, path: str, data: Any, status: int) -> Any:
    response = client.request(method, path, json=data)
    assert response.status_code == status, (method, path, response.text)
    assert "Traceback" not in response.text
    return response.json() if "json" in response.headers["content-type"] else response.text


def test_the_public_audience_cannot_be_widened_by_a_parameter(client: TestClient[Any]) -> None:
    for extra in ("audience=agent", "audiences=agent", "group=agent", "role=admin", "tag=agent"):
        body = client.get(f"/api/search?q=goodwill+credit+complaint+escalation&k=50&{extra}").json()
        assert _leaks([(extra, body)], NOT_PUBLIC) == {}


PUBLIC_PAGES = {
    "refund.md": "# Refund time\n\nA refund takes five working days. It goes back to your card.\n",
    "return.md": "---\nquestions: [Can I send it back?]\nanswer: Yes, within seven days.\n---\n# Return\n\n"
    "You can return it within seven days. The box must be closed.\n{note}\n## Cost\n\nA return costs nothing.\n",
    "washer.md": "# Washer W6 shows E3\n\nSpread the laundry. Then start again.\n\n## E5\n\nClose the door.\n{note}",
    "parcel.md": "# Parcel\n\nTrack your parcel in the app. The driver rings twice.\n",
    "zh/退款.md": "# 退款时间\n\n退款需要五个工作日。款项退回原卡。\n{note}",
}
NOTE = "\n::: agent\nGoodwill refund: 50 for a washer, parcel, return; E3 too.\n\n## Refund\n\n退款可以加急。\n:::\n"
INTERNAL_PAGES = {
    "a.md": "---\naudience: agent\n---\n# Refund refund refund\n\nRefund goodwill of 50 for a parcel.\n",
    "q.md": "---\nstatus: draft\n---\n# Return policy, new\n\nReturn it within thirty days.\n",
    "x.md": "---\naudience: agent\nquestions: [Can I send it back?]\n---\n# Washer\n\nWasher E3 is a known fault.\n",
}
EMBARGOED = "---\nvalid_from: 2090-01-01\n---\n# Parcel\n\nParcel drones.\n"
"""In both homes: it is public, only later, so its words count among the public's, and nothing of it may be shown."""
QUESTIONS = """refund | refund days card | Can I send it back? | washer W6 E3 | parcel | goodwill 50 | return cost
where is my parcel | the driver | E5 door | laundry spread start | thirty days | drones | 退款 | 退款可以加急吗 | 卡"""


def _tiny(home: Path, tiny_model: Path, pages: Mapping[str, str], note: str) -> KnowledgeBase:
    for name, text in pages.items():
        write_article(home, name, text.replace("{note}", note))
    settings = tiny_settings(tiny_model, min_confidence=0.0)
    with writer_lock(Paths(home)):
        writer = Writer(Paths(home), settings)
        assert not writer.reindex(silent).problems
        writer.close()
    return KnowledgeBase(Paths(home), settings)


def _without_run(body: Any) -> Any:
    """A response without what tells one run from another: ids, times, and the last digits of floating sums."""
    gone = {"query_id", "answer_id", "took_ms", "at"}
    if isinstance(body, dict):
        return {key: _without_run(value) for key, value in body.items() if key not in gone}
    if isinstance(body, float):
        return round(body, 4)
    return [_without_run(value) for value in body] if isinstance(body, list) else body


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> tuple[KnowledgeBase, KnowledgeBase]:
    """Two homes with the same public texts, the second also with internal ones."""
    folder = tmp_path_factory.mktemp("twins")
    without = _tiny(folder / "without", tiny_model, PUBLIC_PAGES | {"z.md": EMBARGOED}, "")
    with_them = _tiny(folder / "with", tiny_model, PUBLIC_PAGES | INTERNAL_PAGES | {"z.md": EMBARGOED}, NOTE)
    assert len(with_them.reader.view.catalogue.ids) > len(without.reader.view.catalogue.ids) + 4
    return without, with_them


def _questions() -> list[str]:
    return [question.strip() for question in QUESTIONS.replace("\n", "|").split("|")]


def test_a_public_hit_is_the_same_whether_or_not_there_are_internal_texts(
    twins: tuple[KnowledgeBase, KnowledgeBase],
) -> None:
    for question in _questions():
        one, other = (_json(kb.search(Ask(question)))["hits"] for kb in twins)
        assert _by_document(one) == _by_document(other), question
        assert len(one) == len(PUBLIC_PAGES), question


def _by_document(hits: list[dict[str, Any]]) -> dict[str, Any]:
    return {hit["document_id"]: _without_run(hit) for hit in hits}


def test_public_order_and_answers_are_the_same_whether_or_not_there_are_internal_texts(
    twins: tuple[KnowledgeBase, KnowledgeBase],
) -> None:
    for question in _questions():
        one, other = ([_json(kb.search(Ask(question))), _json(kb.answer(Ask(question)))] for kb in twins)
        assert _without_run(one) == _without_run(other), question


def test_explanations_to_the_public_are_the_same_whether_or_not_there_are_internal_texts(
    twins: tuple[KnowledgeBase, KnowledgeBase],
) -> None:
    for question in _questions():
        one, other = (_json(kb.search(Ask(question), explain=True))["explain"] | {"at": 0.0} for kb in twins)
        assert dict(_values(one)) == pytest.approx(dict(_values(other)), abs=1e-3), (
            question
        )  # sums in another order differ in their last digits


def _values(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of a JSON document by where it stands; text and null as a number, so that all can be compared."""
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        yield path, len(value)
        for key, held in inner:
            yield from _values(held, f"{path}/{key}")
    elif isinstance(value, str) or value is None:
        yield f"{path}={value}", 0
    else:
        yield path, value


def test_an_answer_from_an_article_takes_no_sentence_of_its_agent_block(
    twins: tuple[KnowledgeBase, KnowledgeBase],
) -> None:
    kb, asked = twins[1], "Return. The box must be closed. Goodwill refund 50 for a washer, parcel, return; E3 too"
    for audience, told in ((frozenset({PUBLIC}), False), (frozenset({PUBLIC, AGENT}), True)):
        answers = [
            _json(kb.answer(Ask(asked, audiences=audience))),
            _json(kb.answer(Ask("goodwill", audiences=audience))),
        ]
        assert ("Goodwill" in json.dumps(answers)) == told
        assert answers[0]["citations"]
