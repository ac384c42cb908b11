"""A conversation by a real browser's EventSource, through a proxy that now and then hangs up, and what a stream is."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import Centre, tiny_settings
from fake_llm import FakeModel, fake_model
from httpx_sse import connect_sse
from playwright.sync_api import Page
from server_process import Server, serving

from kb.web.events import parse_last

LONG = "---\nlanguage: en\n---\n# Refunds\n\nRefunds take five days. They go to the same card. The fee is two pounds.\n"
SCRIPT = """
<!doctype html><title>A centre's page</title><script>
let conversation = null;
async function ask(question) {
  const turn = conversation ? {conversation_id: conversation} : {conversation: true};
  const posted = await fetch("/api/answers/stream", {
    method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({question, ...turn})});
  if (!posted.ok) throw new Error(await posted.text());
  const {url} = await posted.json(), seen = [], source = new EventSource(url);
  let broken = 0;
  source.onerror = () => { broken += 1; };
  return await new Promise((resolve) => {
    for (const name of ["begun", "urgent", "sentence", "citations", "actions", "done", "problem"])
      source.addEventListener(name, (event) => {
        seen.push([name, JSON.parse(event.data)]);
        if (name !== "done" && name !== "problem") return;
        source.close();
        conversation = seen.at(-1)[1].conversation_id ?? conversation;
        resolve({seen, broken});
      });
  });
}
</script>
"""


class Front(ThreadingHTTPServer):
    """Serves the page and passes everything else on; hangs up, once, behind the event named in `cut`."""

    daemon_threads = True

    def __init__(self, server: Server) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind, self.cut, self.asked = server, b"", list[dict[str, str]]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    server: Front

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        if self.path in ("/", "/favicon.ico"):
            return self._head(200, "text/html; charset=utf-8", SCRIPT.encode())
        return self._pass_on(b"")

    def do_POST(self) -> None:
        self._pass_on(self.rfile.read(int(self.headers["Content-Length"])))

    def _head(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(content)

    def _pass_on(self, body: bytes) -> None:
        names = ("content-type", "accept", "last-event-id")
        headers = {name: self.headers[name] for name in names if self.headers[name]}
        self.server.asked.append(headers)
        client, told = self.server.behind.client, b""
        with client.stream(self.command, self.path, content=body, headers=headers) as answer, suppress(OSError):
            self._head(answer.status_code, answer.headers.get("content-type", ""), b"")
            for part in answer.iter_raw():
                told += part
                cut = self.server.cut
                if cut and cut in told:
                    self.server.cut = b""
                    self.wfile.write(told[: told.index(b"\r\n\r\n", told.index(cut)) + 4][len(told) - len(part) :])
                    return
                self.wfile.write(part)


@contextmanager
def fronting(server: Server) -> Iterator[Front]:
    front = Front(server)
    thread = threading.Thread(target=front.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield front
    finally:
        front.shutdown()
        front.server_close()
        thread.join()


@pytest.fixture(scope="module")
def model() -> Iterator[FakeModel]:
    with fake_model() as running:
        running.mode = "500"
        yield running


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Any, model: FakeModel
) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("events") / "home"
    (home / "articles").mkdir(parents=True)
    centre = Centre(home, tiny_settings(tiny_model), tiny_embedder)
    centre.article("refund.md", LONG)
    centre.reindex()
    environment = {
        "KB_QUERY_PROMPT": "q: ", "KB_PASSAGE_PROMPT": "p: ", "KB_TIMEZONE": "UTC", "KB_MIN_CONFIDENCE": "0",
        "KB_LLM_URL": model.url, "KB_LLM_TIMEOUT_S": "3",
    }  # fmt: skip
    with serving(home, tiny_model, "--workers", "2", environment=environment) as server:
        yield server


def ask(tab: Page, question: str) -> tuple[list[tuple[str, Any]], int]:
    found = tab.evaluate("question => ask(question)", question)
    return [(name, data) for name, data in found["seen"]], found["broken"]


def told(events: list[tuple[str, Any]]) -> str:
    return "".join(data["before"] + data["text"] for name, data in events if name == "sentence")


def test_a_browser_holds_a_conversation_gets_over_a_broken_connection_and_is_handed_over(
    served: Server, model: FakeModel, page: Page
) -> None:
    with fronting(served) as front:
        page.goto(front.url)
        first, broken = ask(page, "How long do refunds take?")
        names = [name for name, _ in first]
        assert (names[0], names[-3:], broken) == ("begun", ["citations", "actions", "done"], 0)
        done = first[-1][1]
        assert told(first) == done["text"]
        assert done["outcome"] == "answered"
        assert done["citations"][0]["document_id"] == "refund"

        front.cut = b"event: sentence"
        second, broken = ask(page, "and to which card?")
        assert broken >= 1
        assert told(second) == second[-1][1]["text"], "each sentence once"
        assert names.count("done") == 1
        assert second[-1][1]["conversation_id"] == done["conversation_id"]
        assert [
            headers["last-event-id"].partition(".")[0] for headers in front.asked if "last-event-id" in headers
        ] == ["1"]

        front.cut, model.mode = b"event: begun", "slow"
        third, broken = ask(page, "and what is the fee of refunds then?")
        assert broken >= 1, "gone on with before the answer was there"
        assert len(model.asked) == 3
        assert told(third) == third[-1][1]["text"] != ""

        model.mode = "500"
        handed, _ = ask(page, "human please")
        end = handed[-1][1]
        assert (end["outcome"], end["reason"]) == ("handover", "asked_for_human")
        assert end["handover"]["state"] == "unsent"
        assert told(handed) == end["text"]


def test_an_answer_that_is_long_in_coming_is_awaited_with_comments(served: Server, model: FakeModel) -> None:
    model.mode = "slow"
    body = {"question": "How long do slow refunds take?"}
    with served.client.stream("POST", "/api/answers", json=body, headers={"Accept": "text/event-stream"}) as answer:
        text = answer.read().decode()
    assert text.startswith(": an answer is being written\r\n\r\n")
    assert text.rstrip().rpartition("event: done")[1], "and then the answer"
    url = served.client.post("/api/answers/stream", json={"question": "How slow are refunds?"}).json()["url"]
    with served.client.stream("GET", url) as answer:
        text = answer.read().decode()
    assert ": an answer is being written\r\n\r\n" in text.partition("event: sentence")[0]
    model.mode = "500"


def test_a_stream_is_gone_on_with_by_who_had_its_events_alone(served: Server) -> None:
    url = served.client.post("/api/answers/stream", json={"question": "What do refunds cost?"}).json()["url"]
    with connect_sse(served.client, "GET", url) as source:
        came = list(source.iter_sse())

    def again(last: str) -> httpx.Response:
        return served.client.get(url, headers={"Last-Event-ID": last})

    rest = again(came[1].id).text
    assert [line for line in rest.splitlines() if line.startswith("event: ")][1:] == [
        f"event: {event.event}" for event in came[2:]
    ]
    assert again(came[-1].id).status_code == 204, "a browser is to come no more"
    number = came[1].id.partition(".")[0]
    assert {again(last).status_code for last in (f"{number}.guessed", "1.", number)} == {404}
    assert json.loads(came[-1].data)["answer_id"] in rest


@pytest.mark.parametrize("last", [None, "", "x.y", "-1.y", "99999999.y", "１.y"])
def test_an_event_id_that_is_not_ours_is_none(last: str | None) -> None:
    assert parse_last(last) is None
