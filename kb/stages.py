"""Where the time of one question goes: seconds by stage, measured as it passes through them."""

from __future__ import annotations

from time import perf_counter

UNDERSTOOD, EMBEDDED, KEYWORDS, VECTORS = "understood", "embedded", "keywords", "vectors"
JUDGED, SHOWN, COMPOSED, GENERATED = "judged", "shown", "composed", "generated"
STAGES = {
    UNDERSTOOD: "mended, its product and its words' alternatives found",
    EMBEDDED: "its vector made, or waited for",
    KEYWORDS: "the keyword list",
    VECTORS: "the vector list",
    JUDGED: "signs, fusion, families, duplicates and confidence",
    SHOWN: "a search's hits: highlights and neighbouring passages",
    COMPOSED: "an answer's sentences and citations, or its refusal",
    GENERATED: "a language model asked and its sentences checked, or those of before found",
}
"""The stages in the order in which a question passes them; some are passed once for each lane."""


class Stages:
    """Counts from when it is made; `speaks` is the asker's language once that is known, a BCP 47 tag."""

    __slots__ = ("_last", "seconds", "speaks")

    def __init__(self) -> None:
        self._last = perf_counter()
        self.seconds: dict[str, float] = {}
        self.speaks = ""

    def ended(self, stage: str) -> None:
        """The time since the stage before ended was this one's."""
        now = perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now
