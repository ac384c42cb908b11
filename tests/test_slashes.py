"""An article's id may hold slashes: sent as `%2F` they belong to it, sent as they are they part the path."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from litestar import Litestar, Request, get
from litestar.datastructures import State
from litestar.params import FromPath

from kb.web.slashes import Slashes, Unhidden


@get("/articles/{article_id:str}")
async def one(article_id: FromPath[str], request: Request[None, None, State]) -> list[str]:
    return ["one", article_id, request.scope["path"]]


@get("/articles/{article_id:str}/revisions/{number:int}")
async def revision(article_id: FromPath[str], number: FromPath[int]) -> list[str]:
    return ["revision", article_id, str(number)]


APP = Slashes(Litestar([one, revision], middleware=[Unhidden()], openapi_config=None))


def _asked(path: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://kb") as client:
            return await client.get(path)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/articles/refund", ["one", "refund", "/articles/refund"]),
        ("/articles/en%2Fbilling%2frefund", ["one", "en/billing/refund", "/articles/en/billing/refund"]),
        ("/articles/zh%2F%E9%80%80%E6%AC%BE", ["one", "zh/退款", "/articles/zh/退款"]),
        ("/articles/en%2Frefund/revisions/3", ["revision", "en/refund", "3"]),
        ("/articles/a%252Fb", ["one", "a%2Fb", "/articles/a%2Fb"]),
        ("/articles/a%20b%2Fc%25", ["one", "a b/c%", "/articles/a b/c%"]),
    ],
)
def test_a_slash_that_was_sent_encoded_belongs_to_the_id(path: str, told: list[str]) -> None:
    for _ in range(2):  # the second time from the router's own memory
        assert _asked(path).json() == told


@pytest.mark.parametrize("path", ["/articles/en/refund", "/articles%2Frefund", "/articles/a%2Fb/c", "/%ED%B0%AF"])
def test_other_slashes_part_the_path_as_ever(path: str) -> None:
    assert _asked(path).status_code == 404


def test_the_mark_itself_cannot_be_sent() -> None:
    assert _asked("/articles/a%ED%B0%AFb").json()[1] == "a\ufffd\ufffd\ufffdb"
