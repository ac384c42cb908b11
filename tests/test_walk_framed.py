"""The console within a page of another site, in a real browser, over https: signed in by a window of its own."""

from __future__ import annotations

import asyncio
import gc
import ssl
import threading
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import REFUND, Centre, tiny_settings, write_article
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Page, expect, sync_playwright
from server_process import free_port, serving
from walking import PASSWORD

from kb.access.people import create_person
from kb.config import Paths
from kb.search.embedding import Embedder

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that nobody vouches for; the browser of these tests takes it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.OID_COMMON_NAME, "kb")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return file


@contextmanager
def over_tls(certificate: Path, port: int, handler: Handler) -> Iterator[None]:
    """Serves connections of a port, in a thread, until the block ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    loop = asyncio.new_event_loop()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.IncompleteReadError):  # a browser opens connections that it does not use
                await handler(reader, writer)
        finally:
            writer.close()

    server = loop.run_until_complete(asyncio.start_server(handle, "127.0.0.1", port, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(_ended(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        with warnings.catch_warnings():  # a browser leaves connections open: they are told of here, in no other test
            warnings.simplefilter("ignore")
            del server
            gc.collect()


async def _ended(server: asyncio.Server) -> None:
    server.close()
    open_ = asyncio.all_tasks() - {asyncio.current_task()}
    for task in open_:
        task.cancel()
    await asyncio.gather(*open_, return_exceptions=True)


def passing_on_to(port: int) -> Handler:
    """A proxy that speaks https, as a centre has one before the service."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_kb, to_kb = await asyncio.open_connection("127.0.0.1", port)

        async def pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            with suppress(OSError, ssl.SSLError):
                while data := await source.read(65_536):
                    target.write(data)
                    await target.drain()
            target.close()

        try:
            await asyncio.gather(pipe(reader, to_kb), pipe(from_kb, writer))
        finally:
            to_kb.close()

    return handle


def page_with(frame: str) -> Handler:
    """The page of another site, which has the console within it."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        page = (
            f'<!doctype html><iframe id="kb" src="{frame}" width="1100" height="800" allow="clipboard-write"></iframe>'
        )
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n{page}".encode())
        await writer.drain()
        writer.close()

    return handle


@pytest.fixture(params=[True, False], ids=["with the setting", "without it"])
def crm(
    request: pytest.FixtureRequest, certificate: Path, tmp_path: Path, tiny_model: Path, tiny_embedder: Embedder
) -> Iterator[tuple[str, bool]]:
    """The address of a page on 127.0.0.1 with the console of localhost, which is another site, in a frame."""
    home, ours, theirs = tmp_path / "home", free_port(), free_port()
    write_article(home, "refund.md", REFUND)
    settings = f'sites = ["https://127.0.0.1:{theirs}"]\npublic_url = "https://localhost:{ours}"\n'
    (home / "kb.toml").write_text(settings + f"framed_sessions = {str(request.param).lower()}\n")
    Centre(home, tiny_settings(tiny_model), tiny_embedder).reindex()
    create_person(Paths(home), "mei", PASSWORD, "agent")
    with ExitStack() as stack:
        server = stack.enter_context(serving(home, tiny_model))
        stack.enter_context(over_tls(certificate, ours, passing_on_to(server.port)))
        stack.enter_context(over_tls(certificate, theirs, page_with(f"https://localhost:{ours}/agent?q=refunds")))
        yield f"https://127.0.0.1:{theirs}", request.param


@pytest.fixture
def tab(chromium: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        context = playwright.chromium.connect_over_cdp(chromium).new_context(ignore_https_errors=True, locale="en-GB")
        page, wrong = context.new_page(), list[str]()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        yield page
        context.close()
    assert wrong == []


def test_an_agent_signs_in_to_the_console_within_another_sites_page(crm: tuple[str, bool], tab: Page) -> None:
    address, may_lend = crm
    tab.goto(address)
    frame = tab.frame_locator("#kb")
    with tab.expect_popup() as opened:
        frame.get_by_role("link", name="Sign in in a new window").click()
    window = opened.value
    window.locator("[name=name]").fill("mei")
    window.locator("[name=password]").fill(PASSWORD)
    with window.expect_event("close"):
        window.keyboard.press("Enter")
    if not may_lend:
        expect(frame.get_by_role("alert")).to_contain_text("does not let us know you here")
        expect(frame.get_by_role("link", name="work in a window of its own")).to_be_visible()
        return
    expect(frame.locator("#articles .hit").first).to_contain_text("Refunds")
    cookies = {one["sameSite"]: one for one in tab.context.cookies() if one["name"] == "kb_session"}
    assert set(cookies) == {"Lax", "None"}
    assert cookies["None"]["secure"]
    frame.locator("#articles .hit a").first.click()
    frame.locator("#copy").click()
    expect(frame.locator("#clip.good")).to_contain_text("Copied for the customer")
    expect(frame.locator("#line")).to_be_empty()
    frame.locator("#helped").click()
    expect(frame.locator("#clip.good")).to_contain_text("Counted as helpful")
    frame.locator("#sign-out").click()
    expect(frame.get_by_role("heading", name="Please sign in")).to_be_visible()
