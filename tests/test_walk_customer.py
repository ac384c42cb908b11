"""A customer's walk through the help centre, in a real browser."""

from __future__ import annotations

import pytest
from server_process import Server
from walking import Language, Size, walking


@pytest.mark.parametrize(("language", "size"), [("en", "desktop"), ("zh", "phone")])
def test_a_customer_asks_and_reads_the_sentence_that_is_cited(
    language: Language, size: Size, walked: Server, chromium: str
) -> None:
    asked = {"en": "How long does a refund take?", "zh": "退款多久到账"}[language]
    with walking(chromium, walked, language, size) as walk:
        walk.open("/")
        walk.audit()
        walk.assert_keyboard()
        walk.shoot("help")
        walk.page.locator("#question").fill(asked)
        walk.page.keyboard.press("Enter")
        walk.page.locator(".helpful button").first.wait_for()
        walk.audit()
        walk.shoot("answer")
        walk.page.locator(".sources a").first.click()
        assert walk.page.evaluate("document.activeElement.id") == "cited"
        walk.audit()
        walk.shoot("cited")
