"""Personal data out of a text before anything is stored: typed placeholders in, a count of what was found."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kb.ingest.addresses import find_addresses
from kb.ingest.emails import find_emails
from kb.ingest.known import Known, find_known, number_pattern
from kb.ingest.names_chinese import find_chinese_names
from kb.ingest.names_english import find_english_names
from kb.ingest.names_spelled import find_spelled_names
from kb.ingest.numerals import digits_of, find_cards, find_ibans, find_kept, find_resident_ids
from kb.ingest.phones import find_phones
from kb.ingest.spans import KEPT, PLACEHOLDERS, Span, cover, fold
from kb.ingest.spoken import find_spoken

__all__ = ["PLACEHOLDERS", "Known", "Redaction", "Redactor"]

_Detector = Callable[[str], list[Span]]
_REGIONS = ("CN", "HK", "TW", "GB", "SG", "US")
_SHORTEST_KEPT = 5
_MOST_PASSES = 16  # two is usual; a list of many names takes one more for each


@dataclass(frozen=True, slots=True)
class Redaction:
    """A text without personal data, and how many pieces of each kind were replaced, in the order of `PLACEHOLDERS`."""

    text: str
    found: tuple[tuple[str, int], ...] = ()


class Redactor:
    """Removes personal data from texts in Chinese and English; the same result when applied twice.

    `keep` lists what the centre publishes (its own numbers, e-mail and postal addresses), in any layout.
    `regions` are the ISO 3166 countries whose telephone numbers written without a country code are known.
    """

    def __init__(self, *, keep: Sequence[str] = (), regions: Sequence[str] = _REGIONS) -> None:
        self._regions = tuple(regions)
        self._kept_digits = frozenset(_variants(keep))
        self._kept = re.compile("|".join(_kept_patterns(keep)) or r"(?!)", re.IGNORECASE)

    def redact(self, text: str, known: Known = Known()) -> Redaction:  # noqa: B008 - frozen
        """`text` with every piece of personal data replaced by its placeholder.

        Repeats until a pass finds nothing, so that what a placeholder reveals about its neighbours is used too, but
        at most `_MOST_PASSES` times.
        """
        counts: Counter[str] = Counter()
        for _ in range(_MOST_PASSES):
            if not (spans := self._find(text, known)):
                break
            counts.update(span.kind for span in spans)
            text = _replace(text, spans)
        return Redaction(text, tuple((kind, counts[kind]) for kind in PLACEHOLDERS if counts[kind]))

    def _find(self, text: str, known: Known) -> list[Span]:
        """The spans of one pass, in order, as offsets of `text` itself."""
        folded = fold(text)
        seen, found = folded.text, []
        for detect in self._detectors(known):
            spans = _disjoint(detect(seen))
            seen = cover(seen, spans)
            found += [Span(*folded.original(span), span.kind) for span in spans if span.kind != KEPT]
        return sorted(found)

    def _detectors(self, known: Known) -> tuple[_Detector, ...]:
        """Most certain first: each sees only what the ones before it left."""
        return (
            self._find_kept_numbers,
            lambda text: find_known(text, known),
            find_emails,
            find_ibans,
            find_resident_ids,
            find_cards,
            self._find_numbers,
            find_addresses,
            find_chinese_names,
            find_english_names,
            find_spelled_names,
        )

    def _find_numbers(self, text: str) -> list[Span]:
        """Digits read aloud and telephone numbers, outside what merely names a thing.

        Only here is that covered: the 3B of a flat and the first half of a postcode look like identifiers too.
        """
        guarded = cover(text, find_kept(text))
        spoken = find_spoken(guarded, self._kept_digits)
        return spoken + find_phones(cover(guarded, spoken), self._regions)

    def _find_kept_numbers(self, text: str) -> list[Span]:
        return [Span(*m.span(), KEPT) for m in self._kept.finditer(text)]


def _kept_patterns(keep: Sequence[str]) -> list[str]:
    literal = [re.escape(fold(item).text) for item in keep if item.strip()]
    numbers = [pattern for item in keep if not any(c.isalpha() for c in item) if (pattern := number_pattern(item))]
    return literal + numbers


def _variants(keep: Sequence[str]) -> list[str]:
    digits = [digits_of(fold(item).text) for item in keep]
    return [n for n in digits if len(n) >= _SHORTEST_KEPT]


def _disjoint(spans: list[Span]) -> list[Span]:
    """Overlapping finds of one detector as one span, of the kind that starts first."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end)):
        if merged and span.start < merged[-1].end:
            merged[-1] = merged[-1]._replace(end=max(merged[-1].end, span.end))
        elif span.start < span.end:
            merged.append(span)
    return merged


def _replace(text: str, spans: list[Span]) -> str:
    parts, end = [], 0
    for span in spans:
        parts += [text[end : span.start], PLACEHOLDERS[span.kind]]
        end = span.end
    return "".join([*parts, text[end:]])


LEAD = 40
"""Characters of the turn before, by which a name is known that stands alone."""


def redacted_after(redactor: Redactor, before: str, turn: str) -> str:
    """A turn, redacted as what follows the one before it."""
    if not before:
        return redactor.redact(turn).text
    end = " ".join(before[-LEAD:].split())
    both = redactor.redact(f"{end}\n{turn}").text
    return both.partition("\n")[2] or both
