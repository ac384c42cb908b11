"""`/agent`: the console of whoever is on the phone with a customer; the page of which `agent.js` makes all the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from babel import Locale, UnknownLocaleError
from litestar import Request, get
from litestar.datastructures import State
from litestar.params import FromQuery, QueryParameter
from litestar.response import Template

from kb.access.callers import Caller
from kb.errors import KbError
from kb.facets import Facets, Narrowing
from kb.questions import MAX_QUESTION
from kb.web import asking
from kb.web.headers import FRAMED
from kb.web.pages.interface import gettext_noop as _
from kb.web.pages.interface import reader_of
from kb.web.pages.staff import for_staff, staff_page

REASONS = (
    ("wrong", _("It is wrong")),
    ("outdated", _("It is out of date")),
    ("incomplete", _("Something is missing")),
    ("unclear", _("It is hard to understand")),
    ("not_my_question", _("It is about something else")),
    ("other", _("Something else is the matter")),
)
"""Why something did not help, by the digit that chooses it; the names are those of feedback."""
KEYS = (
    (("Enter",), _("Search, and count it; on a result: open it")),
    (("Alt", "1…9"), _("Open the article of that number")),
    (("↓", "↑"), _("Go through the results")),
    (("Alt", "T"), _("To the tickets")),
    (("Esc",), _("Back to the search field")),
    (("Alt", "C"), _("Copy for the customer")),
    (("Alt", "I"), _("Copy for colleagues, marked INTERNAL")),
    (("Alt", "Y"), _("It helped")),
    (("Alt", "N"), _("It did not help; a digit says why")),
    (("Alt", "R"), _("All filters off")),
    (("Alt", "B"), _("Back to what was open before, or close it")),
    (("Alt", "Shift", "1…9"), _("On a call: open the suggestion of that number")),
    (("Alt", "S"), _("Step done")),
    (("Alt", "X"), _("This did not help")),
    (("Alt", "Z"), _("One step back")),
    (("Alt", "K"), _("Copy as a call note")),
    (("Alt", "A"), _("I have read it")),
    (("?",), _("This list, outside of the search field")),
)
"""What the keyboard does, and what it is called."""
MOST = 200
"""Products, and tags, to choose from: nobody looks through more."""
_NOTHING = Narrowing((), (), ())
_Text = Annotated[str, QueryParameter(max_length=MAX_QUESTION)]


@get("/agent", sync_to_thread=True, **for_staff("agent", **{FRAMED: True}))
def agent(
    request: Request[Caller, Any, State],
    state: State,
    q: _Text = "",
    product: FromQuery[str] = "",
    language: FromQuery[str] = "",
    tag: FromQuery[str] = "",
    model: FromQuery[str] = "",
) -> Template:
    """Filled in by its address, as another system opens it; `call` and `open` are the scripts' own."""
    narrowing, chosen = _narrowing(request, state), {"language": language.split("-")[0], "tag": tag}
    known = product in narrowing.products
    # A product that nothing here is of narrows to nothing; as what is known of the customer it still weighs.
    chosen |= {"product": product if known else "", "model": model or ("" if known else product)}
    name = reader_of(request).language
    choices = (
        ("product", _("All products"), _("Product"), _options(narrowing.products, product)),
        ("language", _("All languages"), _("Language"), [(one, _language(one, name)) for one in narrowing.languages]),
        ("tag", _("All tags"), _("Tag"), _options(narrowing.tags, tag)),
    )
    return staff_page(
        request, "agent.html", q=q, chosen=chosen, choices=choices, unknown_product="" if known else product,
        reasons=REASONS, keys=KEYS,
    )  # fmt: skip


HANDLERS = (agent,)


def _narrowing(request: Request[Caller, Any, State], state: State) -> Narrowing:
    """Nothing where nothing can be read at the moment: the page is shown all the same."""
    facets: Facets = state.facets
    try:
        return facets.of(asking.service_of(state).knowledge, request.user.audiences)
    except KbError:
        return _NOTHING


def _options(names: Sequence[str], chosen: str) -> list[tuple[str, str]]:
    """The most used ones, and the one that is chosen."""
    shown = {*names[:MOST], *({chosen} & set(names))}
    return [(name, name) for name in sorted(shown)]


def _language(tag: str, reader: str) -> str:
    try:
        return Locale.parse(tag, sep="-").get_display_name(reader) or tag
    except (ValueError, UnknownLocaleError):
        return tag
