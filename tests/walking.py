"""Walks through the pages in a real browser: the sample served to people of every role, tabs, screenshots, audits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from conftest import ROOT
from playwright.sync_api import Frame, Page, sync_playwright
from server_process import Server

from kb.access.callers import Role
from kb.access.people import create_person
from kb.config import Paths

SHOTS = ROOT / "build" / "screenshots"
"""Kept by every run, one file a picture."""
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
PASSWORD = "correct horse battery"
STAFF: dict[str, Role] = {"mei": "agent", "tom": "agent", "li": "editor", "eva": "editor", "ada": "admin"}
"""Who works in the sample; all have PASSWORD."""
Language = Literal["en", "zh"]
Size = Literal["desktop", "phone"]


@dataclass
class Walk:
    """One tab of one person's browser, at a served home."""

    page: Page
    server: Server
    language: Language
    size: Size
    asked: list[str]
    """Every address that the tab asked for."""
    wrong: list[str]
    """Errors of scripts, and what the page's policy forbade: some of it at the end is a failure."""

    def open(self, path: str) -> None:
        """Goes to a page of the service."""
        self.page.goto(str(self.server.client.base_url).rstrip("/") + path)

    def sign_in(self, name: str, then: str = "/agent") -> None:
        """Signs in on the sign-in page, which leads on."""
        self.open(f"/signin?next={then}")
        self.page.locator("[name=name]").fill(name)
        self.page.locator("[name=password]").fill(PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda url: urlsplit(url).path != "/signin")

    def shoot(self, name: str) -> None:
        """Keeps a picture of what is seen."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}-{self.language}-{self.size}.png")

    def audit(self, within: Frame | None = None, *, host: str | None = None) -> None:
        """No violation that axe-core takes for serious or critical, no other host, nothing too wide or too heavy.

        `within` is a frame that is looked at alone; `host` whose page it is that shows ours. Raises AssertionError.
        """
        place = within or self.page
        if not place.evaluate("'axe' in window"):
            place.evaluate(_AXE)
        found = place.evaluate("axe.run({ resultTypes: ['violations'] }).then((told) => told.violations)")
        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        told = [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in serious]
        assert not told, f"{place.url}: {told}"
        hosts = {urlsplit(url).netloc for url in self.asked if url.startswith(("http", "ws"))}
        assert hosts <= {f"127.0.0.1:{self.server.port}", host}, hosts
        wide = place.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{place.url} is {wide} px wider than its window"
        weight = place.evaluate(_WEIGHT)
        assert weight <= 100_000, f"{place.url} weighs {weight:,} bytes"

    def assert_keyboard(self, within: Frame | None = None) -> None:
        """Every link, button and field that is seen is reached by Tab, and shows that it has the focus.

        `within` is a frame that is looked at alone. Raises AssertionError.
        """
        page, keys = within or self.page, self.page.keyboard
        wanted = page.evaluate(_NUMBER_CONTROLS)
        for _ in range(0, wanted + 30, _TABS):
            for _ in range(_TABS):
                keys.press("Tab")
            if page.evaluate("window.walked.size") >= wanted:
                break
        missed = page.evaluate(_MISSED)
        assert not missed, f"{page.url}: Tab does not reach {missed[:5]}"


_WEIGHT = """() => ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
  .filter((e) => /^(navigation|script|link|css)$/.test(e.initiatorType) && !e.name.endsWith(".svg"))
  .reduce((sum, e) => sum + e.encodedBodySize, 0)"""
_NUMBER_CONTROLS = """() => {
  const seen = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
    .filter((e) => !e.disabled && e.type !== "hidden" && e.tabIndex >= 0)
    .filter((e) => e.checkVisibility({ visibilityProperty: true }) && (e.type !== "radio" || !e.form
      || e === (e.form.querySelector(`[name="${e.name}"]:checked`) ?? e.form.querySelector(`[name="${e.name}"]`))));
  if (!window.walked) addEventListener("focusin", ({ target }) => {
    if (window.wanted.has(target)) window.walked.add(target);
  });
  window.wanted = new Set(seen);
  window.walked = new Set();
  document.activeElement?.blur();
  scrollTo(0, 0);
  return seen.length;
}"""
_MISSED = """() => [...window.wanted]
  .filter((e) => !window.walked.has(e) && e.isConnected && e.checkVisibility()).map((e) => e.outerHTML.slice(0, 160))"""
_TABS = 10
"""So often Tab is pressed before it is looked where it led."""
_AXE = Axe().axe_script


@contextmanager
def walking(
    chromium: str,
    server: Server,
    language: Language = "en",
    size: Size = "desktop",
    *,
    dark: bool = False,
    scripts: bool = True,
    forbidden: bool = False,
) -> Iterator[Walk]:
    """A fresh profile's tab; a script's error, or what the page's policy forbade, fails the test that has it.

    Where something is `forbidden` on purpose, only errors do.
    """
    width, height = SIZES[size]
    with sync_playwright() as playwright:
        context = playwright.chromium.connect_over_cdp(chromium).new_context(
            locale="zh-CN" if language == "zh" else "en-GB",
            viewport={"width": width, "height": height},
            has_touch=size == "phone",
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            reduced_motion="reduce",
        )
        page, wrong, asked = context.new_page(), list[str](), list[str]()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        if not forbidden:
            refused = re.compile("Content.Security")
            page.on("console", lambda said: wrong.append(said.text) if refused.search(said.text) else None)
        page.on("request", lambda request: asked.append(request.url))
        page.on("websocket", lambda socket: asked.append(socket.url))
        try:
            yield Walk(page, server, language, size, asked, wrong)
        except BaseException:
            SHOTS.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=SHOTS / "failed.png")
            raise
        finally:
            context.close()
    assert wrong == []


def employ(home: Path) -> None:
    """Makes the staff known."""
    for name, role in STAFF.items():
        create_person(Paths(home), name, PASSWORD, role)
