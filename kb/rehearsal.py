"""What a rehearsal measured: a new generation asked the same questions as the live one, before it takes its place."""

from __future__ import annotations

from dataclasses import dataclass

MOST_LOST = 0.02
"""How much of the golden questions' recall@5 a new generation may lose."""
LEAST_EXACT = 0.95
"""The least recall@10 of a vector list against exact search."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One set of questions put to one generation; shares in [0, 1], None where nothing was expected; milliseconds."""

    recall_at_1: float | None
    recall_at_5: float | None
    latency_p50: float
    latency_p95: float


@dataclass(frozen=True, slots=True)
class Trial:
    """One set of questions put to both generations.

    `overlap_at_10`: the share of the live one's first ten documents that the new one also has, over the questions that
    found any. `changed` answers are told by both, with other words or sources; `refused` and `answered` newly.
    """

    name: str
    questions: int
    live: Asked
    new: Asked
    overlap_at_10: float | None
    changed: int
    refused: int
    answered: int


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Trials of generation `new` against `live`, and the recall@10 of its vector list against exact search.

    `same_content` says whether both hold the same documents, so that what was lost was lost by the index or its model.
    """

    live: int
    new: int
    live_model: str
    new_model: str
    trials: tuple[Trial, ...] = ()
    exact_recall_at_10: float | None = None
    same_content: bool = True
    notes: tuple[str, ...] = ()

    @property
    def objections(self) -> tuple[str, ...]:
        """Why the new generation should not take the live one's place, with the figures."""
        found = [text for trial in self.trials if (text := self._lost(trial))]
        if self.exact_recall_at_10 is not None and self.exact_recall_at_10 < LEAST_EXACT:
            found.append(
                f"its vector list finds {self.exact_recall_at_10:.3f} of what exact search finds, at least"
                f" {LEAST_EXACT} is asked for"
            )
        return tuple(found)

    def _lost(self, trial: Trial) -> str | None:
        before, after = trial.live.recall_at_5, trial.new.recall_at_5
        if trial.name != GOLDEN or not self.same_content or before is None or after is None:
            return None
        if round(before - after, 4) <= MOST_LOST:
            return None
        return (
            f"recall@5 of {trial.questions} golden questions falls from {before:.3f} to {after:.3f}, by more than"
            f" {MOST_LOST}"
        )


GOLDEN, OWN = "golden", "own"
"""The names of the trials: the centre's golden questions; titles and curated questions of its own articles."""
