"""Over HTTP, every role and group is shown what is theirs and not one byte of anything else, at every endpoint.

A real server, with the sample and some articles for groups; what a caller may not see is looked for in every leaf of
every response. An endpoint that `PROBES` does not know makes the suite fail: a new one brings its probe with it.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from conftest import ROOT, write_article
from server_process import Server, serving
from test_leaks import INTERNAL_TEXTS, PUBLIC_TEXTS, WITHDRAWN_TEXTS, Forbidden, Probe, _leaks, _probes

from kb.access.callers import Role
from kb.access.keys import create_key
from kb.access.reception import Reception
from kb.config import Paths, Settings, load_settings
from kb.progress import silent
from kb.search.embedding import Embedder
from kb.service import Service
from kb.web.admission import Admission
from kb.web.api import create_app
from kb.writer import Writer, writer_lock

QUESTIONS = 330
SEARCHES, ANSWERS, FEEDBACK = QUESTIONS, 280, 420
"""Of each of eight callers: each question searched for once, most of them answered, and what was shown judged."""
THREADS = 4
WEB = ROOT / "kb" / "web"
FORM = "application/x-www-form-urlencoded"
GROUPS = {
    "vip": {
        "vip/lounge": "Lounge of the Amber Circle\n\nMembers rest in the amber lounge behind counter nineteen.\n\n"
        "## Returns for the Amber Circle\n\nA courier in a grey coat collects returns within ninety minutes.\n",
        "vip/zh": "琥珀会员专线\n\n琥珀会员拨打内线七七四二，由专属管家接听退款与退货。\n\n"
        "## 管家\n\n管家姓名不对外公布，暗号是银杏。\n",
    },
    "partners": {
        "partners/margin": "Wholesale margin of refunds\n\nPartners keep eleven per cent of a refund for handling.\n",
        "partners/zh": "加盟商返点\n\n加盟商每笔退货返点为百分之十三，按季度结算到保证金账户。\n",
    },
}
CALLERS: dict[str, tuple[Role | None, tuple[str, ...]]] = {
    "anybody": (None, ()),
    "public": ("public", ()),
    "vip": ("public", ("vip",)),
    "partners": ("public", ("partners",)),
    "agent": ("agent", ()),
    "agent of vip": ("agent", ("vip",)),
    "editor": ("editor", ()),
    "admin": ("admin", ()),
}
GROUP_TEXTS = {
    group: [*pages, *(text for page in pages.values() for text in page.split("\n\n"))]
    for group, pages in GROUPS.items()
}
OWN_TEXTS = [
    "name and password do not belong together",
    "role assistant",  # of /v1
    "chat completion text",  # in /schema
]
"""The service's own, of which some letters stand in a ticket too."""
Request = tuple[str, str, Any, dict[str, str]]
"""Method, path with its query, body, headers."""
Work = Iterator[tuple[str, str, Request]]
"""Who asks, at which endpoint, and what."""
Keys = dict[str, dict[str, str]]
"""The header with which each caller calls."""


def _is_for(caller: str, audience: str) -> bool:
    role, groups = CALLERS[caller]
    return role in ("editor", "admin") or audience in groups or (audience == "agent" and role == "agent")


def _texts(caller: str) -> tuple[list[str], list[str]]:
    """What a caller may see, and what not."""
    allowed, forbidden = [*PUBLIC_TEXTS, *OWN_TEXTS], list(WITHDRAWN_TEXTS)
    (allowed if _is_for(caller, "agent") else forbidden).extend(INTERNAL_TEXTS)
    for group, texts in GROUP_TEXTS.items():
        (allowed if _is_for(caller, group) else forbidden).extend(texts)
    return allowed, forbidden


@dataclass
class Told:
    """What the callers were told: statuses by caller and endpoint, bodies by caller with what was asked."""

    statuses: dict[tuple[str, str], Counter[int]] = field(default_factory=dict)
    bodies: dict[str, list[tuple[Any, Any]]] = field(default_factory=dict)
    ids: dict[str, list[tuple[str, str, list[str]]]] = field(default_factory=dict)
    """By caller: `query_id` or `answer_id`, its value, and the documents that were shown."""
    lock: threading.Lock = field(default_factory=threading.Lock)


@pytest.fixture(scope="module")
def home(sample_home: Path, tmp_path_factory: pytest.TempPathFactory, bundled_embedder: Embedder) -> Path:
    """The sample, with articles for two groups; every question that finds anything is answered."""
    home = Path(shutil.copytree(sample_home, tmp_path_factory.mktemp("leaks") / "home"))
    for group, pages in GROUPS.items():
        for name, text in pages.items():
            write_article(home, f"{name}.md", f"---\naudience: {group}\n---\n# {text}")
    settings = home / "kb.toml"  # first: what follows a table belongs to it
    others = "min_confidence = 0.0\nkey_requests = 0\naddress_requests = 0\n"
    settings.write_text(others + settings.read_text("utf-8"), "utf-8")
    with writer_lock(Paths(home)):
        writer = Writer(Paths(home), load_settings(home, {}, {}), embedder=bundled_embedder)
        assert writer.reindex(silent).added == sum(map(len, GROUPS.values()))
        writer.close()
    return home


@pytest.fixture(scope="module", autouse=True)
def own_words(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The description of the interface, made where there is no content at all."""
    paths, settings = Paths(tmp_path_factory.mktemp("empty")), Settings()
    app = create_app(Service(paths, settings, ""), Reception(paths, settings), Admission(1))
    OWN_TEXTS.append(json.dumps(app.openapi_schema.to_schema(), ensure_ascii=False))
    pages = [*(WEB / "templates").iterdir(), *(WEB / "locale").glob("*/*.po")]
    OWN_TEXTS.extend(page.read_text("utf-8") for page in pages)


@pytest.fixture(scope="module")
def keys(home: Path) -> Keys:
    """The header with which each caller calls."""
    return {
        caller: {"Authorization": f"Bearer {create_key(Paths(home), role, groups).key}"} if role else {}
        for caller, (role, groups) in CALLERS.items()
    }


@pytest.fixture(scope="module")
def server(home: Path, keys: Keys) -> Iterator[Server]:
    with serving(home, "bundled") as running:
        yield running


def _search(probe: Probe, **more: object) -> str:
    narrowed = {name: value for name in ("product", "language", "tag") if (value := getattr(probe.ask, name))}
    return "/api/search?" + urlencode({"q": probe.ask.question, "k": min(probe.k, 10), **narrowed, **more})


def _endless(seed: str) -> Iterator[Probe]:
    """The same questions for all callers, in another order for each."""
    questions = _probes(QUESTIONS)
    while True:
        yield from random.Random(seed).sample(questions, len(questions))


def _asked(caller: str) -> Iterator[tuple[str, Request]]:
    """What a caller asks by itself, with the endpoint that it belongs to."""
    probes = _endless(caller)
    for number, probe in enumerate(islice(probes, SEARCHES)):
        more = {"explain": "true"} if number % 6 == 0 else {}
        yield "GET /api/search", ("GET", _search(probe, **more), None, {})
    for number, probe in enumerate(islice(probes, ANSWERS)):
        body = {
            "question": probe.ask.question,
            "conversation": list(probe.ask.conversation),
            "explain": number % 9 == 0,
        }
        yield "POST /api/answers", ("POST", "/api/answers", body, {})
    for endpoint, requests in PROBES.items():
        for request in requests(caller):
            yield endpoint, request


def _same(*requests: Request) -> Callable[[str], Iterator[Request]]:
    return lambda caller: iter(requests)


def _hidden_pages(_: str) -> Iterator[Request]:
    for name in [*(name for pages in GROUPS.values() for name in pages), *WITHDRAWN_TEXTS[:20]]:
        yield "GET", f"/articles/{urlencode({'': name})[1:]}", None, {}


def _malformed(_: str) -> Iterator[Request]:
    for k in (0, 101, "x"):
        yield "GET", f"/api/search?q=refund&k={k}", None, {}
    for extra in ("audience=agent", "audiences=vip", "group=partners", "role=admin", "tag=vip"):
        yield "GET", f"/api/search?q=amber+circle+margin&{extra}", None, {}
    for body in (
        [],
        {"question": " "},
        {"question": "refund", "audience": "agent"},
        {"question": "a" * 3_000},
        None,
        "x",
    ):
        yield "POST", "/api/answers", body, {}
    for name in ("X-Role", "X-Audience", "X-Forwarded-User", "Kb-Role"):
        yield "GET", "/api/search?q=amber+circle", None, {name: "admin"}


def _wrong_keys(_: str) -> Iterator[Request]:
    for path in ("/api/search?q=amber", "/api/insights/usage", "/api/audit", "/metrics", "/api/session"):
        for key in ("kb_wrong", "kb_" + "A" * 43, "", "admin"):
            yield "GET", path, None, {"Authorization": f"Bearer {key}"}


_QUESTIONS = ("amber circle lounge", "wholesale margin of refunds", "琥珀会员专线", "加盟商返点", "refund", "E3 大风")


def _completions(_: str) -> Iterator[Request]:
    for question in _QUESTIONS:
        for stream in (False, True):
            body = {"model": "kb", "stream": stream, "messages": [{"role": "user", "content": question}]}
            yield "POST", "/v1/chat/completions", body, {}
            yield "POST", "/v1/chat/completions", body | {"metadata": {"conversation_id": "new"}}, {}


def _tools(_: str) -> Iterator[Request]:
    calls = [("search", {"query": q, "k": 100}) for q in _QUESTIONS] + [("answer", {"question": q}) for q in _QUESTIONS]
    calls += [("get_article", {"document_id": name}) for pages in GROUPS.values() for name in pages]
    for name, arguments in calls:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        yield "POST", "/mcp", body, {"Accept": "application/json, text/event-stream"}


def _asked_by_form(_: str) -> Iterator[Request]:
    for question in ("refund", "退款", "margin"):
        yield "POST", "/ask", urlencode({"question": question}).encode(), {"Content-Type": FORM}


def _said_of_articles(_: str) -> Iterator[Request]:
    for name in (*(name for pages in GROUPS.values() for name in pages), "zh/internal/goodwill", "vip/nothing"):
        body = urlencode({"kind": "not_helpful", "article": name, "conversation": "amber"}).encode()
        yield "POST", "/feedback", body, {"Content-Type": FORM}
        yield "POST", "/ask", urlencode({"question": "我要转人工客服", "about": name}).encode(), {"Content-Type": FORM}


def _of_articles(path: str) -> Callable[[str], Iterator[Request]]:
    """Asked of the articles of the groups, of a withdrawn one, and of one that is nobody's."""
    ids = (*(name for pages in GROUPS.values() for name in pages), "zh/internal/goodwill", "vip/nothing")
    return _same(*[("GET", path.format(quote(id_, safe="")), None, {}) for id_ in ids])


def _copies(caller: str) -> Iterator[Request]:
    for internal in ("false", "true"):
        yield from _of_articles(f"/api/documents/{{}}/copy?internal={internal}")(caller)


UPLOAD_TYPE = {"Content-Type": "multipart/form-data; boundary=b"}
UPLOAD = (
    b'--b\r\nContent-Disposition: form-data; name="files"; filename="vip/lounge.html"\r\n\r\n'
    b"<h1>Imported</h1><p>Own.</p>\r\n--b--\r\n"
)


_MOVES = ("submit", "approve", "send-back", "publish", "schedule", "unschedule", "retire", "discard")


def _editing(method: str, *more: str) -> Callable[[str], Iterator[Request]]:
    """An operation on articles of groups, by who knows an old number: an editor is told both sides."""
    body = {"text": "# Amber\n\nCircle.\n"} if method == "PUT" else {}
    body |= {"at": "2999-01-01T00:00:00Z"} if more == ("schedule",) else {}
    body |= {"revision": 1} if more == ("restore",) else {}

    def requests(_: str) -> Iterator[Request]:
        for name in ("vip/lounge", "partners/margin", "nowhere"):
            yield method, "/".join(("/api/articles", quote(name, safe=""), *more)), body, {"If-Match": '"0"'}

    return requests


def _guessed_updates(_: str) -> Iterator[Request]:
    for name in [*(name for pages in GROUPS.values() for name in pages), "zh/internal/goodwill", "nowhere"]:
        for gone in (False, True):
            yield "POST", "/api/updates/read", {"read": [{"document_id": name, "revision": 1, "gone": gone}]}, {}


PROBES: dict[str, Callable[[str], Iterator[Request]]] = {
    "GET /api/cases": _same(*[("GET", f"/api/cases?min={least}&limit=2", None, {}) for least in (3, 4)]),
    "POST /api/cases/{case_id}/propose": _same(("POST", "/api/cases/amber/propose", None, {})),
    "GET /api/insights/gaps": _same(*[("GET", f"/api/insights/gaps?days={days}", None, {}) for days in (1, 7)]),
    "GET /api/insights/usage": _same(*[("GET", f"/api/insights/usage?days={days}", None, {}) for days in (1, 7, 30)]),
    "GET /api/articles/{document_id}/impact": _same(
        *[
            ("GET", f"/api/articles/{quote(name, safe='')}/impact?revision=1", None, {})
            for name in ("zh/returns/seven-day-return", *(name for pages in GROUPS.values() for name in pages))
        ]
    ),
    "GET /api/audit": _same(*[("GET", f"/api/audit?limit={limit}", None, {}) for limit in (1, 100, 1_000)]),
    "GET /api/session": _same(*[("GET", "/api/session", None, {})] * 5),
    "POST /api/session": _same(("POST", "/api/session", {"name": "vip", "password": "amber circle"}, {})),
    "DELETE /api/session": _same(("DELETE", "/api/session", None, {})),
    "POST /api/session/password": _same(("POST", "/api/session/password", {"password": "a", "new_password": "b"}, {})),
    "DELETE /api/session/others": _same(("DELETE", "/api/session/others", None, {})),
    "GET /api/keys": _same(("GET", "/api/keys", None, {})),
    "POST /api/keys": _same(("POST", "/api/keys", {"role": "public", "name": "probe", "expires": "1h"}, {})),
    "DELETE /api/keys/{key_id}": _same(("DELETE", "/api/keys/amber", None, {})),
    "GET /api/people": _same(("GET", "/api/people", None, {})),
    "POST /api/people": _same(
        ("POST", "/api/people", {"name": "vip", "password": "amber circle", "role": "agent"}, {})
    ),
    "PATCH /api/people/{person_id}": _same(("PATCH", "/api/people/vip", {"role": "admin"}, {})),
    **{
        f"POST /api/people/{{person_id}}/{what}": _same(("POST", f"/api/people/vip/{what}", {"password": "amber"}, {}))
        for what in ("password", "disable", "enable")
    },
    "GET /account": _same(("GET", "/account", None, {})),
    "GET /admin": _same(
        *[("GET", f"/admin{path}", None, {}) for path in ("", "/keys", "/people", "/audit", "/audit.csv", "/settings")]
    ),
    "GET /health/live": _same(*[("GET", "/health/live", None, {})] * 3),
    "GET /health/ready": _same(*[("GET", "/health/ready", None, {})] * 3),
    "GET /metrics": _same(*[("GET", "/metrics", None, {})] * 3),
    "GET /signin": _same(("GET", "/signin", None, {}), ("GET", "/signin?next=/agent", None, {})),
    "GET /signin/oidc": _same(("GET", "/signin/oidc", None, {})),
    "GET /signin/oidc/callback": _same(("GET", "/signin/oidc/callback?code=amber&state=x", None, {})),
    "POST /signin": _same(("POST", "/signin", {"name": "vip", "password": "amber"}, {})),
    "POST /signout": _same(("POST", "/signout", None, {})),
    "GET /schema": _same(("GET", "/schema", None, {}), ("GET", "/schema/openapi.json", None, {})),
    "POST /api/calls/{call_id}/utterances": _same(
        *[
            ("POST", "/api/calls/amber/utterances", {"sequence": n, "speaker": "customer", "text": "amber circle"}, {})
            for n in range(3)
        ]
    ),
    "POST /v1/chat/completions": _completions,
    "GET /v1/models": _same(("GET", "/v1/models", None, {})),
    "GET /v1/models/{model}": _same(("GET", "/v1/models/kb", None, {}), ("GET", "/v1/models/vip", None, {})),
    "POST /mcp": _tools,
    "GET /api/handovers": _same(*[("GET", f"/api/handovers?dead={dead}", None, {}) for dead in ("true", "false")]),
    "GET /api/handovers/{handover_id}": _same(("GET", "/api/handovers/amber", None, {})),
    "POST /api/handovers": _same(
        ("POST", "/api/handovers", {"conversation": [{"text": "amber circle margin"}]}, {}),
        ("POST", "/api/handovers", {"conversation": []}, {}),
    ),
    "POST /api/handovers/{handover_id}/callback": _same(
        ("POST", "/api/handovers/amber/callback", {"contact": "amber@example.com"}, {})
    ),
    "POST /api/answers/stream": _same(
        *[("POST", "/api/answers/stream", {"question": f"amber circle {n}", "channel": "sms"}, {}) for n in range(6)]
    ),
    "GET /api/answers/stream": _same(
        ("GET", "/api/answers/stream?token=amber", None, {}),
        ("GET", "/api/answers/stream?token=amber", None, {"Last-Event-ID": "1.amber"}),
    ),
    "POST /api/imports": _same(
        *[("POST", f"/api/imports?preview={preview}", UPLOAD, UPLOAD_TYPE) for preview in ("true", "1")]
    ),
    "POST /api/tickets": _same(("POST", "/api/tickets", {"id": "vip"}, {})),
    "GET /api/articles/{article_id}/revisions": _of_articles("/api/articles/{}/revisions"),
    "GET /api/articles/{article_id}/revisions/{number}": _of_articles("/api/articles/{}/revisions/1"),
    "GET /api/articles/{article_id}/diff": _of_articles("/api/articles/{}/diff?from=0"),
    "POST /api/articles/{article_id}/restore": _editing("POST", "restore"),
    "POST /api/preview": _same(("POST", "/api/preview", {"text": "# Amber\n\nlounge", "id": "vip/lounge"}, {})),
    "POST /api/replacements": _same(
        *[("POST", "/api/replacements", {"find": text, "replace": "x"}, {}) for text in ("amber", "琥珀", "eleven")]
    ),
    "POST /api/replacements/{token}": _same(("POST", "/api/replacements/amber", {"find": "amber", "replace": "x"}, {})),
    "GET /api/translations": _same(("GET", "/api/translations", None, {})),
    "GET /api/due": _same(("GET", "/api/due?days=3650", None, {}), ("GET", "/api/due?owner=vip", None, {})),
    "GET /api/articles/{article_id}/similar": _of_articles("/api/articles/{}/similar"),
    "POST /api/similar": _same(
        ("POST", "/api/similar", {"text": "# Amber circle\n\nA lounge behind a counter.\n"}, {})
    ),
    "POST /api/front-matter": _same(
        ("POST", "/api/front-matter", {"head": "---\ntitle: Amber\n---\n", "set": {"owner": "circle"}}, {})
    ),
    "POST /api/differences": _same(("POST", "/api/differences", {"old": "amber", "new": "circle"}, {})),
    "GET /edit": _same(
        *[("GET", f"/edit?{asked}", None, {}) for asked in ("q=amber", "view=review", "view=due", "view=tickets")]
    ),
    "GET /edit/{article_id}": _of_articles("/edit/{}"),
    "GET /api/updates": _same(*[("GET", f"/api/updates?limit={limit}", None, {}) for limit in (1, 200)]),
    "POST /api/updates/read": _guessed_updates,
    "GET /api/articles/{article_id}/readers": _of_articles("/api/articles/{}/readers"),
    "GET /": _same(*[("GET", f"/?lang={language}", None, {}) for language in ("en", "zh")]),
    "POST /ask": _asked_by_form,
    "POST /feedback": _said_of_articles,
    "POST /callback": _same(
        (
            "POST",
            "/callback",
            urlencode({"handover": "amber", "contact": "amber@example.com"}).encode(),
            {"Content-Type": FORM},
        )
    ),
    "GET /widget": _same(*[("GET", f"/widget?lang={language}", None, {}) for language in ("en", "zh")]),
    "GET /widget.js": _same(("GET", "/widget.js", None, {})),
    "GET /topics/{name}": _same(
        *[("GET", f"/topics/{name}", None, {}) for name in ("internal", "returns", "-", "vip")]
    ),
    "POST /api/articles/{article_id}/pictures": _editing("POST", "pictures"),
    "GET /pictures/{place}": _of_articles("/pictures/vip/images/lounge.svg?of={}"),
    "GET /articles/{document_id}": _of_articles("/articles/{}?from=0&to=20"),
    "GET /sitemap.xml": _same(("GET", "/sitemap.xml", None, {})),
    "GET /robots.txt": _same(("GET", "/robots.txt", None, {})),
    "GET /preferences": _same(("GET", "/preferences?lang=zh&back=/articles/vip/lounge", None, {})),
    "GET /api/articles": _same(
        *[("GET", f"/api/articles?{narrowed}", None, {}) for narrowed in ("q=amber", "audience=vip", "state=published")]
    ),
    "POST /api/articles": _same(("POST", "/api/articles", {"id": "vip/lounge", "text": "# Amber\n\nCircle.\n"}, {})),
    **{f"{method} /api/articles/{{article_id}}": _editing(method) for method in ("GET", "PUT", "DELETE")},
    **{f"POST /api/articles/{{article_id}}/{move}": _editing("POST", move) for move in _MOVES},
    "GET /api/articles/{article_id}/gate": _editing("GET", "gate"),
    "GET /api/documents/{document_id}": _of_articles("/api/documents/{}"),
    "GET /api/documents/{document_id}/copy": _copies,
    "GET /agent": _same(("GET", "/agent", None, {}), ("GET", "/agent?q=amber&tag=vip&product=vip", None, {})),
    "GET /signin/framed": _same(("GET", "/signin/framed?next=/agent", None, {})),
    "GET /signin/done": _same(("GET", "/signin/done", None, {})),
    "POST /api/session/lend": _same(("POST", "/api/session/lend", None, {})),
    "POST /api/session/framed": _same(("POST", "/api/session/framed", {"code": "amber"}, {})),
    "unknown pages": _hidden_pages,
    "malformed": _malformed,
    "wrong keys": _wrong_keys,
}
"""What is asked of every endpoint but the two for questions and the one for feedback, which have loops of their own."""
LOOPED = {"GET /api/search", "POST /api/answers", "POST /api/feedback"}
IMPACT = "GET /api/articles/{document_id}/impact"
EDITORS_OWN = {
    "GET /api/insights/gaps",
    "GET /api/insights/usage",
    "GET /api/articles",
    "GET /api/articles/{article_id}/revisions",
    "GET /api/articles/{article_id}/revisions/{number}",
    "GET /api/articles/{article_id}/diff",
    "POST /api/preview",
    "POST /api/replacements",
    "GET /api/translations",
    "GET /api/due",
    "GET /api/articles/{article_id}/similar",
    "POST /api/similar",
    "GET /edit",
    IMPACT,
}
"""Told to editors alone: what was asked, and here texts of withdrawn articles are asked; what is no longer used; and
every article whatever its state."""


class Leaves(HTMLParser):
    """The texts of a page and its attributes, each by itself: letters of two of them are no word of anybody's."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.found += [value for _, value in attrs if value]

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def _send(server: Server, keys: Keys, told: Told, work: Work) -> None:
    """Takes from `work` until it is done, over one connection."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    while True:
        with told.lock:
            if (item := next(work, None)) is None:
                connection.close()
                return
        caller, endpoint, (method, path, body, headers) = item
        encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = encoded if method in ("POST", "PUT", "PATCH") else None
        connection.request(method, path, sent, {"Content-Type": "application/json", **keys[caller], **headers})
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
        kind = response.headers.get("content-type", "")
        answer = json.loads(text) if "json" in kind else Leaves(text).found if "html" in kind else text
        with told.lock:
            told.statuses.setdefault((caller, endpoint), Counter())[response.status] += 1
            if endpoint not in EDITORS_OWN or response.status != 200:
                told.bodies.setdefault(caller, []).append(((method, path, body), _without_own_words(answer)))
            _remember(told, caller, answer)


def _remember(told: Told, caller: str, answer: Any) -> None:
    for name in ("query_id", "answer_id"):
        if isinstance(answer, dict) and name in answer:
            hits = [*answer.get("hits", ()), *answer.get("tickets", ()), *answer.get("citations", ())]
            told.ids.setdefault(caller, []).append((name, answer[name], [hit["document_id"] for hit in hits]))


def _without_own_words(answer: Any) -> Any:
    """A response without what its asker wrote, which an explanation gives back as it was read."""
    if isinstance(answer, dict) and "structuredContent" in (given := answer.get("result") or {}):
        # Its text is the same once more, as JSON within JSON, where a key would run into the value before it.
        assert json.loads(given["content"][0]["text"]) == given["structuredContent"]
        return given["structuredContent"]
    if not isinstance(answer, dict) or not isinstance(answer.get("explain"), dict):
        return answer
    own = {"meant", "slips", "product", "language", "tag"}
    why = {key: value for key, value in answer["explain"].items() if key not in own}
    return answer | {"explain": why | {"alternatives": list(why["alternatives"].values())}}


def _feedback(told: Told) -> Iterator[tuple[str, str, Request]]:
    """Each caller says something of what it was shown, then of what others were, and of documents by guess."""
    chance = random.Random(7)
    hidden = [name for pages in GROUPS.values() for name in pages] + [
        text for text in WITHDRAWN_TEXTS if "/" in text[:12]
    ]
    for caller in CALLERS:
        others = [entry for other in CALLERS if other != caller for entry in told.ids[other][:100]]
        for number in range(FEEDBACK):
            mine = number % 2 == 0
            name, value, shown = chance.choice(told.ids[caller] if mine else others)
            body: dict[str, Any] = {"kind": "helpful", name: value}
            if name == "query_id" or number % 5 == 0:
                body["document_id"] = chance.choice(shown if shown and mine and number % 3 else hidden)
            yield caller, "POST /api/feedback", ("POST", "/api/feedback", body, {})


def _spread(told: Told, server: Server, keys: Keys, work: Work) -> None:
    threads = [threading.Thread(target=_send, args=(server, keys, told, work)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.fixture(scope="module")
def told(server: Server, keys: Keys) -> Told:
    """All that the callers are told."""
    told = Told()
    _spread(told, server, keys, ((caller, *asked) for caller in CALLERS for asked in _asked(caller)))
    _spread(told, server, keys, _feedback(told))
    return told


def test_every_endpoint_has_a_probe(server: Server) -> None:
    paths = server.get("/schema/openapi.json").json()["paths"]
    known = {f"{method.upper()} {path}" for path, operations in paths.items() for method in operations}
    assert known <= PROBES.keys() | LOOPED


def test_ten_thousand_requests_were_answered_and_none_broke_anything(told: Told) -> None:
    total = sum(told.statuses.values(), Counter[int]())
    assert sum(total.values()) >= 10_000
    assert [status for status in total if status >= 500] == []
    for caller in CALLERS:
        assert set(told.statuses[caller, "GET /api/search"]) == {200}
        assert set(told.statuses[caller, "POST /api/answers"]) == {200}
        assert told.statuses[caller, "POST /api/feedback"][200] > FEEDBACK / 5


@pytest.mark.parametrize("caller", CALLERS)
def test_a_caller_is_told_nothing_that_is_not_theirs(told: Told, caller: str) -> None:
    allowed, forbidden = _texts(caller)
    assert _leaks(told.bodies[caller], Forbidden(forbidden, allowed)) == {}


@pytest.mark.parametrize("caller", CALLERS)
def test_a_caller_is_told_what_is_theirs_so_that_this_can_fail(told: Told, caller: str) -> None:
    shown = {hit for _, _, documents in told.ids[caller] for hit in documents}
    for group, pages in GROUPS.items():
        assert (shown & pages.keys() == pages.keys()) == _is_for(caller, group), (caller, group)
    assert any(name.startswith("T-") for name in shown) == _is_for(caller, "agent")
    assert len(shown) > 40


def test_only_editors_read_insights_and_only_admins_the_audit_log_and_metrics(told: Told) -> None:
    own = ("GET /api/insights/gaps", "GET /api/insights/usage", "POST /api/imports", IMPACT, "GET /api/cases")
    needed = dict.fromkeys(own, "editor")
    needed |= {"GET /api/audit": "admin", "GET /metrics": "admin"}
    for (caller, endpoint), statuses in told.statuses.items():
        if endpoint in needed:
            role = CALLERS[caller][0]
            may = role == "admin" or (role == "editor" and needed[endpoint] == "editor")
            assert set(statuses) == {200 if may else 401 if role is None else 403}, (caller, endpoint)


def test_only_editors_are_told_what_is_for_editors(told: Told) -> None:
    for (caller, endpoint), statuses in told.statuses.items():
        if endpoint in EDITORS_OWN:
            role = CALLERS[caller][0]
            if role in ("editor", "admin"):
                assert statuses[200], (caller, endpoint)
                assert statuses.keys() <= {200, 400, 404}, (caller, endpoint)
            else:
                unknown = 303 if endpoint == "GET /edit" else 401  # a page leads to the one for signing in
                assert statuses.keys() == {unknown if role is None else 403}, (caller, endpoint)


def test_only_editors_are_told_anything_of_what_is_written(told: Told) -> None:
    seen = {end for _, end in told.statuses if end.endswith(" /api/articles") or "/api/articles/{article_id}" in end}
    assert len(seen) == 2 + 3 + len(_MOVES) + 2 + 6
    for (caller, endpoint), statuses in told.statuses.items():
        if endpoint in seen:
            role = CALLERS[caller][0]
            refused = {401 if role is None else 403}
            assert (set(statuses) == refused) == (role not in ("editor", "admin")), (caller, endpoint, statuses)


def test_nobody_says_anything_of_what_another_was_shown(told: Told, server: Server, keys: Keys) -> None:
    name, value, shown = next(entry for entry in told.ids["agent"] if entry[0] == "query_id" and entry[2])
    for caller in ("public", "vip", "agent of vip", "admin"):
        body = {"kind": "opened", name: value, "document_id": shown[0]}
        refused = server.client.post("/api/feedback", json=body, headers=keys[caller])
        unknown = server.client.post("/api/feedback", json=body | {name: "0" * 32}, headers=keys[caller])
        assert refused.status_code == unknown.status_code == 404, caller
        assert _plain(refused.json()) == _plain(unknown.json()), "the two cannot be told apart"


def _plain(problem: dict[str, Any]) -> dict[str, Any]:
    gone = {key: value for key, value in problem.items() if key != "request_id"}
    return {key: re.sub("[0-9a-f]{32}", "…", str(value)) for key, value in gone.items()}


def test_a_slip_is_not_mended_to_a_word_that_only_others_may_read(server: Server, keys: Keys) -> None:
    for caller in CALLERS:
        path = "/api/search?" + urlencode({"q": "the wholesael marign", "explain": "true"})
        meant = server.client.get(path, headers=keys[caller]).json()["explain"]["meant"]
        assert ("wholesale" in meant) <= _is_for(caller, "partners"), caller
