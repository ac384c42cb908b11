"""One answer in the form that a channel can show: never other facts, never other sources.

A form is put together from the answer's own sentences. Where a channel has a limit, whole sentences are left out from
the end, never part of one, and the article's address is given instead; the first sentence and what is urgent always
stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from kb.answer.citations import Citation
from kb.answer.html import page
from kb.answer.notices import Notice
from kb.answer.speech import spoken
from kb.answer.streaming import Answers, Told, joined, repeats, told
from kb.model import Action

Channel = Literal["sms", "ivr", "wechat", "web", "app", "markdown", "cards"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)
"""The channels that have a form of their own; any other name is only recorded."""
_ESCAPED = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]<>#|~"})


class Choice(Protocol):
    """One of the things that a question may mean."""

    @property
    def label(self) -> str:
        """What to call it."""


class Shows(Answers, Protocol):
    """An answer with all that a channel may show of it."""

    @property
    def actions(self) -> tuple[Action, ...]:
        """Next steps."""

    @property
    def options(self) -> Sequence[Choice]:
        """Between what the answer asks back."""


@dataclass(frozen=True, slots=True)
class Button:
    """Something to press: it leads to a `link`, or says `reply` as the customer's next turn."""

    label: str
    link: str | None = None
    reply: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A title, a text, and what can be pressed below; `urgent` where it is a danger's."""

    title: str | None
    text: str
    buttons: tuple[Button, ...] = ()
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """An answer as a channel shows it: `text` of `media_type`, and for the channel `cards` those.

    `cut` says how many sentences a limit left out; `link` is the article's address.
    """

    channel: Channel
    media_type: str
    text: str
    link: str | None
    cut: int = 0
    cards: tuple[Card, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """The most characters of a channel's text, the address not counted; 0 sets none."""

    sms: int = 0
    ivr: int = 0


def is_channel(name: str | None) -> bool:
    """Whether a channel has a form of its own."""
    return name in CHANNELS


def form(answer: Shows, channel: Channel, *, site: str = "", limits: Limits = Limits()) -> Form:
    """The answer for a channel; `site` is the origin that its relative addresses are put behind."""
    shown = [_with_site(part, site) for part in told(answer)]
    link = next((part.citation.url for part in reversed(shown) if part.citation and part.citation.url), None)
    actions = tuple(Action(action.label, _absolute(action.link, site)) for action in _actions(answer))
    if channel == "ivr":
        kept = _within(shown, limits.ivr, spoken)
        return Form(channel, "text/plain", spoken(joined(kept)), link, len(shown) - len(kept))
    if channel == "sms":
        kept = _within(shown, limits.sms, str)
        cut = len(shown) - len(kept)
        return Form(channel, "text/plain", "\n".join([joined(kept), *([link] if cut and link else [])]), link, cut)
    if channel == "wechat":
        return Form(channel, "text/plain", _plain(joined(shown), actions, link), link)
    if channel == "web":
        return Form(channel, "text/html", page(shown, actions, [o.label for o in answer.options]), link)
    if channel == "cards":
        return Form(channel, "text/plain", joined(shown), link, cards=_cards(answer, actions, site))
    return Form(channel, "text/markdown", _markdown(shown, actions), link)


def _actions(answer: Shows) -> tuple[Action, ...]:
    """What is urgent first, each once."""
    urgent = answer.urgent.actions if answer.urgent else ()
    return tuple(dict.fromkeys((*urgent, *answer.actions)))


def _within(parts: Sequence[Told], most: int, written: Callable[[str], str]) -> list[Told]:
    """The sentences that fit, from the first; whatever is urgent and one sentence more are kept in any case."""
    if not most:
        return list(parts)
    urgent = sum(part.urgent for part in parts)
    kept = list(parts[: max(1, urgent)])
    for part in parts[len(kept) :]:
        if len(written(joined([*kept, part]))) > most:
            break
        kept.append(part)
    return kept


def _plain(text: str, actions: Sequence[Action], link: str | None) -> str:
    lines = [text, *(f"{action.label}: {action.link}" for action in actions), *([link] if link else [])]
    return "\n".join(lines)


def _markdown(parts: Sequence[Told], actions: Sequence[Action]) -> str:
    """Text that a renderer shows as it is, with numbered sources."""
    sources = list(dict.fromkeys(part.citation for part in parts if part.citation))
    text = joined([_told(part, part.text.translate(_ESCAPED)) for part in parts])
    text = text.replace("\n", "  \n")  # a line end that Markdown keeps
    seen = dict.fromkeys((c.title, c.url) for c in sources)
    named = [f"- [{_escaped(title)}](<{url}>)" if url else f"- {_escaped(title)}" for title, url in seen]
    steps = [f"- [{_escaped(action.label)}](<{action.link}>)" for action in actions]
    return "\n\n".join(part for part in (text, "\n".join(steps), "\n".join(named)) if part)


def _cards(answer: Shows, actions: Sequence[Action], site: str) -> tuple[Card, ...]:
    own = {(action.label, _absolute(action.link, site)) for action in answer.actions}
    buttons = [Button(action.label, action.link) for action in actions]
    choices = [Button(choice.label, reply=choice.label) for choice in answer.options]
    first = [] if answer.urgent is None else [_notice(answer.urgent, site)]
    if repeats(answer):
        return tuple(first)
    title = answer.citations[0].title if answer.citations else None
    steps = [button for button in buttons if (button.label, button.link) in own]
    return (*first, Card(title, answer.text, (*steps, *choices)))


def _notice(notice: Notice, site: str) -> Card:
    buttons = tuple(Button(action.label, _absolute(action.link, site)) for action in notice.actions)
    return Card(notice.title, notice.text, buttons, urgent=True)


def _with_site(part: Told, site: str) -> Told:
    if part.citation is None or part.citation.url is None:
        return part
    cited = part.citation
    absolute = Citation(
        cited.document_id, cited.revision, cited.title, cited.heading, cited.start, cited.end, cited.quote,
        _absolute(cited.url, site) if cited.url else None,
    )  # fmt: skip
    return Told(part.text, part.before, absolute, part.urgent)


def _told(part: Told, text: str) -> Told:
    return Told(text, part.before, part.citation, part.urgent)


def _absolute(link: str, site: str) -> str:
    return f"{site}{link}" if link.startswith("/") else link


def _escaped(text: str) -> str:
    return text.translate(_ESCAPED)
