"""One question gets one answer: the same facts from the same sources in every channel.

A channel is a function from a question to what it says; one that comes later is added to `CHANNELS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from httpx_sse import connect_sse
from server_process import Server, serving
from test_forms import facts, plain

from kb.answer.forms import CHANNELS as FORMS
from kb.knowledge import KnowledgeBase
from kb.results import Ask

Told = tuple[str, list[dict[str, Any]]]
"""Letters and digits of what is said, and the sources."""
Channel = Callable[[Server, str], Told]
QUESTIONS = [
    row["question"] for line in (ROOT / "sample" / "golden.jsonl").read_text("utf-8").splitlines()
    if not (row := json.loads(line)).get("conversation")
][:200]  # fmt: skip


def as_json(server: Server, question: str) -> Told:
    made = server.client.post("/api/answers", json={"question": question}).json()
    urgent = made["urgent"] or {"text": "", "citations": []}
    text = made["text"] if made["text"] != urgent["text"] else ""
    return facts(urgent["text"] + text), _sources([*urgent["citations"], *made["citations"]])


def as_events(server: Server, question: str) -> Told:
    with connect_sse(server.client, "POST", "/api/answers", json={"question": question}) as source:
        found = [(event.event, json.loads(event.data)) for event in source.iter_sse()]
    said = [data for name, data in found if name in ("urgent", "sentence")]
    sources = [d["citation"] for d in said if d["citation"]] + dict(found)["citations"]
    return facts("".join(data["text"] for data in said)), _sources(sources)


def as_completion(server: Server, question: str) -> Told:
    asked = {"model": "kb", "messages": [{"role": "user", "content": question}]}
    message = server.client.post("/v1/chat/completions", json=asked).json()["choices"][0]["message"]
    return facts(message["content"]), _sources([found["citation"] for found in message["annotations"]])


def as_tool(server: Server, question: str) -> Told:
    call = {"name": "answer", "arguments": {"question": question}}
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    accepted = {"Accept": "application/json, text/event-stream"}
    made = server.client.post("/mcp", json=asked, headers=accepted).json()["result"]["structuredContent"]
    urgent = made["urgent"] or {"text": "", "citations": []}
    text = made["text"] if made["text"] != urgent["text"] else ""
    return facts(urgent["text"] + text), _sources([*urgent["citations"], *made["citations"]])


def as_form(name: str) -> Channel:
    def tell(server: Server, question: str) -> Told:
        made = server.client.post("/api/answers", json={"question": question, "channel": name}).json()
        assert made["form"]["cut"] == 0
        urgent = made["urgent"] or {"citations": []}
        text = facts(plain(name, _without_extras(name, made)))  # type: ignore[arg-type]
        return text, _sources([*urgent["citations"], *made["citations"]])

    return tell


def _without_extras(name: str, made: dict[str, Any]) -> str:
    """A form's text without next steps and the list of sources, which come after all sentences."""
    text = str(made["form"]["text"])
    if name in ("wechat", "app", "markdown"):
        steps = [*made["actions"], *(made["urgent"] or {"actions": []})["actions"]]
        heads = [f"\n{s['label']}: {s['link']}" for s in steps] + [f"\n\n- [{s['label']}](<" for s in steps]
        heads += [f"\n\n- [{c['title']}](<" for c in made["citations"]] + [f"\n{made['form']['link']}"]
        text = text[: min((at for head in heads if (at := text.find(head)) > 0), default=len(text))]
    return text


def _sources(citations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    distinct = {(c["document_id"], c["revision"], c["start"], c["end"]): c for c in citations}
    return [{**distinct[key], "url": None} for key in sorted(distinct)]


# `app` is made as `markdown` is.
CHANNELS: dict[str, Channel] = {
    "json": as_json,
    "events": as_events,
    "/v1": as_completion,
    "/mcp": as_tool,
    **{name: as_form(name) for name in FORMS if name != "app"},
}


@pytest.fixture(scope="module")
def server(sample_home: Path) -> Iterator[Server]:
    environment = {"KB_SMS_CHARACTERS": "0", "KB_IVR_CHARACTERS": "0"}
    with serving(sample_home, "bundled", environment=environment) as running:
        yield running


def test_two_hundred_questions_get_the_same_facts_from_the_same_sources_everywhere(server: Server) -> None:
    assert len(QUESTIONS) >= 190
    told = 0
    for question in QUESTIONS:
        answers = {name: tell(server, question) for name, tell in CHANNELS.items()}
        first = answers["json"]
        told += bool(first[1])
        assert {name: answer for name, answer in answers.items() if answer != first} == {}, question
    assert told > 100


def test_which_topic_is_rarely_asked_and_never_twice(sample_kb: KnowledgeBase) -> None:
    rows = [json.loads(line) for line in (ROOT / "sample" / "golden.jsonl").read_text("utf-8").splitlines()]
    sample_kb.embed_ahead([Ask(row["question"], tuple(row.get("conversation", ()))) for row in rows])
    needless, answerable, asked_back = 0, 0, []
    for row in rows:
        audience = row.get("audience") or []
        held = frozenset({"public", *([audience] if isinstance(audience, str) else audience)})
        answer = sample_kb.answer(Ask(row["question"], tuple(row.get("conversation", ())), held))
        answerable += bool(row["expected"])
        if answer.reason == "which_topic":
            asked_back.append((row["question"], answer.options))
            needless += answer.options[0].document_id in row["expected"]
    assert needless <= 0.01 * answerable
    for question, options in [*asked_back, ("delivery", sample_kb.answer(Ask("delivery")).options)]:
        for again in (question, "hmm", "2"):
            answer = sample_kb.answer(Ask(again, (question,), offered=options))
            assert answer.reason != "which_topic"
        picked = sample_kb.answer(Ask("the second one", (question,)))
        assert {citation.document_id for citation in picked.citations} <= {options[1].document_id}
