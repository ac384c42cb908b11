"""`/sitemap.xml` and `/robots.txt`: what search engines may read, in which languages, and when it last changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from litestar import MediaType, Request, Response, get
from litestar.datastructures import State
from markupsafe import escape

from kb.access.callers import Caller
from kb.shelves import Shelves
from kb.store.documents import Titled
from kb.web import asking
from kb.web.pages.help import OPEN_PAGE, site_of
from kb.web.pages.interface import LANGUAGES

_MOST = 49_000
"""Articles: a sitemap may name 50,000 pages."""
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    ' xmlns:xhtml="http://www.w3.org/1999/xhtml">'
)
_Request = Request[Caller, Any, State]


@get("/sitemap.xml", sync_to_thread=True, media_type=MediaType.XML, **OPEN_PAGE)
def sitemap(request: _Request, state: State) -> Response[str]:
    """What a search engine may read: the help centre, its topics and the public articles."""
    shelves: Shelves = state.shelves
    articles = shelves.articles(asking.service_of(state).knowledge)[:_MOST]
    site = site_of(request)
    pages = ["/", *(f"/topics/{quote(name, safe='')}" for name in sorted({a.category for a in articles if a.category}))]
    entries = [entry for path in pages for entry in _in_languages(site + path)]
    entries += _articles(site, articles)
    return Response(f"{_HEAD}{''.join(entries)}</urlset>\n", media_type="application/xml; charset=utf-8")


@get("/robots.txt", sync_to_thread=False, media_type=MediaType.TEXT, **OPEN_PAGE)
def robots(request: _Request) -> str:
    """What a search engine is asked to leave alone."""
    refused = "".join(f"Disallow: {path}\n" for path in ("/api/", "/preferences", "/signin", "/widget"))
    return f"User-agent: *\n{refused}Sitemap: {site_of(request)}/sitemap.xml\n"


HANDLERS = (sitemap, robots)


def _in_languages(address: str) -> Iterator[str]:
    """A page that the same address shows in every language."""
    others = [(language, f"{address}?lang={language}") for language in LANGUAGES]
    for _, place in others:
        yield _entry(place, [*others, ("x-default", address)])


def _articles(site: str, articles: Iterable[Titled]) -> Iterator[str]:
    families: dict[str, list[Titled]] = {}
    for one in articles:
        families.setdefault(one.translation_of or one.id, []).append(one)
    for family in families.values():
        others = [(one.language, f"{site}/articles/{quote(one.id)}") for one in family] if len(family) > 1 else []
        for one in family:
            yield _entry(f"{site}/articles/{quote(one.id)}", others, one.changed)


def _entry(address: str, others: Iterable[tuple[str, str]], changed: str | None = None) -> str:
    links = "".join(
        f'<xhtml:link rel="alternate" hreflang="{escape(language)}" href="{escape(place)}"/>'
        for language, place in others
    )
    last = f"<lastmod>{escape(changed[:10])}</lastmod>" if changed else ""
    return f"<url><loc>{escape(address)}</loc>{last}{links}</url>"
