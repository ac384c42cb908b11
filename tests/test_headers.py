"""What every response tells a browser, and which sites may call."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import get
from litestar.testing import TestClient

from kb.access.keys import create_key
from kb.access.reception import Reception
from kb.config import Paths, Settings, load_settings
from kb.errors import SettingsError
from kb.service import Service
from kb.web.admission import Admission
from kb.web.api import create_app
from kb.web.guards import PAGE, Requires, may_read_metrics, requires
from kb.web.headers import FRAMED

SHOP = "https://shop.example.com"
Serve = Callable[..., TestClient[Any]]


@get("/framed", guards=[requires("public")], opt={FRAMED: True}, include_in_schema=False)
async def framed() -> str:
    return "framed"


@get("/desk", guards=[requires("agent")], opt={PAGE: True}, include_in_schema=False)
async def desk() -> str:
    return "desk"


@pytest.fixture
def serve(home: Path) -> Serve:
    create_key(Paths(home), "admin")

    def served(**settings: Any) -> TestClient[Any]:
        made = Settings(**settings)
        app = create_app(Service(Paths(home), made, ""), Reception(Paths(home), made), Admission(8))
        for route in (framed, desk):
            app.register(route)
        client = TestClient(app)
        client.follow_redirects = False
        return client

    return served


def bearer(home: Path, role: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {create_key(Paths(home), role).key}"}


def test_every_response_carries_the_headers_however_it_came_about(home: Path, serve: Serve) -> None:
    client = serve(sites=(SHOP,))
    answers = {
        client.get("/health/live"): 200, client.get("/schema"): 200, client.get("/nothing"): 404,
        client.put("/api/search"): 405, client.get("/api/audit"): 401, client.get("/api/session"): 200,
        client.post("/api/answers", content=b"{"): 400, client.get("/signin"): 200, client.get("/desk"): 303,
    }  # fmt: skip
    for answer, status in answers.items():
        assert answer.status_code == status, answer.url
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert ("unsafe-inline" in policy) == answer.url.path.startswith("/schema")
        assert "strict-transport-security" not in answer.headers


def test_pages_of_this_service_need_nothing_that_their_policy_forbids(serve: Serve) -> None:
    page = serve().get("/signin").text
    assert not re.search(r"<script(?! type=\"module\" src=)|<style|\sstyle=|\son\w+=", page)


def test_what_a_key_was_told_is_kept_by_no_cache(home: Path, serve: Serve) -> None:
    client = serve()
    assert client.get("/api/session", headers=bearer(home, "agent")).headers["cache-control"] == "no-store"
    assert client.get("/api/audit", headers=bearer(home, "admin")).headers["cache-control"] == "no-store"
    assert (
        client.get("/api/search", params={"q": "x"}, headers=bearer(home, "agent")).headers["cache-control"]
        == "no-store"
    )


def test_https_is_demanded_for_ever_only_where_it_is_spoken(serve: Serve) -> None:
    assert (
        "max-age=31536000" in serve(public_url="https://kb.example.com").get("/").headers["strict-transport-security"]
    )
    client = serve()
    client.base_url = "https://testserver"  # type: ignore[assignment]
    assert "strict-transport-security" in client.get("/health/live").headers


def test_a_page_that_sites_may_frame_is_framed_by_those_alone(serve: Serve) -> None:
    policy = serve(sites=(SHOP,)).get("/framed").headers["content-security-policy"]
    assert policy.endswith(f"frame-ancestors 'self' {SHOP}")


def test_the_centres_own_sites_may_call_and_no_other(serve: Serve) -> None:
    client = serve(sites=(SHOP,))
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    allowed = client.options("/api/answers", headers={"Origin": SHOP} | asks)
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (204, SHOP)
    assert "access-control-allow-credentials" not in allowed.headers
    assert client.get("/api/session", headers={"Origin": SHOP}).headers["access-control-allow-origin"] == SHOP
    for other in ("https://evil.example", "https://shop.example.com.evil.example", "http://shop.example.com", "null"):
        assert client.options("/api/answers", headers={"Origin": other} | asks).status_code == 400
        assert "access-control-allow-origin" not in client.get("/api/session", headers={"Origin": other}).headers
    assert "access-control-allow-origin" not in serve().get("/api/session", headers={"Origin": SHOP}).headers


@pytest.mark.parametrize(
    "site", ["*", "shop.example.com", "https://shop.example.com/", "https://*.example.com", "https://a b"]
)
def test_a_site_is_an_origin(home: Path, site: str) -> None:
    with pytest.raises(SettingsError, match="is no origin"):
        load_settings(home, {"sites": [site]}, {})


def test_a_page_leads_to_the_sign_in_and_an_interface_refuses(home: Path, serve: Serve) -> None:
    client = serve()
    led = client.get("/desk", params={"call": "7 8"})
    assert (led.status_code, led.headers["location"]) == (303, "/signin?next=%2Fdesk%3Fcall%3D7%2B8")
    assert client.get("/desk", headers=bearer(home, "public")).status_code == 403
    assert client.get("/desk", headers=bearer(home, "agent")).status_code == 200


def test_metrics_are_for_admins_or_for_this_machine_where_that_is_set(home: Path, serve: Serve) -> None:
    assert serve().get("/metrics").status_code == 401
    assert serve().get("/metrics", headers=bearer(home, "editor")).status_code == 403
    assert serve().get("/metrics", headers=bearer(home, "admin")).status_code == 200
    assert serve(metrics="loopback").get("/metrics").status_code == 401, "the test client is not on this machine"


def test_metrics_may_be_open_to_this_machine(home: Path, serve: Serve) -> None:
    async def read(address: str) -> int:
        transport = httpx.ASGITransport(serve(metrics="loopback").app, client=(address, 5))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://kb") as client:
            return (await client.get("/metrics")).status_code

    assert [asyncio.run(read(address)) for address in ("127.0.0.1", "::1", "10.0.0.1")] == [200, 200, 401]


def test_every_route_says_who_may_call_it_and_the_document_says_it_too(serve: Serve) -> None:
    app = serve().app
    schema = app.openapi_schema.to_schema()
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if route.path.startswith("/schema") or handler.http_methods == {"OPTIONS"}:
                continue
            roles = [guard.role for guard in handler.resolve_guards() if isinstance(guard, Requires)]
            may_be_open = may_read_metrics in handler.resolve_guards()
            assert roles or may_be_open, f"{route.path} is for nobody knows whom"
            for method in handler.http_methods & {"GET", "POST", "PUT", "PATCH", "DELETE"}:
                described = schema["paths"].get(route.path_format, {}).get(method.lower())
                if described and not route.path.startswith("/health"):
                    assert {"401", "403", "429"} <= set(described["responses"])
                    assert ({} in described["security"]) == (roles == ["public"] or may_be_open)
    assert set(schema["components"]["securitySchemes"]) == {"key", "session"}
