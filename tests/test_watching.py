"""What `/metrics` tells is what was asked, of one process and of several, and no caller makes it grow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import DELIVERY, REFUND, Centre, tiny_settings, write_article
from litestar.testing import TestClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families as families
from scraping import OPEN, scraped, total
from server_process import Server, serving, until

from kb.access.callers import Role
from kb.access.keys import create_key
from kb.access.reception import Reception
from kb.config import Paths
from kb.search.embedding import Embedder
from kb.service import Service
from kb.web.admission import Admission
from kb.web.api import create_app
from kb.web.metrics import OWN, REQUEST_SECONDS, TABLE, Metrics, language_of

EASY, HARD = OPEN | {"KB_MIN_CONFIDENCE": "0"}, OPEN | {"KB_MIN_CONFIDENCE": "1"}
ANSWERED = {"question": "when do refunds arrive"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Embedder) -> Path:
    """An indexed home with two articles."""
    home = tmp_path_factory.mktemp("watching") / "home"
    write_article(home, "refund.md", REFUND)
    write_article(home, "delivery.md", DELIVERY)
    Centre(home, tiny_settings(tiny_model), tiny_embedder).reindex()
    return home


@pytest.fixture(scope="module")
def server(home: Path, tiny_model: Path) -> Iterator[Server]:
    with serving(home, tiny_model, environment=EASY) as running:
        yield running


def test_counts_and_stages_equal_what_was_asked(server: Server) -> None:
    before = scraped(server)
    for question in ("refund", "van on Tuesday", "退款多久到账", "refund"):
        server.search(question)
    server.search("refund", product="none")
    for _ in range(2):
        assert server.client.post("/api/answers", json=ANSWERED).json()["outcome"] == "answered"
    assert server.client.post("/api/answers", json={"question": " "}).status_code == 400
    assert server.get("/api/search").status_code == 400
    after = scraped(server)

    def grown(name: str, **labels: str) -> float:
        return total(after, name, **labels) - total(before, name, **labels)

    requests = "kb_http_request_seconds_count"
    assert grown(requests, route="/api/search", method="GET", status="200") == 5
    assert grown(requests, route="/api/search", method="GET", status="400") == 1
    assert grown(requests, route="/api/answers", method="POST", status="200") == 2
    assert grown(requests, route="/api/answers", method="POST", status="400") == 1
    assert grown("kb_searches_total", outcome="found", language="en") == 3
    assert grown("kb_searches_total", outcome="found", language="zh") == 1
    assert grown("kb_searches_total", outcome="nothing") == 1
    assert grown("kb_answers_total", outcome="answered", language="en") == grown("kb_answers_total") == 2
    assert grown("kb_refusals_total") == 0
    stages = {stage: grown("kb_question_stage_seconds_count", stage=stage) for stage in ("waited", "understood")}
    assert stages == {"waited": 7, "understood": 7}
    assert grown("kb_question_stage_seconds_count", stage="shown") == 5
    assert grown("kb_question_stage_seconds_count", stage="composed") == 2
    assert grown("kb_question_stage_seconds_count", stage="vectors") == 6, "nothing is looked for where nothing may be"
    assert 0 < grown("kb_question_stage_seconds_sum") < grown("kb_http_request_seconds_sum")
    made = grown("kb_embedding_cache_total", result="miss")
    assert made == grown("kb_embedding_batch_size_sum") == 4
    assert made + grown("kb_embedding_cache_total", result="hit") == 7
    assert total(after, "kb_questions_at_hand") == total(after, "kb_questions_waiting") == 0


def test_refusals_are_counted_by_reason_and_language(home: Path, tiny_model: Path) -> None:
    with serving(home, tiny_model, environment=HARD) as server:
        reasons = [
            server.client.post("/api/answers", json={"question": question}).json()["reason"]
            for question in ("where is the van", "退款多久到账")
        ]
        samples = scraped(server)
    assert None not in reasons
    for reason, language in zip(reasons, ("en", "zh"), strict=True):
        assert total(samples, "kb_refusals_total", reason=reason, language=language) == 1
    assert total(samples, "kb_refusals_total") == total(samples, "kb_answers_total", outcome="abstained") == 2
    assert total(samples, "kb_handovers_total") == 0
    assert ("kb_handovers_total", frozenset({("reason", "asked_for_human")})) in samples


def test_an_edit_moves_the_change_the_rows_and_the_writes(server: Server) -> None:
    until(lambda: total(scraped(server), "kb_writes_total", job="watch") >= 1)
    before = scraped(server)
    write_article(server.home, "warranty.md", "# Warranty\n\nTwo years.\n")
    until(lambda: server.finds("warranty", "warranty"))
    until(lambda: total(scraped(server), "kb_writes_total", outcome="edited") == 1)
    after = scraped(server)
    assert total(after, "kb_index_change") == total(before, "kb_index_change") + 1
    assert total(after, "kb_index_rows", kind="article") == total(before, "kb_index_rows", kind="article") + 1
    assert total(after, "kb_index_generation") == total(before, "kb_index_generation")
    assert total(after, "kb_index_changes_behind") == total(after, "kb_index_lag_seconds") == 0


def test_a_thousand_paths_and_methods_of_callers_make_no_new_series(server: Server) -> None:
    def one(number: int) -> None:
        server.client.request(("GET", "POST", "PROPFIND")[number % 3], f"/{number}/{number * 7919}?{number}={number}")
        server.get("/api/search", q="refund", language=f"x{number % 7}")

    for number in range(3):
        one(number)
    before = scraped(server)
    for number in range(3, 503):
        one(number)
    after = scraped(server)
    assert after.keys() == before.keys()
    unmatched = {"route": "unmatched", "status": "404"}
    name = "kb_http_request_seconds_count"
    assert total(after, name, **unmatched) == total(before, name, **unmatched) + 500
    assert {dict(labels)["method"] for known, labels in after if known == name} == {"GET", "POST", "OTHER"}


def test_a_scraper_that_asks_for_openmetrics_gets_it_and_both_show_exactly_the_table(server: Server) -> None:
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    answer = server.client.get("/metrics", headers={"accept": accept})
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    plain = server.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=")
    known = {metric.name.removesuffix("_total"): metric.kind for metric in TABLE}
    assert {family.name: family.type for family in open_families(answer.text)} == known
    assert {family.name: family.type for family in families(plain.text)} == known
    told = {family.name: family.documentation for family in families(plain.text)}
    assert all(told[metric.name.removesuffix("_total")] == metric.told for metric in OWN)


def test_metrics_are_for_this_machine_alone_where_they_are_open(server: Server) -> None:
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        answer = server.client.get("/metrics", headers={header: "127.0.0.1"})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="kb"'), (
            "a proxy passed it on"
        )
        assert answer.json()["title"] == "Unauthorized"


def test_metrics_are_for_admins(home: Path, tiny_model: Path) -> None:
    paths, settings = Paths(home), tiny_settings(tiny_model)
    app = create_app(Service(paths, settings, "http://127.0.0.1:1"), Reception(paths, settings), Admission(1))
    expected: dict[Role | None, int] = {None: 401, "public": 403, "agent": 403, "editor": 403, "admin": 200}
    with TestClient(app=app) as client:
        for role, status in expected.items():
            headers = {"Authorization": f"Bearer {create_key(paths, role).key}"} if role else {}
            assert client.get("/metrics", headers=headers).status_code == status, role


def test_a_language_is_a_label_only_where_it_is_one_of_three() -> None:
    assert [language_of(tag) for tag in ("zh", "zh-Hant", "EN", "en-GB", "fr", "", "english")] == [
        "zh", "zh", "en", "en", "other", "other", "other",
    ]  # fmt: skip


def test_an_observation_of_a_label_that_the_table_lacks_is_an_error() -> None:
    with pytest.raises(ValueError, match="Incorrect label count"):
        Metrics().observe(REQUEST_SECONDS, 0.1, "/api/search")
