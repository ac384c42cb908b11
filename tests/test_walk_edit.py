"""Editors' walks: an article written, warned of, tried, reviewed, published, restored; conflicts; a tab that closes."""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree
from urllib.parse import quote

import httpx
import pytest
from conftest import ROOT
from playwright.sync_api import expect
from server_process import Server, serving, until
from walking import PASSWORD, SIZES, Walk, employ, walking

RESET = "en/account/reset-password"
LOCKED = "locked out, typed the text message code wrong too many times, when can I try again"
GOLDEN = {"question": LOCKED, "expected": [RESET], "language": "en", "answers": ["locked for 24 hours"]}
expect.set_options(timeout=15_000)
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
KEPT = "Object.keys(localStorage).filter((key) => key.startsWith('kb-edit:')).length"


@pytest.fixture(scope="module")
def server(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The sample with its staff and a golden question, where edits want approval."""
    home = Path(copytree(sample_home, tmp_path_factory.mktemp("edit") / "home"))
    settings = home / "kb.toml"
    settings.write_text("approval = true\n" + settings.read_text("utf-8"), "utf-8")
    (home / "golden.jsonl").write_text(json.dumps(GOLDEN) + "\n", "utf-8")
    employ(home)
    with serving(home, "bundled") as running:
        yield running


def api(id_: str, rest: str = "") -> str:
    return f"/api/articles/{quote(id_, safe='')}{rest}"


@contextmanager
def session(server: Server, name: str) -> Iterator[httpx.Client]:
    """Somebody else, who works with the interface alone."""
    with httpx.Client(base_url=server.client.base_url, timeout=60) as client:
        signed = client.post("/api/session", json={"name": name, "password": PASSWORD}).json()
        client.headers["X-CSRF-Token"] = signed["csrf_token"]
        yield client


def saved(client: httpx.Client, id_: str, text: str) -> None:
    """Somebody else saves a text over the newest."""
    match = client.get(api(id_)).headers["etag"]
    assert client.put(api(id_), json={"text": text}, headers={"If-Match": match}).status_code == 200


@contextmanager
def colleague(walk: Walk, name: str, then: str) -> Iterator[Walk]:
    """Another person's browser beside the walk's."""
    browser = walk.page.context.browser
    assert browser
    width, height = SIZES[walk.size]
    context = browser.new_context(locale="en-GB", viewport={"width": width, "height": height}, reduced_motion="reduce")
    try:
        other = Walk(context.new_page(), walk.server, walk.language, walk.size, [], walk.wrong)
        other.sign_in(name, then)
        yield other
    finally:
        context.close()


def opened(walk: Walk, id_: str) -> None:
    """The article's editor, its text in the field."""
    walk.open(f"/edit/{id_}")
    expect(walk.page.locator("#text")).not_to_have_value("")


def checked(walk: Walk, name: str) -> None:
    """What every state of a page has to pass, and a picture of it."""
    walk.audit()
    walk.assert_keyboard()
    walk.shoot(f"edit-{name}")


def test_an_article_goes_from_the_first_word_to_live_and_back(server: Server, chromium: str) -> None:
    with walking(chromium, server) as walk:
        page = walk.page
        walk.sign_in("li", "/edit")
        page.locator("[name=q]").fill("resetting")
        page.keyboard.press("Enter")
        expect(page.locator("tbody tr")).to_have_count(1)
        checked(walk, "list")
        page.locator("a", has_text="New article").click()
        page.locator("#new-id").fill("en/account/locked")
        page.locator("#f-title").fill("Locked account")
        body = (ROOT / "articles" / f"{RESET}.md").read_text("utf-8").split("---\n", 2)[2]
        page.locator("#text").fill(body)
        expect(page.locator("#twin")).to_contain_text("Resetting your password")
        page.locator("#t-similar").click()
        checked(walk, "twin")
        page.keyboard.press("Control+s")
        page.wait_for_url("**/edit/en/account/locked")
        expect(page.locator("#state")).to_have_text("Draft")
        page.locator("#t-publish").click()
        page.locator("[data-does=discard]").click()
        page.locator("dialog .danger").click()
        page.wait_for_url("**/edit")

        opened(walk, RESET)
        page.locator("#text").fill(page.locator("#text").input_value().replace("24 hours", "36 hours"))
        page.keyboard.press("Control+s")
        expect(page.locator("#status")).to_contain_text("Saved as number")
        page.locator("#t-publish").click()
        page.locator("#gate").click()
        expect(page.locator("#report .breaks").first).to_contain_text(LOCKED)
        expect(page.locator("#report .breaks .sides").first).to_contain_text("36 hours")
        checked(walk, "gate")
        page.locator("[data-does=submit]").click()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#state")).to_have_text("In review")

        with colleague(walk, "eva", "/edit?view=review") as eva:
            item = eva.page.locator(".waits li", has_text="Resetting your password")
            checked(eva, "review")
            item.locator("[data-move=approve]").click()
            expect(item).to_have_count(0)

        page.reload()
        page.locator("#t-publish").click()
        page.locator("[data-does=publish]").click()
        page.locator("#why").fill("The rule has changed.")
        checked(walk, "reason")
        page.locator("#refused button").click()
        took = until(lambda: "locked for 36 hours" in json.dumps(server.search(LOCKED)), seconds=10)
        sys.stdout.write(f"searchable {took:.2f} s after publishing was asked for\n")
        expect(page.locator("#refused")).to_contain_text("live and searchable now")
        checked(walk, "live")

        page.locator("#t-history").click()
        page.locator("#revisions button", has_text="Changes").first.click()
        expect(page.locator("#diff ins").first).to_contain_text("36")
        expect(page.locator("#diff del").first).to_contain_text("24")
        checked(walk, "history")
        page.locator("tr", has_text="stored").locator("button", has_text="Restore").click()
        expect(page.locator("#text")).to_have_value(re.compile("24 hours"))
        expect(page.locator("#state")).to_have_text("Draft")


def test_what_is_sent_back_comes_with_its_note(server: Server, chromium: str) -> None:
    id_ = "en/payment/paypal"
    with walking(chromium, server) as walk, session(server, "eva") as eva:
        page = walk.page
        saved(eva, id_, eva.get(api(id_)).json()["text"] + "\nNor cheques.\n")
        match = eva.get(api(id_)).headers["etag"]
        assert eva.post(api(id_, "/submit"), json={}, headers={"If-Match": match}).status_code == 200
        walk.sign_in("li", "/edit?view=review")
        page.locator(f"li[data-id='{id_}'] [data-move=send-back]").click()
        walk.audit()
        walk.shoot("edit-send-back")
        page.locator("dialog textarea").fill("Say which cards instead.")
        page.locator("dialog button").first.click()
        expect(page.locator(f"li[data-id='{id_}']")).to_have_count(0)
        with colleague(walk, "eva", "/edit?view=review") as other:
            expect(other.page.locator("blockquote")).to_contain_text("Say which cards instead.")
            other.page.locator("main a", has_text="Look").first.click()
            expect(other.page.locator("#diff ins, #revisions table").first).to_be_visible()
        for view in ("due", "tickets", "replace"):
            walk.open(f"/edit?view={view}")
            expect(page.locator(".waiting")).to_have_count(0)
            checked(walk, view)
        page.locator("[name=find]").fill("400-820-0316")
        page.locator("[name=replace]").fill("400-820-9999")
        page.keyboard.press("Enter")
        expect(page.locator("#found ins").first).to_contain_text("400-820-9999")
        checked(walk, "replaced")


def test_two_editors_of_one_article_lose_nothing(server: Server, chromium: str) -> None:
    id_ = "en/delivery/change-slot"
    with walking(chromium, server) as walk, session(server, "eva") as eva:
        page, area = walk.page, walk.page.locator("#text")
        walk.sign_in("li", f"/edit/{id_}")
        expect(area).not_to_have_value("")
        before = eva.get(api(id_)).json()["text"]
        saved(eva, id_, f"{before}\nEva was here.\n")
        area.press("Control+End")
        area.press_sequentially("Li was here.")
        page.keyboard.press("Control+s")
        expect(page.locator("#conflict")).to_contain_text("eva saved number")
        expect(page.locator("#conflict .sides > div").first).to_contain_text("Eva was here.")
        expect(page.locator("#conflict .sides > div").last).to_contain_text("Li was here.")
        checked(walk, "conflict")
        page.locator("#conflict button", has_text="Merge by hand").click()
        expect(page.locator("#their-text")).to_have_value(re.compile("Eva was here."))
        area.press("Control+End")
        area.press_sequentially(" So was Eva.")
        page.keyboard.press("Control+s")
        expect(page.locator("#status")).to_contain_text("Saved as number")
        now = eva.get(api(id_)).json()["text"]
        assert now.endswith("Li was here. So was Eva.")

        saved(eva, id_, f"{before}\nEva again.\n")
        area.press_sequentially(" Li again.")
        page.keyboard.press("Control+s")
        page.locator("#conflict button", has_text="Take theirs").click()
        expect(area).to_have_value(re.compile(r"Eva again\.\n$"))
        page.reload()
        page.locator("#notices button", has_text="Take it").click()
        expect(area).to_have_value(re.compile(r"Li again\.$"))
        page.evaluate("localStorage.clear()")

        saved(eva, id_, f"{before}\nEva at last.\n")
        page.keyboard.press("Control+s")
        page.locator("#conflict button", has_text="Keep mine").click()
        expect(page.locator("#conflict")).to_have_count(0)
        expect(page.locator("#status")).to_contain_text("Saved as number")
        assert eva.get(api(id_)).json()["text"].endswith("Li again.")
        page.locator("#t-history").click()
        expect(page.locator("#revisions tbody tr")).to_have_count(6)


def test_a_closed_tab_loses_no_word(server: Server, chromium: str) -> None:
    with walking(chromium, server) as walk:
        walk.sign_in("li", "/edit/en/payment/e-4021")
        expect(walk.page.locator("#text")).not_to_have_value("")
        walk.page.locator("#text").press("Control+End")
        walk.page.locator("#text").press_sequentially("Call your bank first.")
        until(lambda: walk.page.evaluate(KEPT) == 1)
        walk.page, closed = walk.page.context.new_page(), walk.page
        closed.close()
        walk.open("/edit/en/payment/e-4021")
        notice = walk.page.locator("#notices section")
        expect(notice).to_contain_text("Unsaved text of")
        expect(walk.page.locator("#text")).not_to_have_value(re.compile("Call your bank first"))
        notice.locator("button", has_text="Show what differs").click()
        expect(notice.locator("ins").first).to_contain_text("Call your bank first.")
        checked(walk, "kept")
        notice.locator("button", has_text="Take it").click()
        expect(walk.page.locator("#text")).to_have_value(re.compile(r"Call your bank first\.$"))
        walk.page.locator("#text").press("Control+s")
        expect(walk.page.locator("#status")).to_contain_text("Saved as number")
        assert walk.page.evaluate(KEPT) == 0


def test_errors_stand_at_their_field_and_comments_stay(server: Server, chromium: str) -> None:
    id_ = "en/account/two-step"
    with walking(chromium, server) as walk, session(server, "eva") as eva:
        page, area = walk.page, walk.page.locator("#text")
        text = eva.get(api(id_)).json()["text"]
        saved(eva, id_, text.replace("owner:", "# ask them first\nowner:", 1))
        walk.sign_in("li", f"/edit/{id_}")
        expect(area).not_to_have_value("")
        page.locator("#about summary").click()
        page.locator("#f-language").fill("english please")
        expect(page.locator("#e-language")).to_contain_text("BCP 47")
        expect(page.locator("#f-language")).to_have_attribute("aria-invalid", "true")
        page.keyboard.press("Control+s")
        expect(page.locator("#status")).to_contain_text("mend what is marked first")
        checked(walk, "error")
        page.locator("#f-language").fill("en")
        expect(page.locator("#e-language")).to_be_empty()
        page.locator("#f-tags").fill("2FA, sign-in, phone")
        area.press("Control+End")
        page.keyboard.press("Control+Shift+Digit9")
        page.locator("[data-seen=agents]").click()
        expect(page.locator("#preview .kb-agent")).to_contain_text("What only agents see.")
        page.locator("[data-seen=html]").click()
        expect(page.locator("#preview .kb-agent")).to_have_count(0)
        page.keyboard.press("Control+s")
        expect(page.locator("#status")).to_contain_text("Saved as number")
        now = eva.get(api(id_)).json()["text"]
        assert "# ask them first\nowner:" in now
        assert "tags: [2FA, sign-in, phone]\n" in now
        assert "::: agent\nWhat only agents see.\n:::\n" in now
        area.press("Control+End")
        area.press_sequentially("\n::: agent\nnever closed")
        page.locator("#e-body button").click()
        assert page.evaluate("getSelection().toString()").startswith("::: agent")
        page.locator("#raw").click()
        expect(area).to_have_value(re.compile(r"^---\n[^]*# ask them first[^]*never closed$".replace("[^]", r"[\s\S]")))


def test_pictures_come_by_pasting_and_say_why_they_may_not(server: Server, chromium: str) -> None:
    paste = """([name, bytes]) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
      const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
      document.getElementById("text").dispatchEvent(event);
    }"""
    with walking(chromium, server) as walk:
        walk.sign_in("li", "/edit/en/membership/levels")
        expect(walk.page.locator("#text")).not_to_have_value("")
        walk.page.evaluate(paste, ["lid.png", list(PNG)])
        expect(walk.page.locator("#text")).to_have_value(re.compile(r"!\[lid\]\(lid-\w+\.png\)"))
        expect(walk.page.locator("#preview img")).to_have_js_property("naturalWidth", 1)
        walk.page.evaluate(paste, ["false.png", [1, 2, 3]])
        expect(walk.page.locator("#e-body")).to_contain_text("accepted are PNG, JPEG, GIF and WebP")
        expect(walk.page.locator("#text")).not_to_have_value(re.compile("uploading"))


def test_a_large_article_and_composed_letters_hold_nothing_up(server: Server, chromium: str) -> None:
    type_in = """(text) => {
      const area = document.getElementById("text");
      area.value = text;
      area.dispatchEvent(new InputEvent("input", { bubbles: true }));
    }"""
    with walking(chromium, server) as walk:
        page, area = walk.page, walk.page.locator("#text")
        walk.sign_in("li", "/edit/en/orders/order-status")
        expect(page.locator("#preview h1")).to_be_visible()
        page.evaluate(type_in, "# Long\n\n" + ("A sentence of a long article. " * 20 + "\n\n") * 3_400)
        area.press("!")
        expect(page.locator("#seen-note")).to_contain_text("A long article")
        page.evaluate(type_in, "# Short\n\nA word.\n")
        expect(page.locator("#preview")).to_contain_text("A word.")

        asked = sum("/api/preview" in url for url in walk.asked)
        page.evaluate("document.getElementById('text').dispatchEvent(new CompositionEvent('compositionstart'))")
        page.evaluate(type_in, "# Short\n\nni\n")
        page.wait_for_timeout(900)
        assert sum("/api/preview" in url for url in walk.asked) == asked
        page.evaluate(type_in, "# Short\n\n你\n")
        page.evaluate("document.getElementById('text').dispatchEvent(new CompositionEvent('compositionend'))")
        expect(page.locator("#preview")).to_contain_text("你")


def test_an_editor_on_a_phone_writes_in_chinese(walked: Server, chromium: str) -> None:
    with walking(chromium, walked, "zh", "phone", dark=True) as walk:
        page = walk.page
        walk.sign_in("li", "/edit?language=zh-Hant")
        checked(walk, "list")
        page.locator("a", has_text="新建文章").click()
        page.locator("#new-id").fill("zh/account/nickname")
        page.locator("#text").fill("# 修改昵称\n\n在“我的”页面点击头像，即可修改昵称，每月一次。\n")
        checked(walk, "write")
        page.locator("#t-preview").click()
        expect(page.locator("#preview h1").first).to_have_text("修改昵称")
        checked(walk, "preview")
        page.locator("#save").click()
        page.wait_for_url("**/edit/zh/account/nickname")
        page.locator("#t-publish").click()
        page.locator("[data-does=schedule]").click()
        page.locator("dialog input").fill("2020-01-01T08:00")
        page.locator("dialog button").first.click()
        expect(page.locator("#refused")).to_contain_text("该时间已过")
        page.locator("[data-does=schedule]").click()
        page.locator("dialog input").fill("2099-01-01T08:00")
        page.locator("dialog button").first.click()
        expect(page.locator("#state")).to_have_text("已定时")
        checked(walk, "scheduled")
        page.locator("[data-does=unschedule]").click()
        expect(page.locator("#state")).to_have_text("草稿")
        page.locator("[data-does=publish]").click()
        expect(page.locator("#refused")).to_contain_text("现在就能搜到")
        checked(walk, "publish")
        assert walked.finds("怎么修改昵称", "zh/account/nickname")
        page.locator("#t-history").click()
        expect(page.locator("#revisions tr").first).to_be_visible()
        checked(walk, "history")
        page.locator("#t-publish").click()
        page.locator("[data-does=retire]").click()
        page.locator("dialog .danger").click()
        expect(page.locator("#state")).to_have_text("已下线")
        assert not walked.finds("怎么修改昵称", "zh/account/nickname")
