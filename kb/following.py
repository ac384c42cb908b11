"""The knowledge base of a running process: it follows what is live, and takes up another model when that is."""

from __future__ import annotations

import logging

from kb.authoring import Author
from kb.config import Paths, Settings
from kb.embedders import Embedders
from kb.errors import IndexMismatch, ModelMissing
from kb.knowledge import KnowledgeBase
from kb.results import Ask
from kb.search import succession
from kb.search.embedding import Embedder, describe
from kb.search.lexicon import common_characters, english_words
from kb.search.tokens import Tokens
from kb.search.translations import read_dictionary

_FIRST_QUESTIONS = ("Where is my parcel?", "我的包裹在哪里")
"""Dictionaries are read by the first question in a language; a crowd of first ones would read them once each."""
log = logging.getLogger("kb")


class Following:
    """Follows one home; `embedders` are shared with whoever writes there."""

    def __init__(self, paths: Paths, settings: Settings, author: Author | None = None) -> None:
        """Raises ModelMissing where the settings name a model that is not to be had."""
        self._paths, self._settings, self._author = paths, settings, author
        self.embedders = Embedders()
        self.embedders.of(settings)
        self.knowledge: KnowledgeBase | None = None
        self._told = ""

    def look(self) -> None:
        """Brings the knowledge base up to what is live now; until another model is loaded, the one before answers.

        Raises the KbError that keeps it from that.
        """
        try:
            if self.knowledge is not None:
                self.knowledge.reader.refresh()
                return
        except IndexMismatch as error:
            log.info("%s", error)
        self.knowledge = self._opened()
        self.embedders.forget(all_but={self.knowledge.fingerprint})

    def live_model(self) -> tuple[Settings, Embedder]:
        """The settings and model that fit what is live; the process's own where nothing is, or its model is gone."""
        live = succession.live(self._paths.index)
        try:
            if live is not None:
                return self.embedders.fitting(live, self._settings)
        except ModelMissing as error:
            log.warning("%s", error)
        return self._settings, self.embedders.of(self._settings)

    def _opened(self) -> KnowledgeBase:
        settings, embedder = self.live_model()
        opened = KnowledgeBase(self._paths, settings, embedder=embedder, author=self._author)
        opened.warm()
        for question in _FIRST_QUESTIONS:
            opened.search(Ask(question))
        if settings != self._settings and embedder.spec.fingerprint != self._told:
            self._told = embedder.spec.fingerprint
            log.warning(
                "the live index is of model %r, the settings name %r: set `model` in kb.toml, or change back with"
                " `kb reindex --model %s`",
                settings.model,
                self._settings.model,
                self._settings.model,
            )
        return opened


def read_ahead(settings: Settings) -> None:
    """Reads a model's vocabulary and the dictionaries, which are the same in every process. Raises KbError."""
    spec = describe(settings.model, query_prompt=settings.query_prompt, passage_prompt=settings.passage_prompt)
    Tokens(spec).tokenizer.get_vocab_size()
    english_words(), common_characters()
    read_dictionary()
