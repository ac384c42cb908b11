"""An agent's walks through the console, in a real browser: by keyboard alone, by touch, with an input method."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

from playwright.sync_api import CDPSession, WebSocketRoute, expect
from server_process import Server, until
from walking import Walk, walking

from kb.config import Paths


def at(walk: Walk, path: str = "/agent", name: str = "mei") -> None:
    """Signs in, and is at the console."""
    walk.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    walk.sign_in(name, then=quote(path, safe=""))
    walk.page.locator(".count, #none").first.wait_for(state="attached")


def results(walk: Walk) -> Iterator[dict[str, Any]]:
    """The articles on the screen."""
    return iter(walk.page.evaluate("[...document.querySelectorAll('#articles .hit')].map((one) => one.hit)"))


def clipboard(walk: Walk) -> str:
    return str(walk.page.evaluate("navigator.clipboard.readText()"))


def signals(server: Server) -> list[tuple[str, str, str | None]]:
    """Kind, document and reason of every feedback, in order."""
    with closing(sqlite3.connect(Paths(server.home).journal)) as journal:
        return journal.execute("SELECT kind, document_id, reason FROM signals ORDER BY at").fetchall()


def test_an_agent_finds_and_copies_an_answer_by_keyboard_alone(walked: Server, chromium: str) -> None:
    with walking(chromium, walked, "en") as walk:
        at(walk)
        page, before = walk.page, len(signals(walked))
        assert page.evaluate("document.activeElement.id") == "q"
        walk.shoot("agent-empty")
        page.keyboard.type("opened the box, can I return it")
        expect(page.locator("#articles .hit").first).to_contain_text("Returning an item within 7 days")
        expect(page.locator("#count")).to_contain_text("tickets")
        expect(page.locator("#articles .confidence").first).to_have_text(re.compile("sure|likely|perhaps"))
        assert page.locator("#articles .hit mark").count()
        assert page.locator("#tickets .hit.internal .tag.internal").count() == page.locator("#tickets .hit").count() > 0
        walk.audit()
        walk.shoot("agent-found")

        page.keyboard.press("Escape")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        expect(page.locator("#reading .kb-agent").first).to_be_visible()
        assert page.evaluate("document.activeElement.id") == "reading-title"
        walk.shoot("agent-open")
        walk.assert_keyboard()

        page.keyboard.press("Alt+KeyC")
        expect(page.locator("#clip")).to_contain_text("Copied for the customer: ")
        copied = clipboard(walk)
        assert copied.endswith(f"http://127.0.0.1:{walked.port}/articles/en/returns/seven-day-return")
        assert "goodwill" not in copied
        page.keyboard.press("Alt+KeyI")
        expect(page.locator("#clip")).to_contain_text("Copied as INTERNAL: ")
        assert clipboard(walk).startswith("INTERNAL: not for customers\nReturning an item within 7 days")
        walk.shoot("agent-copied")

        page.keyboard.press("Alt+KeyN")
        walk.audit()
        walk.shoot("agent-reasons")
        page.keyboard.press("2")
        expect(page.locator("#clip")).to_contain_text("Counted as not helpful: It is out of date")
        page.keyboard.press("Escape")
        assert page.evaluate("getSelection().toString()") == "opened the box, can I return it"
        until(lambda: len(signals(walked)) == before + 4)
        document = "en/returns/seven-day-return"
        told = [("opened", None), ("copied", None), ("copied", None), ("not_helpful", "outdated")]
        assert signals(walked)[before:] == [(kind, document, reason) for kind, reason in told]


def test_internal_things_are_unmistakable_and_are_not_copied_for_customers(walked: Server, chromium: str) -> None:
    with walking(chromium, walked, "en", dark=True) as walk:
        at(walk)
        page = walk.page
        page.keyboard.type("how much goodwill may I give")
        page.locator("#articles .hit.internal").first.wait_for()
        page.keyboard.press("Alt+Digit1")
        expect(page.locator(".secrecy")).to_have_text("Internal: not for customers")
        page.evaluate("navigator.clipboard.writeText('before')")
        page.keyboard.press("Alt+KeyC")
        expect(page.locator("#clip.bad")).to_contain_text("Nothing was copied")
        assert clipboard(walk) == "before"
        walk.audit()
        walk.shoot("agent-internal-dark")
        page.keyboard.press("Alt+KeyT")
        page.keyboard.press("Enter")
        page.locator(".said-resolution").wait_for()
        page.keyboard.press("Alt+KeyC")
        expect(page.locator("#clip.bad")).to_be_visible()
        assert clipboard(walk) == "before"
        page.locator("#help").click()
        expect(page.locator("dialog")).to_be_visible()
        walk.audit()
        page.keyboard.press("Escape")
        page.locator("#reading-title").focus()
        page.keyboard.press("?")
        expect(page.locator("dialog")).to_be_visible()


def test_a_technician_finds_and_copies_an_answer_by_touch(walked: Server, chromium: str) -> None:
    with walking(chromium, walked, "zh", "phone") as walk:
        at(walk)
        page = walk.page
        page.locator("#q").tap()
        page.keyboard.insert_text("退款多久到账")
        expect(page.locator("#articles .hit").first).to_contain_text("退款")
        expect(page.locator("#count")).to_contain_text("个工单")
        walk.audit()
        walk.shoot("agent-found")
        page.locator("#articles .hit").first.tap()
        page.locator("#text .article").wait_for()
        expect(page.locator("#found")).to_be_hidden()
        walk.audit()
        walk.assert_keyboard()
        walk.shoot("agent-open")
        assert min(page.evaluate("[...document.querySelectorAll('.tools button, .field button')]"
                   ".filter((e) => e.checkVisibility()).map((e) => e.offsetHeight)")) >= 44  # fmt: skip
        page.locator("#copy").tap()
        expect(page.locator("#clip")).to_contain_text("已复制给客户")
        assert "/articles/zh/" in clipboard(walk)
        walk.shoot("agent-copied")
        page.go_back()
        expect(page.locator("#found")).to_be_visible()
        page.locator("#articles .hit").first.tap()
        page.locator("#text .article").wait_for()
        page.locator("#back").tap()
        expect(page.locator("#found")).to_be_visible()
        expect(page.locator("#reading")).to_be_hidden()


def composition(cdp: CDPSession, text: str) -> None:
    cdp.send("Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)})


def test_what_an_input_method_has_not_committed_is_never_looked_for(walked: Server, chromium: str) -> None:
    with walking(chromium, walked, "zh") as walk:
        sent = list[str]()
        walk.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(str(frame))))
        at(walk)
        page, cdp = walk.page, walk.page.context.new_cdp_session(walk.page)
        page.locator("#q").focus()
        for spelled in ("t", "tu", "tui", "tui'kuan"):
            composition(cdp, spelled)
        page.locator("#q").dispatch_event("keydown", {"key": "Enter", "keyCode": 229, "isComposing": True})
        page.wait_for_timeout(400)
        assert sent == []
        assert page.locator(".hit").count() == 0
        cdp.send("Input.insertText", {"text": "退款"})
        expect(page.locator("#articles .hit").first).to_contain_text("退款")
        composition(cdp, "duo")
        page.wait_for_timeout(300)
        assert ["duo" in frame for frame in sent] == [False] * len(sent)
        cdp.send("Input.insertText", {"text": "多久"})
        until(lambda: page.wait_for_timeout(50) or any("退款多久" in frame for frame in sent))


def test_an_address_fills_the_console_in_and_filters_stay_in_it(walked: Server, chromium: str) -> None:
    with walking(chromium, walked, "en") as walk:
        at(walk, "/agent?call=42&model=HA-A9-35&q=E3")
        page = walk.page
        expect(page.locator("#articles .hit").first).to_contain_text("BreezeLine A9")
        expect(page.locator("#model")).to_contain_text("HA-A9-35")
        assert page.locator("#q").input_value() == "E3"
        assert any("context=product%3AHA-A9-35" in url for url in walk.asked), "a recorded search, for the model"
        expect(page.locator("#articles .tag.bad").first).to_have_text("Not for this model")
        page.locator("select[name=product]").select_option("heater-h3")
        expect(page.locator("#articles .hit").first).to_contain_text("SpringHeat H3")
        page.locator("select[name=language]").select_option("zh")
        expect(page.locator("#articles .hit a").first).to_have_attribute("lang", re.compile("^zh"))
        assert {hit["language"].split("-")[0] for hit in results(walk)} == {"zh"}
        expect(page.locator("#articles .marks .tag").first).to_have_text(re.compile("in .*Chinese"))
        walk.audit()
        walk.shoot("agent-narrowed")
        assert "product=heater-h3" in page.url
        assert "call=42" in page.url
        page.keyboard.press("Alt+Digit1")
        page.locator("#text .article").wait_for()
        page.reload()
        page.locator("#text .article").wait_for()
        assert page.locator("select[name=product]").input_value() == "heater-h3"
        expect(page.locator("#articles .hit").first).to_be_visible()
        page.evaluate(
            """document.dispatchEvent(new CustomEvent("kb:open", {detail: {document_id: "en/safety/gas-smell"}}))"""
        )
        expect(page.locator("#reading-title")).to_have_text("If you smell gas")
        page.go_back()
        expect(page.locator("#reading-title")).not_to_have_text("If you smell gas")
        page.keyboard.press("Alt+KeyR")
        expect(page.locator("#reset")).to_be_hidden()
        assert "product=" not in page.url
        assert "model=" not in page.url


def test_the_console_goes_on_without_its_socket_and_finds_it_again(walked: Server, chromium: str) -> None:
    with walking(chromium, walked, "en") as walk:
        opened = list[WebSocketRoute]()

        def refused(socket: WebSocketRoute) -> None:
            opened.append(socket)
            if len(opened) < 4:
                socket.close(code=1013)
            else:
                socket.connect_to_server()

        walk.page.route_web_socket(re.compile("/api/typing"), refused)
        at(walk)
        page = walk.page
        expect(page.locator("#line")).to_contain_text("connecting again")
        page.keyboard.type("refund")
        expect(page.locator("#articles .hit").first).to_contain_text("efund")
        assert any("/api/search?q=refund" in url for url in walk.asked)
        expect(page.locator("#line")).to_be_empty(timeout=20_000)
        assert len(opened) >= 4
        before = len([url for url in walk.asked if "/api/search" in url])
        page.keyboard.type(" not paid")
        page.keyboard.press("ArrowDown")  # what comes now must not take the focus away
        expect(page.locator("#articles .hit a").first).to_have_attribute("href", re.compile("not\\+paid"))
        assert page.evaluate("document.activeElement.closest('.hit') !== null")
        assert len([url for url in walk.asked if "/api/search" in url]) == before, "over the socket again"
        page.keyboard.press("Enter")
        page.locator("#text .article, #text .said-resolution").first.wait_for()
        until(lambda: len([url for url in walk.asked if "/api/search" in url]) == before + 1)


def test_a_tab_whose_session_ended_says_so_and_leads_to_the_sign_in(walked: Server, chromium: str) -> None:
    with walking(chromium, walked, "en") as walk:
        at(walk, "/agent?q=refund")
        first, second = walk.page, walk.page.context.new_page()
        second.goto(first.url)
        second.locator("#articles .hit").first.wait_for()
        first.locator("#sign-out").click()
        first.wait_for_url("**/signin**")
        expect(second.locator("#line.bad")).to_contain_text("Your session is over.", timeout=20_000)
        assert second.locator("#line a").get_attribute("href") == "/signin?next=%2Fagent%3Fq%3Drefund"
        second.locator("#q").press("Control+End")
        second.keyboard.type(" delay")
        second.wait_for_url("**/signin?next=*")
        assert "refund" in second.url


def test_large_text_fits_a_phone(walked: Server, chromium: str) -> None:
    with walking(chromium, walked, "en", "phone", dark=True) as walk:
        at(walk, "/agent?q=opened+box+return")
        walk.open("/preferences?text=large&back=/agent?q=opened+box+return")
        walk.page.locator("#articles .hit").first.tap()
        walk.page.locator("#text .article").wait_for()
        walk.audit()
        walk.shoot("agent-large-dark")
