"""A centre's own fusion weights and confidence, in `data/calibration.json`; without it, those that kb ships."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass

import msgspec

from kb.config import Paths
from kb.errors import SettingsError
from kb.search import confidence, fusion
from kb.search.confidence import Confidence
from kb.search.fusion import Fusion
from kb.search.synonyms import Synonyms

log = logging.getLogger("kb.tuning")


@dataclass(frozen=True, slots=True)
class Models:
    """What ranks and judges: the weights, and the target that the operator set."""

    fusion: Fusion
    confidence: Confidence
    fingerprint: str
    min_confidence: float | None
    max_wrong: float | None
    synonyms: Synonyms

    @property
    def weights(self) -> dict[str, float]:
        """Of the fused score, for the embedding model in use."""
        return self.fusion.weights(self.fingerprint)

    def threshold(self, language: str) -> float:
        """The probability at or above which a question in a language is answered."""
        return threshold(self.confidence, language, self.min_confidence, self.max_wrong)


def threshold(judge: Confidence, language: str, min_confidence: float | None, max_wrong: float | None) -> float:
    """The probability at or above which a question in a language is answered, as the operator chose."""
    return judge.of(language).threshold(max_wrong) if min_confidence is None else min_confidence


class Tuning(msgspec.Struct, frozen=True):
    """What ranks and what judges."""

    fusion: Fusion
    confidence: Confidence


def load(paths: Paths, fingerprint: str) -> Tuning:
    """The home's tuning where it was fitted with this embedding model, else the shipped one; the log says why.

    Raises SettingsError where the file is damaged.
    """
    own = _read(paths)
    if own is not None and own.fusion.knows(fingerprint):
        return own
    if own is not None:
        log.warning("%s was fitted with another embedding model and is not used: run `kb calibrate`", paths.calibration)
    shipped = Tuning(fusion.shipped(), confidence.shipped())
    if not shipped.fusion.knows(fingerprint):
        log.warning(
            "kb's ranking was fitted with another embedding model: ranks stand in for scores, and confidence is a rough"
            " guess until `kb calibrate` is run"
        )
    return shipped


def name_of(tuning: Tuning) -> str:
    """A short name by its content: the same weights, the same name."""
    return hashlib.sha256(msgspec.json.encode(tuning, order="deterministic")).hexdigest()[:16]


def save(paths: Paths, tuning: Tuning) -> None:
    """Replaces the home's tuning in one step. Raises OSError."""
    paths.calibration.parent.mkdir(parents=True, exist_ok=True)
    temporary = paths.calibration.with_suffix(".new")
    with temporary.open("wb") as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(tuning), indent=1) + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(paths.calibration)


def _read(paths: Paths) -> Tuning | None:
    try:
        return msgspec.json.decode(paths.calibration.read_bytes(), type=Tuning)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise SettingsError(f"{paths.calibration}: {error}: delete it, or run `kb calibrate` again") from error
