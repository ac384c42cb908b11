"""Customers' walks through the help centre, in a real browser, with scripts and without."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect
from server_process import Server, serving
from walking import Language, Size, walking
from webhook_server import Webhook, webhook

ASKED = {"en": "How long does a refund take?", "zh": "退款多久到账"}
NOTED = {"en": "We have noted that.", "zh": "已为您登记。"}
THANKS = {"en": "Thank you.", "zh": "谢谢您的反馈。"}
MANY_HEADINGS = {"en": "en/repair/book-repair", "zh": "zh/returns/seven-day-return"}
IN = [("en", "desktop"), ("zh", "phone")]


@dataclass
class Centre:
    """The sample, served, and the webhook to which it hands over."""

    server: Server
    hook: Webhook


@pytest.fixture(scope="module")
def centre(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    home = Path(shutil.copytree(sample_home, tmp_path_factory.mktemp("customers") / "home"))
    with webhook() as hook:
        hook.reply = {"reference": "HW-7", "closed_until": "2090-01-06T09:00:00+08:00"}
        with serving(home, "bundled", environment={"KB_HANDOVER_URL": hook.url}) as server:
            yield Centre(server, hook)


def transcript(hook: Webhook) -> list[str]:
    """What the last hand-over says that the customer said."""
    return [turn["text"] for turn in hook.taken[-1]["envelope"]["transcript"]]


@pytest.mark.parametrize(("language", "size"), IN)
def test_a_customer_asks_reads_the_cited_sentence_and_is_handed_over(
    language: Language, size: Size, centre: Centre, chromium: str
) -> None:
    with walking(chromium, centre.server, language, size) as walk:
        walk.open("/")
        walk.audit()
        walk.assert_keyboard()
        walk.shoot("help")
        walk.page.locator("#question").fill(ASKED[language])
        walk.page.keyboard.press("Enter")
        walk.page.locator(".helpful button").first.wait_for()
        walk.audit()
        walk.shoot("answer")
        walk.page.locator(".sources a").first.click()
        walk.page.locator("#cited:focus").wait_for()
        walk.audit()
        walk.shoot("cited")
        walk.open("/")  # the conversation is still there
        walk.page.locator(".helpful button").nth(1).click()
        walk.page.locator(".handover").wait_for()
        assert "HW-7" in walk.page.locator(".handover").inner_text()
        assert ASKED[language] in transcript(centre.hook)
        walk.page.locator("[name=kind][value=not_solved]").check()
        walk.audit()
        walk.assert_keyboard()
        walk.shoot("handed-over")
        walk.page.locator("[name=contact]").fill("020 7946 0000")
        walk.page.locator(".callback button").click()
        walk.page.get_by_text(NOTED[language]).wait_for()
        walk.page.locator(".verdict button").first.click()
        walk.page.locator(".judging [role=status]").wait_for()


@pytest.mark.parametrize(("language", "size"), IN)
def test_a_customer_without_scripts_has_all_of_it_too(
    language: Language, size: Size, centre: Centre, chromium: str
) -> None:
    with walking(chromium, centre.server, language, size, scripts=False, dark=True) as walk:
        walk.open("/")
        walk.page.locator("#question").fill(ASKED[language])
        walk.page.locator("#ask button").click()
        walk.shoot("plain-answer")
        walk.page.locator(".helpful button").nth(1).click()
        assert "HW-7" in walk.page.locator(".handover").inner_text()
        assert ASKED[language] in transcript(centre.hook)
        walk.shoot("plain-handed-over")
        walk.page.locator("[name=kind][value=solved]").check()
        walk.page.locator("[name=rating][value='5']").check()
        walk.page.locator(".verdict button").click()
        assert walk.page.locator("h1").inner_text() == THANKS[language]
        walk.page.go_back()
        walk.page.locator("[name=contact]").fill("020 7946 0000")
        walk.page.locator(".callback button").click()
        assert walk.page.locator("h1").inner_text() == NOTED[language]
        walk.open("/")
        walk.page.locator("#question").fill("E3")
        walk.page.locator("#ask button").click()
        told = walk.page.locator(".told").inner_text()
        assert bool(re.search("[\u4e00-\u9fff]", told)) == (language == "zh"), told
        walk.open(f"/articles/{MANY_HEADINGS[language]}")
        title = walk.page.locator("h1").inner_text()
        walk.page.locator(".helpful button").nth(1).click()
        walk.shoot("plain-thanks")
        walk.page.locator(".person button").click()
        assert "HW-7" in walk.page.locator(".handover").inner_text()
        assert title in transcript(centre.hook)


@pytest.mark.parametrize(("language", "size"), IN)
def test_a_customer_reads_articles_and_finds_the_way_from_a_page_that_is_gone(
    language: Language, size: Size, centre: Centre, chromium: str
) -> None:
    with walking(chromium, centre.server, language, size, dark=size == "desktop") as walk:
        walk.open(f"/articles/{MANY_HEADINGS[language]}")
        walk.audit()
        walk.assert_keyboard()
        walk.shoot("article")
        walk.page.locator(".contents a").last.click()
        assert walk.page.evaluate("document.querySelector(':target').localName") == "h2"
        walk.page.locator(".path a").last.click()
        walk.audit()
        walk.assert_keyboard()
        walk.shoot("topic")
        walk.page.locator(".list a").first.click()
        walk.page.locator(".related .list a").first.click()
        walk.page.locator(".article + .helpful button, .actions + .helpful button").first.click()
        assert walk.page.locator("h1").inner_text() == THANKS[language]
        walk.audit()
        walk.open("/articles/nowhere")
        walk.audit()
        walk.assert_keyboard()
        walk.shoot("gone")
        walk.page.locator("#question").fill(ASKED[language])
        walk.page.keyboard.press("Enter")
        walk.page.locator(".sources a").first.wait_for()


def test_what_is_asked_before_the_answer_came_is_answered_after_it(walked: Server, chromium: str) -> None:
    with walking(chromium, walked) as walk:
        walk.open("/")
        walk.page.evaluate(
            """(asked) => asked.forEach((text) => {
              document.getElementById("question").value = text;
              document.getElementById("ask").requestSubmit();
            })""",
            ["How long does a refund take?", "Do you accept PayPal?", "Do you accept PayPal?"],
        )
        assert walk.page.locator(".turn").count() == 2
        expect(walk.page.locator(".turn .helpful")).to_have_count(2)
        expect(walk.page.locator(".turn").nth(0)).to_contain_text("working days")
        expect(walk.page.locator(".turn").nth(1)).to_contain_text("PayPal")
