"""In which language and how large a page speaks to its reader, and the templates that it is made from."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlencode

from babel import negotiate_locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from litestar import Request, Router
from litestar.config.compression import CompressionConfig
from litestar.datastructures import CacheControlHeader
from litestar.middleware import DefineMiddleware
from litestar.middleware.compression import CompressionMiddleware
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Template
from litestar.static_files import create_static_files_router
from litestar.template.config import TemplateConfig
from litestar.types import Guard

from kb.access.callers import ANYBODY, Caller
from kb.web.entrance import AS_ANYBODY
from kb.web.guards import requires

Language = Literal["en", "zh"]
LANGUAGES: dict[Language, str] = {"en": "English", "zh": "中文"}
"""What pages are written in, each by its own name; their texts in English are the keys of `locale/*/*.po`."""
LANGUAGE_COOKIE, TEXT_COOKIE = "kb_language", "kb_text"
_WEB = Path(__file__).parent.parent
_STATIC, _LOCALE, _TEMPLATES = _WEB / "static", _WEB / "locale", _WEB / "templates"


@dataclass(frozen=True, slots=True)
class Reader:
    """How a page is shown: its language, and whether in large text."""

    language: Language
    large: bool

    @property
    def tag(self) -> str:
        """The language as a page's `lang` says it."""
        return "zh-Hans" if self.language == "zh" else "en"


def reader_of(request: Request[Any, Any, Any]) -> Reader:
    """What the address says, else the reader's own choice, else the browser's languages."""
    asked = (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE))
    chosen = next((language for language in asked if language in LANGUAGES), None)
    accepted = _accepted(request.headers.get("accept-language", ""))
    found = chosen or negotiate_locale(accepted, list(LANGUAGES), sep="-") or "en"
    return Reader(cast(Language, found), request.cookies.get(TEXT_COOKIE) == "large")


def page(request: Request[Caller, Any, Any], template: str, status: int = 200, **values: Any) -> Template:
    """A page in its reader's language; `values` are the template's."""
    reader = reader_of(request)
    context = {
        "reader": reader, "languages": LANGUAGES, "caller": request.scope.get("user", ANYBODY),
        "here": request.url.path, "back": _address(request), "static": static_path(),
    }  # fmt: skip
    headers = {"Content-Language": reader.tag, "Vary": "Accept-Language, Cookie"}
    return Template(template, context=context | values, status_code=status, headers=headers)


def templates() -> TemplateConfig[JinjaTemplateEngine]:
    """For the application: escaped, and a name that a template misspells is an error."""
    env = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    env.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
    return TemplateConfig(instance=JinjaTemplateEngine.from_environment(env))


def static_path() -> str:
    """Where styles and scripts are; another path once one of them differs, so that a browser may keep them."""
    return f"/static/{_digest()}"


def static_files() -> Router:
    """Serves them, compressed: nothing of them is secret, as a page's token is beside what was asked of it."""
    kept = CacheControlHeader(public=True, max_age=31_536_000, immutable=True)
    guards: list[Guard] = [requires("public")]
    compressed = DefineMiddleware(CompressionMiddleware, config=CompressionConfig("gzip"))
    return create_static_files_router(
        static_path(), [_STATIC], name="pages", cache_control=kept, guards=guards, opt={AS_ANYBODY: True},
        middleware=[compressed],
    )  # fmt: skip


@cache
def translations(language: str) -> NullTranslations:
    """The texts of a language; English ones are their own keys."""
    files = sorted((_LOCALE / language).glob("*.po"))
    if not files:
        return NullTranslations()
    whole = Catalog(locale=language)
    for file in files:
        with file.open("rb") as source:
            for message in read_po(source, locale=language):
                whole[message.id] = message
    compiled = io.BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    return Translations(compiled)


def gettext_noop(message: str) -> str:
    """The text itself, marked so that it is known for one that a page will show."""
    return message


def _address(request: Request[Any, Any, Any]) -> str:
    """The page at hand, in whatever language it is read next."""
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return request.url.path + (f"?{urlencode(asked)}" if asked else "")


@pass_context
def _gettext(context: Context, message: str) -> str:
    return translations(context["reader"].language).gettext(message)


@pass_context
def _ngettext(context: Context, one: str, many: str, count: int) -> str:
    return translations(context["reader"].language).ngettext(one, many, count)


@cache
def _digest() -> str:
    parts = (file.name.encode() + b"\0" + file.read_bytes() for file in sorted(_STATIC.iterdir()))
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def _accepted(header: str) -> Iterable[str]:
    """The languages of an `Accept-Language` (RFC 9110), the most wanted first."""
    wanted = []
    for part in header[:1000].split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            wanted.append((-float(weight or 1), tag.split("-")[0].lower()))
        except ValueError:
            continue
    return [tag for _, tag in sorted(wanted, key=lambda pair: pair[0])]
