"""The embedding models at hand, each loaded once: that of the settings, and that of whatever generation is live."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection

import msgspec

from kb.config import Settings
from kb.errors import ModelMissing
from kb.search.embedding import Embedder, describe
from kb.search.generation import Manifest


class Embedders:
    """Embedders by the fingerprint of their model; safe to share between threads."""

    def __init__(self, *given: Embedder) -> None:
        self._held = {embedder.spec.fingerprint: embedder for embedder in given}
        self._lock = threading.Lock()

    def of(self, settings: Settings) -> Embedder:
        """The model that the settings name, not loaded yet if it is new here. Raises ModelMissing."""
        spec = describe(settings.model, query_prompt=settings.query_prompt, passage_prompt=settings.passage_prompt)
        with self._lock:
            return self._held.setdefault(spec.fingerprint, Embedder(spec, runtime=settings.runtime))

    def fitting(self, manifest: Manifest, settings: Settings) -> tuple[Settings, Embedder]:
        """The model that a generation was built with, and the settings changed so that they name it.

        Raises ModelMissing where it cannot be had, or its files are others now.
        """
        for candidate in (settings, _naming(manifest, settings)):
            try:
                found = self.of(candidate)
            except ModelMissing:
                continue
            if found.spec.fingerprint == manifest.fingerprint:
                return candidate, found
        raise ModelMissing(
            f"generation {manifest.generation} was built with model {manifest.model!r} ({manifest.fingerprint}),"
            " which is not to be had: put it back, or run `kb reindex`"
        )

    def batches(self) -> Counter[int]:
        """How many runs of these models there were for questions, by how many texts they had."""
        with self._lock:
            held = list(self._held.values())
        return sum((embedder.batches for embedder in held), Counter())

    def forget(self, *, all_but: Collection[str]) -> None:
        """Lets go of the models of all other fingerprints."""
        with self._lock:
            self._held = {name: embedder for name, embedder in self._held.items() if name in all_but}


def _naming(manifest: Manifest, settings: Settings) -> Settings:
    prompts = {"query_prompt": manifest.query_prompt, "passage_prompt": manifest.passage_prompt}
    return msgspec.structs.replace(settings, model=manifest.model, **prompts)
