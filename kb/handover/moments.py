"""Waiting and opening times in words, in the reader's language."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.units import format_unit

_WEEK = 6
"""Days ahead up to which a weekday alone says which day is meant."""


def locale_of(language: str) -> str:
    """The locale that a language's dates are written in."""
    if language.startswith("zh"):
        return "zh_Hant" if language == "zh-Hant" else "zh_Hans"
    return "en_GB"


def duration(minutes: int, language: str) -> str:
    """`4 minutes`, `3 hours`; at least a minute."""
    units = ((2 * 1440, 1440, "day"), (120, 60, "hour"), (0, 1, "minute"))
    size, unit = next((size, unit) for least, size, unit in units if minutes >= least)
    return format_unit(max(1, round(minutes / size)), f"duration-{unit}", locale=locale_of(language))


def moment(text: str, language: str, zone: tzinfo | None = None, *, now: datetime | None = None) -> str:
    """An ISO 8601 time as `Monday 09:00`, with its date where that is far off; the text itself where it is none.

    In `zone`, or as it is written.
    """
    locale = locale_of(language)
    try:
        if len(text) == len("2026-11-30"):
            return format_date(date.fromisoformat(text), "full", locale)
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    at = at.astimezone(zone) if zone else at
    near = (at.date() - (now or datetime.now(at.tzinfo)).astimezone(at.tzinfo).date()).days <= _WEEK
    written = "EEEE" if near else str(Locale.parse(locale).datetime_skeletons["MMMEd"])
    return f"{format_datetime(at, written, at.tzinfo, locale)} {format_datetime(at, 'HH:mm', at.tzinfo, locale)}"


def day(text: str, language: str, zone: tzinfo) -> str:
    """The day of an ISO 8601 time, such as `30 November 2026`."""
    return format_date(datetime.fromisoformat(text).astimezone(zone).date(), "long", locale_of(language))
