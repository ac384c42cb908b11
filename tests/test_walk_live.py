"""An agent on a call, in a real browser: suggestions while the customer speaks, steps one at a time, what changed."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from jinja2 import Environment
from playwright.sync_api import Locator, Page, expect
from server_process import Server
from walking import Language, Size, Walk, walking

from kb.access.callers import Role
from kb.access.keys import create_key
from kb.config import Paths
from kb.updates.readers import Acknowledged, Acknowledgements, Waited
from kb.web.pages.interface import Reader, templates

WASHER = {"en": "en/errors/washer-w6", "zh": "zh/errors/washer-w6"}
ASKED = {"en": "My washing machine shows E1 and takes in no water", "zh": "我的洗衣机显示E1，不进水"}
REFUND = {"en": "And how long does a refund take?", "zh": "另外退款多久能到账？"}
GREETING = {"en": "Hello, how can I help you?", "zh": "您好，请问有什么可以帮您？"}
OFFLINE = {"en": "connection lost, trying again…", "zh": "连接中断，正在重连……"}
LIVE = {"en": "live", "zh": "已连接"}
BOTH = pytest.mark.parametrize(("language", "size"), [("en", "desktop"), ("zh", "phone")])


class Caller:
    """Whoever calls the service besides the browser: telephony, or an editor."""

    def __init__(self, server: Server, role: Role) -> None:
        self.client = server.client
        self.headers = {"Authorization": f"Bearer {create_key(Paths(server.home), role, name=role).key}"}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        done = self.client.request(method, path, json=body, headers=self.headers | headers)
        assert done.is_success, done.text
        return done

    def said(self, call: str, sequence: int, text: str, speaker: str = "customer", *, final: bool = True) -> None:
        body = {"sequence": sequence, "speaker": speaker, "text": text, "final": final}
        self.call("POST", f"/api/calls/{call}/utterances", body)

    def publish(self, id_: str, old: str, new: str) -> None:
        """Makes live an article with `new` in place of the first `old`, or at its end."""
        path = f"/api/articles/{quote(id_, safe='')}"
        held = self.call("GET", path)
        text = held.json()["text"]
        assert old in text
        text = text.replace(old, new, 1) if old else text.rstrip() + new
        saved = self.call("PUT", path, {"text": text}, **{"If-Match": held.headers["etag"]})
        self.call("POST", f"{path}/publish", {"reason": "a walk"}, **{"If-Match": saved.headers["etag"]})


def _line(page: Page, text: str) -> Locator:
    return page.locator("#call-log li", has_text=text)


@BOTH
def test_a_call_is_followed_and_nothing_is_lost_where_the_connection_is(
    language: Language, size: Size, walked: Server, chromium: str
) -> None:
    telephony, call = Caller(walked, "agent"), f"walk-{language}"
    telephony.said(call, 1, GREETING[language], "agent")
    with walking(chromium, walked, language, size) as walk:
        page = walk.page
        walk.sign_in("mei", f"/agent?call={call}")
        expect(page.locator("#call-state")).to_have_text(LIVE[language])
        expect(_line(page, GREETING[language])).to_be_visible()
        typed = page.locator("#call-typed")
        typed.focus()
        telephony.said(call, 2, ASKED[language][:9], final=False)
        expect(page.locator("#call-log .partial")).to_contain_text(ASKED[language][:9])
        telephony.said(call, 2, ASKED[language])
        card = page.locator("#call-cards .card").first
        expect(card.locator(".say blockquote")).not_to_be_empty()
        assert (card.locator(".say a").first.get_attribute("href") or "").startswith(f"/articles/{WASHER[language]}?")
        expect(card).to_contain_text("E1")
        assert (card.locator(".open span").inner_text().split(" › ")[0]) in page.locator("#call-news").inner_text()
        assert page.evaluate("document.activeElement.id") == "call-typed", "a suggestion takes the focus from nobody"
        expect(page.locator("#call-log .partial")).to_have_count(0)
        walk.audit()
        walk.assert_keyboard()
        walk.shoot("call")
        _breaks(walk, telephony, call)
        _opens(walk)


def _breaks(walk: Walk, telephony: Caller, call: str) -> None:
    """What is said meanwhile, on both sides, arrives once when the connection is there again."""
    page, language = walk.page, walk.language
    cards = page.locator("#call-cards .card").count()
    page.context.set_offline(True)
    expect(page.locator("#call-state")).to_have_text(OFFLINE[language])
    telephony.said(call, 3, REFUND[language])
    page.locator("#call-typed").fill("0 0 7")
    page.locator("#call-typed").press("Enter")
    walk.shoot("call-offline")
    page.context.set_offline(False)
    expect(page.locator("#call-state")).to_have_text(LIVE[language], timeout=20_000)
    for text in (ASKED[language], REFUND[language], "0 0 7"):
        expect(_line(page, text)).to_have_count(1)
    expect(page.locator("#call-log small")).to_have_count(0)
    expect(page.locator("#call-cards .card")).to_have_count(cards + 1)
    assert page.locator("#call-cards .open").last.get_attribute("aria-keyshortcuts") == "Alt+Shift+1"


def _opens(walk: Walk) -> None:
    """The first suggestion of the call keeps its number, and is opened by it; on a phone by a finger."""
    page = walk.page
    if walk.size == "phone":
        page.locator("#call-cards .open").last.tap()
    else:
        page.keyboard.press("Alt+Shift+Digit1")
    expect(page.locator(".stepping")).to_be_visible()
    expect(page.locator("#reading-title")).to_contain_text("W6")


def test_who_reads_back_is_left_there_and_told_of_what_is_newer(walked: Server, chromium: str) -> None:
    telephony = Caller(walked, "agent")
    for number in range(30):
        telephony.said("long", number, f"We look into it, part {number}.", "agent")
    with walking(chromium, walked) as walk:
        page = walk.page
        walk.sign_in("mei", "/agent?call=long")
        expect(_line(page, "part 29.")).to_be_visible()
        expect(_line(page, "part 29.")).to_be_in_viewport()
        page.locator("#call-log").evaluate("(log) => { log.scrollTop = 0; }")
        telephony.said("long", 30, "We look into it, part 30.", "agent")
        newer = page.locator("#call-newer")
        expect(newer).to_be_visible()
        assert page.locator("#call-log").evaluate("(log) => log.scrollTop") == 0
        newer.click()
        expect(newer).to_be_hidden()
        page.wait_for_function(
            "(() => { const l = document.getElementById('call-log');"
            " return l.scrollHeight - l.scrollTop - l.clientHeight < 2; })()"
        )
        page.locator("#call-end").click()
        expect(page.locator("#call-state")).to_have_text("the call is over")
        telephony.said("long", 31, "After the end.", "agent")
        page.locator("#call-end").click()
        expect(_line(page, "After the end.")).to_be_visible()


def test_what_changes_during_a_call_is_said_on_its_card_and_an_ended_session_leads_to_sign_in(
    walked: Server, chromium: str
) -> None:
    telephony, editor = Caller(walked, "agent"), Caller(walked, "editor")
    with walking(chromium, walked) as walk:
        page = walk.page
        walk.sign_in("tom", "/agent?call=changing")
        expect(page.locator("#call-state")).to_have_text("live")
        telephony.said("changing", 1, "My washing machine shows E3 and the drum is unbalanced")
        card = page.locator("#call-cards .card", has_text="CloudWash W6").first
        expect(card).to_be_visible()
        expect(card.locator(".notice")).to_be_hidden()
        editor.publish(WASHER["en"], "spread the laundry evenly", "spread the laundry out evenly")
        expect(card.locator(".notice")).to_contain_text("has changed since it was suggested")
        walk.audit()
        walk.shoot("call-changed")
        page.locator("#sign-out").evaluate(
            "() => fetch('/api/session', {method: 'DELETE', headers: {'X-CSRF-Token':"
            " document.querySelector('meta[name=csrf-token]').content}})"
        )
        expect(page.locator("#call-trouble a")).to_be_visible()
        expect(page.locator("#call-type")).to_be_hidden()
        walk.audit()
        page.locator("#call-trouble a").click()
        page.wait_for_url("**/signin?next=*call%3Dchanging*")


def _open(page: Page, id_: str) -> None:
    page.evaluate(
        "(id) => document.dispatchEvent(new CustomEvent('kb:open', {detail: {document_id: id, passage_id: null}}))", id_
    )


_SEEN = """() => { const box = document.querySelector(".step-body").getBoundingClientRect();
  return Boolean(document.elementFromPoint(box.left + box.width / 2, box.top + 20)?.closest(".step-body")); }"""


@BOTH
def test_steps_are_done_one_by_one_kept_and_copied_as_a_note(
    language: Language, size: Size, walked: Server, chromium: str
) -> None:
    with walking(chromium, walked, language, size) as walk:
        page = walk.page
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        walk.sign_in("mei")
        _open(page, WASHER[language])
        progress, steps = page.locator(".stepping .progress"), page.locator(".stepping")
        expect(progress).to_contain_text("1")
        walk.audit()
        walk.assert_keyboard()
        walk.shoot("steps")
        first = page.locator(".step-body .article").inner_text()
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        if not page.evaluate(_SEEN):
            page.keyboard.press("Alt+KeyS")  # which only brings into view what was not seen
            assert page.evaluate(_SEEN)
            assert page.locator(".step-body .article").inner_text() == first
        page.keyboard.press("Alt+KeyS")
        page.keyboard.press("Alt+KeyX")
        page.keyboard.press("Alt+KeyX")
        page.keyboard.press("Alt+KeyZ")
        third = page.locator(".step-body .article").inner_text()
        told = progress.inner_text()
        assert "3" in told
        _open(page, f"{language}/internal/goodwill")
        expect(steps.locator(".secret-word")).to_be_visible()
        expect(progress).to_contain_text("1")
        walk.audit()
        walk.shoot("steps-internal")
        page.keyboard.press("Alt+KeyK")
        expect(page.locator("#said")).not_to_be_empty()
        internal = page.evaluate("navigator.clipboard.readText()").splitlines()
        assert not any(line.startswith("http") for line in internal), "no public link of what is not public"
        word = {"en": "INTERNAL: ", "zh": "内部: "}[language]
        assert len(internal) >= 4
        assert all(word in line for line in internal[1:-1])
        _open(page, WASHER[language])
        expect(progress).to_have_text(told)
        page.keyboard.press("Alt+KeyK")
        page.wait_for_function(
            "(text) => navigator.clipboard.readText().then((held) => held.includes(text))", arg=first
        )
        note = page.evaluate("navigator.clipboard.readText()").splitlines()
        assert note[1] == f"{str(walked.client.base_url).rstrip('/')}/articles/{WASHER[language]}"
        done, failed, none = {"en": ("done", "did not help", "not tried"), "zh": ("已完成", "没有用", "未尝试")}[
            language
        ]
        assert note[2] == f"1. [{done}] {first}"
        assert note[3].startswith(f"2. [{failed}] ")
        assert note[4] == f"3. [{none}] {third}"
        assert "202" in note[-1]


def _all_at_once(page: Page, count: int) -> None:
    """On the second press: a slip of the finger is no reading."""
    if count > 1:
        every = page.locator("#changes-all")
        every.click()
        expect(page.locator("#changes-list .update")).to_have_count(count)
        every.click()
    else:
        page.keyboard.press("Alt+KeyA")
    expect(page.locator("#changes-list .update")).to_have_count(0)


@BOTH
def test_an_agent_reads_what_changed_and_the_editor_sees_that_they_did(
    language: Language, size: Size, walked: Server, chromium: str
) -> None:
    editor = Caller(walked, "editor")
    urgent, usual, staff = (
        f"{language}/safety/gas-smell",
        f"{language}/returns/refund-time",
        "mei" if language == "en" else "tom",
    )
    others = (f"{language}/returns/return-label",) if language == "en" else ()
    for id_ in (*others, usual, urgent):
        editor.publish(id_, "", f"\n\nWalked in {language}.\n")
    with walking(chromium, walked, language, size, dark=size == "phone") as walk:
        page = walk.page
        walk.sign_in(staff)
        first = page.locator("#changes-list .update").first
        expect(first.locator(".tag.bad")).to_be_visible()
        expect(first.locator("ins")).to_have_text(f"Walked in {language}.")
        walk.audit()
        walk.assert_keyboard()
        walk.shoot("changes")
        count = int(page.locator("#changes-count").inner_text())
        assert page.locator(".top .badge").inner_text() == str(count)
        if size == "desktop":
            page.keyboard.press("Alt+KeyA")
        else:
            first.locator("button.small").tap()
        expect(page.locator("#changes-list .update")).to_have_count(count - 1)
        expect(page.locator("#changes-said")).to_contain_text(str(count - 1))
        if size == "desktop":
            _all_at_once(page, count - 1)
        else:
            for left in range(count - 2, -1, -1):
                page.keyboard.press("Alt+KeyA")
                expect(page.locator("#changes-list .update")).to_have_count(left)
        expect(page.locator("#changes-count")).to_be_hidden()
        walk.audit()
        page.reload()
        expect(page.locator("#changes-said")).to_contain_text(
            {"en": "You know everything", "zh": "您都已了解"}[language]
        )
        walk.shoot("changes-none")
    for id_ in (usual, urgent):
        found = editor.call("GET", f"/api/articles/{quote(id_, safe='')}/readers").json()
        assert staff in [one["name"] for one in found["acknowledged"]]
        assert staff not in [one["name"] for one in found["missing"]]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_editor_reads_who_has_read_it(language: Language) -> None:
    env: Environment = templates().instance.engine  # type: ignore[union-attr]
    at = "2026-11-30T10:00:00+00:00"
    found = Acknowledgements(
        "a", 3, at, (Acknowledged("k1", "front desk", "key", False, at),), (Waited("p1", "<mei>", "person"),)
    )
    shown = env.get_template("readers.html").render(reader=Reader(language, False), readers=found)
    assert "&lt;mei&gt;" in shown
    assert f'datetime="{at}"' in shown
    assert {"en": "no longer active", "zh": "已停用"}[language] in shown
    assert "<h2" in env.get_template("readers.html").render(reader=Reader(language, False), readers=None)
