"""Customers' walks through the chat in another site's page, whose styles are hostile, in a real browser."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from host_page import Host, hosting
from playwright.sync_api import Frame
from server_process import Server, serving, until
from walking import Language, Size, Walk, employ, walking
from webhook_server import Webhook, webhook

ASKED = {"en": "How long does a refund take?", "zh": "退款多久到账"}
LABEL = {"en": "Chat with us", "zh": "在线咨询"}


@dataclass
class Sites:
    """The service, the centre's webhook, a site that may show the chat, and one that may not."""

    server: Server
    hook: Webhook
    own: Host
    other: Host


@pytest.fixture(scope="module")
def sites(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    home = Path(shutil.copytree(sample_home, tmp_path_factory.mktemp("widget") / "home"))
    employ(home)
    with hosting() as own, hosting() as other, webhook() as hook:
        hook.reply = {"reference": "HW-2041", "waiting_minutes": 4}
        environment = {"KB_SITES": own.origin, "KB_HANDOVER_URL": hook.url}
        with serving(home, "bundled", environment=environment) as server:
            own.service = other.service = f"http://127.0.0.1:{server.port}"
            yield Sites(server, hook, own, other)


def button_of(walk: Walk, label: str) -> dict[str, Any] | None:
    """The chat's button, which stands in a closed shadow root, as assistive technology sees it."""
    session = walk.page.context.new_cdp_session(walk.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    found = [n for n in nodes if n.get("role", {}).get("value") == "button" and n.get("name", {}).get("value") == label]
    return found[0] if found else None


def is_expanded(walk: Walk) -> bool:
    if (node := button_of(walk, LABEL[walk.language])) is None:
        assert walk.size == "phone", "elsewhere the button stays beside the chat"
        return True
    return next(bool(p["value"]["value"]) for p in node["properties"] if p["name"] == "expanded")


def visit(walk: Walk, host: Host, path: str = "") -> Frame:
    """Opens a page of a site that shows the chat's button; the chat's frame, which is not open yet."""
    walk.page.goto(f"{host.origin}/{walk.language}{path}")
    until(lambda: button_of(walk, LABEL[walk.language]) is not None)
    return next(frame for frame in walk.page.frames if "/widget?" in frame.url)


def open_chat(walk: Walk, chat: Frame) -> None:
    """By keyboard: the site's own link first, then the chat."""
    walk.page.keyboard.press("Tab")
    walk.page.keyboard.press("Tab")
    walk.page.keyboard.press("Enter")
    until(lambda: chat.evaluate("document.hasFocus() && document.activeElement.id === 'question'"))


def drawn(walk: Walk) -> int:
    """How many pixels high the button is drawn above the lower right corner."""
    script = """() => {
      const at = (y) => document.elementFromPoint(innerWidth - 40, y)?.shadowRoot === null
        && document.elementFromPoint(innerWidth - 40, y)?.localName === "div";
      return [...Array(400).keys()].filter((up) => at(innerHeight - up)).length;
    }"""
    return int(walk.page.evaluate(script))


def signals(server: Server, since: float) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(server.home / "data" / "journal.sqlite")) as db:
        query = "SELECT kind, rating, note, channel, document_id FROM signals WHERE at >= ? ORDER BY at"
        return list(db.execute(query, [since]))


@pytest.mark.parametrize(("language", "size", "dark"), [("en", "desktop", False), ("zh", "phone", True)])
def test_a_customer_asks_reads_is_handed_over_and_says_how_it_was(
    language: Language, size: Size, dark: bool, sites: Sites, chromium: str
) -> None:
    sites.hook.reply = {"reference": "HW-2041", "closed_until": "2090-01-06T09:00:00+08:00", "waiting_minutes": 4}
    since = time.time()
    with walking(chromium, sites.server, language, size, dark=dark) as walk:
        chat = visit(walk, sites.own)
        host = f"127.0.0.1:{sites.own.port}"
        assert 36 <= drawn(walk) <= 60, "the site's styles reach the button"
        assert not is_expanded(walk)
        walk.shoot("widget-button")
        open_chat(walk, chat)
        assert is_expanded(walk)
        walk.audit(chat, host=host)
        walk.assert_keyboard(chat)
        walk.shoot("widget-open")
        chat.locator("#question").fill(ASKED[language])
        walk.page.keyboard.press("Enter")
        chat.locator(".helpful button").first.wait_for()
        walk.audit(chat, host=host)
        walk.assert_keyboard(chat)
        walk.shoot("widget-answer")
        with walk.page.expect_popup() as opened:
            chat.locator(".sources a").first.click()
        opened.value.locator("#cited:focus").wait_for()
        opened.value.close()
        chat.locator(".helpful button").nth(1).click()
        chat.locator(".handover").wait_for()
        said = chat.locator(".handover").inner_text()
        assert "HW-2041" in said
        assert {"en": "about 4 minutes", "zh": "约4分钟"}[language] in said
        assert "2090-01" not in chat.locator("body").inner_text()
        assert ASKED[language] in [turn["text"] for turn in sites.hook.taken[-1]["envelope"]["transcript"]]
        chat.locator("[name=contact]").fill("020 7946 0000")
        chat.locator(".callback button").click()
        chat.get_by_text({"en": "We have noted that.", "zh": "已为您登记。"}[language]).wait_for()
        until(lambda: sites.hook.taken[-1]["kind"] == "callback")
        chat.locator("[name=kind][value=solved]").check()
        chat.locator("[name=rating][value='4']").check()
        chat.locator("[name=note]").fill("Quick.")
        walk.audit(chat, host=host)
        walk.assert_keyboard(chat)
        walk.shoot("widget-verdict")
        chat.locator(".verdict button").first.click()
        chat.locator(".judging [role=status]").wait_for()
        walk.page.keyboard.press("Escape")
        until(lambda: not is_expanded(walk))
        assert walk.page.evaluate("document.activeElement.localName") == "div"
        assert not chat.evaluate("document.hasFocus()")
    [unhelpful, verdict] = signals(sites.server, since)
    assert unhelpful[0] == "not_helpful"
    assert verdict[:4] == ("solved", 4, "Quick.", "widget")
    assert verdict[4] == unhelpful[4]


def test_the_conversation_goes_on_in_the_next_page_and_is_judged_on_closing(sites: Sites, chromium: str) -> None:
    sites.hook.reply = {"reference": "HW-9"}
    with walking(chromium, sites.server) as walk:
        walk.page.clock.install()
        chat = visit(walk, sites.own)
        open_chat(walk, chat)
        walk.page.keyboard.type(ASKED["en"])
        walk.page.keyboard.press("Enter")
        chat.locator(".helpful button").first.wait_for()
        chat = visit(walk, sites.own, "/second")
        until(lambda: is_expanded(walk))
        assert chat.locator(".turn").count() == 1
        assert not chat.evaluate("document.hasFocus()"), "a page that is opened keeps the focus"
        walk.page.evaluate("window.postMessage({ kb: 'widget', type: 'close' }, '*')")
        chat.locator(".person button").click()
        chat.locator(".handover").wait_for()
        transcript = [turn["text"] for turn in sites.hook.taken[-1]["envelope"]["transcript"]]
        assert ASKED["en"] in transcript
        assert is_expanded(walk), "a message of the site's own closes nothing"
        chat.locator("#anew").click()
        assert chat.locator(".turn").count() == 0
        chat.locator("#question").fill(ASKED["en"])
        walk.page.keyboard.press("Enter")
        chat.locator(".helpful button").first.wait_for()
        assert chat.locator(".verdict").count() == 0
        walk.page.clock.fast_forward(91_000)
        chat.locator(".verdict").wait_for()
        chat.locator("#anew").click()
        chat.locator("#question").fill(ASKED["en"])
        walk.page.keyboard.press("Enter")
        chat.locator(".helpful button").first.wait_for()
        chat.locator("#close").click()
        chat.locator(".verdict").wait_for()
        assert is_expanded(walk), "closing asks once"
        walk.audit(chat, host=f"127.0.0.1:{sites.own.port}")
        walk.shoot("widget-leave")
        chat.locator(".verdict button").nth(1).click()
        until(lambda: not is_expanded(walk))


def test_a_site_that_is_not_listed_gets_no_button_and_is_told_why(sites: Sites, chromium: str) -> None:
    with walking(chromium, sites.server, forbidden=True) as walk:
        with walk.page.expect_console_message(lambda said: "setting `sites`" in said.text) as told:
            walk.page.goto(f"{sites.other.origin}/en")
        assert f'put "{sites.other.origin}" into' in told.value.text
        assert button_of(walk, LABEL["en"]) is None
        assert walk.page.evaluate("document.querySelectorAll('div').length") == 0


def test_the_chat_works_for_who_is_signed_in_and_where_nothing_may_be_stored(sites: Sites, chromium: str) -> None:
    with walking(chromium, sites.server) as walk:
        walk.sign_in("mei", then="/")
        refuse = "get() { throw new DOMException('', 'SecurityError'); }"
        blocked = f"Object.defineProperty(window, 'sessionStorage', {{ {refuse} }})"
        walk.page.add_init_script(blocked)
        with_cookie: list[str] = []
        calls: list[str] = []
        walk.page.on("request", lambda request: calls.append(request.url) if "/api/" in request.url else None)
        walk.page.on(
            "request",
            lambda request: (
                with_cookie.append(request.url)
                if "/api/" in request.url and "cookie" in request.all_headers()
                else None
            ),
        )
        chat = visit(walk, sites.own)
        open_chat(walk, chat)
        walk.page.keyboard.type(ASKED["en"])
        walk.page.keyboard.press("Enter")
        chat.locator(".helpful button").first.click()
        chat.locator(".helpful [role=status]").wait_for()
        assert any("/api/answers/stream?" in url for url in calls)
        assert with_cookie == []


def test_the_script_is_small_and_asked_for_again_only_when_it_changed(sites: Sites) -> None:
    first = sites.server.get("/widget.js")
    assert first.headers["content-type"].startswith("text/javascript")
    assert len(first.content) <= 10_000
    assert "max-age=300" in first.headers["cache-control"]
    again = sites.server.client.get("/widget.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    policy = sites.server.get("/widget").headers["content-security-policy"]
    assert f"frame-ancestors 'self' {sites.own.origin}" in policy
    assert "frame-ancestors 'none'" in sites.server.get("/").headers["content-security-policy"]
