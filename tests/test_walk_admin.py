"""An administrator's walk: a key and a person made, used and ended, and what the log says of it; in a real browser."""

from __future__ import annotations

import httpx
import pytest
from conftest import write_article
from playwright.sync_api import expect
from server_process import Server, until
from walking import PASSWORD, Language, Size, Walk, walking

from kb.access.keys import create_key
from kb.config import Paths

WALKS: list[tuple[Language, Size]] = [("en", "desktop"), ("zh", "phone")]
WRONG = {"en": "Name and password do not belong together", "zh": "用户名与密码不匹配"}
REFUSED = {"en": "This is not for you", "zh": "您无权查看"}
DISABLED = {"en": "A person was disabled", "zh": "停用了某人"}
REVOKED = {"en": "An API key was revoked", "zh": "吊销了 API 密钥"}
HOSTILE = "<script>document.title='ran'</script>\u202edesk"


def look(walk: Walk, name: str, *, keyboard: bool = True) -> None:
    walk.audit()
    if keyboard:
        walk.assert_keyboard()
    walk.shoot(f"admin-{name}")


def by_keyboard(walk: Walk, selector: str) -> None:
    """Goes on by Tab until an element has the focus, and presses Enter. Raises AssertionError."""
    for _ in range(60):
        if walk.page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            walk.page.keyboard.press("Enter")
            return
        walk.page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {selector}")


def focus(walk: Walk) -> str:
    return str(walk.page.evaluate("document.activeElement.closest('tr')?.dataset.id ?? ''"))


def signs_in(server: Server, name: str, password: str) -> httpx.Client | None:
    """Their browser, where they may."""
    browser = httpx.Client(base_url=server.client.base_url, timeout=30)
    done = browser.post("/api/session", json={"name": name, "password": password})
    if done.status_code == 200:
        return browser
    browser.close()
    return None


def open_dialog(walk: Walk, name: str, within: str = "") -> None:
    """By keyboard; the dialog has the focus and is as the other pages are."""
    walk.page.evaluate("document.activeElement?.blur(); window.scrollTo(0, 0)")
    by_keyboard(walk, f"{within} [data-opens={name}]".strip())
    walk.page.locator(f"#{name}[open]").wait_for()
    assert walk.page.evaluate(f"document.getElementById('{name}').contains(document.activeElement)")
    look(walk, name, keyboard=False)


@pytest.mark.parametrize(("language", "size"), WALKS)
def test_a_key_is_made_used_and_revoked_by_keyboard(
    language: Language, size: Size, walked: Server, chromium: str
) -> None:
    def status(secret: str) -> int:
        return walked.client.get("/api/session", headers={"Authorization": f"Bearer {secret}"}).status_code

    with walking(chromium, walked, language, size, dark=size == "phone") as walk:
        walk.sign_in("ada", "/admin")
        look(walk, "overview")
        walk.open("/admin/keys")
        look(walk, "keys")
        open_dialog(walk, "make-key")
        walk.page.keyboard.type(HOSTILE)
        walk.page.keyboard.press("Enter")
        walk.page.locator("#made-key[open]").wait_for()
        secret = walk.page.locator("#secret").input_value()
        assert status(secret) == 200
        look(walk, "made-key", keyboard=False)
        walk.page.keyboard.press("Escape")
        assert secret not in walk.page.content() + walk.page.url + walk.page.locator("#secret").input_value()
        assert walk.page.title() != "ran"
        assert HOSTILE in walk.page.locator("#list tbody tr").first.inner_text()
        made = focus(walk)
        assert made
        open_dialog(walk, "revoke-key", f"tr[data-id={made}]")
        by_keyboard(walk, "#revoke-key [data-closes]")
        assert status(secret) == 200, "cancelled"
        assert focus(walk) == made
        walk.page.keyboard.press("Enter")
        by_keyboard(walk, "#revoke-key button.bad")
        until(lambda: status(secret) == 401, seconds=5)
        expect(walk.page.locator(f"tr[data-id={made}] .tag.bad")).to_be_visible()
        assert focus(walk) == made
        look(walk, "keys-revoked")
        walk.open(f"/admin/audit?who={made}")
        assert REVOKED[language] in walk.page.locator("tbody tr").first.inner_text()
        assert "ada" in walk.page.locator("tbody tr").first.inner_text()
        look(walk, "audit-of-a-key")
        assert secret not in walked.log.read_text("utf-8")


@pytest.mark.parametrize(("language", "size"), WALKS[:1])
def test_a_person_is_made_signs_in_and_is_disabled(
    language: Language, size: Size, walked: Server, chromium: str
) -> None:
    name = f"nina-{language}"
    with walking(chromium, walked, language, size) as walk:
        walk.sign_in("ada", "/admin/people")
        look(walk, "people")
        open_dialog(walk, "make-person")
        walk.page.keyboard.type("ada")
        by_keyboard(walk, "[data-suggests]")
        password = walk.page.locator("#person-password").input_value()
        walk.page.keyboard.press("Enter")
        expect(walk.page.locator("#make-person [data-problem]")).not_to_be_empty()
        look(walk, "make-person-refused", keyboard=False)
        walk.page.locator("#person-name").fill(name)
        walk.page.keyboard.press("Enter")
        expect(walk.page.locator("#make-person")).to_be_hidden()
        made = walk.page.locator(f"tr[data-name={name}]").get_attribute("data-id")
        assert focus(walk) == made
        browser = signs_in(walked, name, password)
        assert browser is not None
        open_dialog(walk, "change-person", f"tr[data-id={made}]")
        walk.page.locator("#change-role").select_option("editor")
        walk.page.locator("#change-groups").fill("vip，billing")
        by_keyboard(walk, "#change-person .ends button:last-child")
        until(lambda: browser.get("/api/session").json()["groups"] == ["billing", "vip"])
        assert browser.get("/api/session").json()["role"] == "editor"
        open_dialog(walk, "disable-person", f"tr[data-id={made}]")
        by_keyboard(walk, "#disable-person button.bad")
        until(lambda: browser.get("/api/due").status_code == 401)
        expect(walk.page.locator(f"tr[data-id={made}] [data-opens=enable-person]")).to_be_visible()
        assert signs_in(walked, name, password) is None
        look(walk, "people-disabled")
        browser.close()
        walk.open(f"/admin/audit?who={name}")
        assert DISABLED[language] in walk.page.locator("tbody").inner_text()
        look(walk, "audit")
        walk.open("/admin/settings")
        look(walk, "settings")


@pytest.mark.parametrize(("language", "size"), WALKS[1:])
def test_a_wrong_password_is_told_and_who_signed_in_changes_theirs(
    language: Language, size: Size, walked: Server, chromium: str
) -> None:
    name, new = {"en": "tom", "zh": "eva"}[language], PASSWORD + " new"
    with walking(chromium, walked, language, size, dark=size == "desktop") as walk:
        page = walk.page
        walk.open("/signin?next=/account")
        look(walk, "signin")
        page.locator("[name=name]").fill(name)
        page.locator("[name=password]").fill("wrong password")
        page.locator("[data-reveals=password]").click()
        assert page.locator("[name=password]").get_attribute("type") == "text"
        page.locator("form button:not([type])").click()
        expect(page.locator("[role=alert]")).to_contain_text(WRONG[language])
        look(walk, "signin-wrong")
        page.locator("[name=password]").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/account")
        look(walk, "account")
        walk.open("/signin?next=/account")
        look(walk, "signed-in")
        page.locator("a.button").click()
        page.wait_for_url("**/account")
        browser = signs_in(walked, name, PASSWORD)
        assert browser is not None
        page.locator("#elsewhere").click()
        expect(page.locator("#said")).to_contain_text("1")
        assert browser.get("/api/due").status_code == 401
        page.locator("#old").fill(PASSWORD)
        page.locator("#new").fill(new)
        page.keyboard.press("Enter")
        expect(page.locator("#old")).to_have_value("")
        assert signs_in(walked, name, PASSWORD) is None
        browser.close()
        walk.open("/admin")
        expect(page.locator("h1")).to_have_text(REFUSED[language])
        look(walk, "refused")


def test_signing_in_needs_no_scripts(walked: Server, chromium: str) -> None:
    with walking(chromium, walked, scripts=False) as walk:
        walk.sign_in("mei", "/account")
        expect(walk.page.locator("h1")).to_have_text("My account")
        expect(walk.page.locator("noscript")).to_be_visible()


def test_a_file_that_cannot_be_read_is_told_on_the_overview(walked: Server) -> None:
    admin = {"Authorization": f"Bearer {create_key(Paths(walked.home), 'admin').key}"}

    def told() -> bool:
        return "unreadable.md:" in walked.client.get("/admin", headers=admin).text

    assert not told()
    file = write_article(walked.home, "unreadable.md", "---\nlanguage: [en\n---\n# Broken\n")
    until(told, seconds=60)
    file.unlink()
    until(lambda: not told(), seconds=60)
