"""Proposals become drafts: each waits for an editor, with its pictures and the tickets that it was made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count

from sqlite_utils import Database

from kb.config import Paths, Settings, zone
from kb.editing.desk import Actor, Desk
from kb.editing.proposals import Image, Proposal
from kb.editing.standing import read_text, stand
from kb.editing.states import State
from kb.errors import InputError, NotShown
from kb.ingest.articles import one_line_end, path_of, write_article
from kb.store import database, drafts

_NAME = re.compile(r"[^\W.][^/\\\x00-\x1f]{0,200}")


class Intake:
    """Takes proposals in for an editor, in whose name they wait; implements `Proposals`."""

    def __init__(self, paths: Paths, settings: Settings, actor: Actor) -> None:
        self._paths, self._actor, self._zone = paths, actor, zone(settings)
        self._desk = Desk(paths, settings)
        self._most = settings.import_image_megabytes * 1024 * 1024

    def propose(self, proposal: Proposal) -> str:
        """The id of the draft, another than asked for where that is taken; the same again where it waits already.

        Raises InputError for what is malformed.
        """
        _check_images(proposal.images, self._most)
        article = read_text(proposal.text, path_of(proposal.id), self._zone)
        with closing(database.open_for_writing(self._paths.database)) as db, database.transaction(db):
            for id_ in _ids(proposal.id):
                made, original = replace(article, id=id_), one_line_end(proposal.text)
                text = write_article(made, original=original, path=path_of(id_), timezone=self._zone)
                if _waits(db, id_, text, proposal.origin):
                    return id_
                if _is_free(db, id_) and not self._has_file(id_):
                    break
            self._desk.begin(db, self._author(proposal), id_, text, proposal.origin, proposal.tickets)
            drafts.keep_images(db, id_, ((image.name, image.content) for image in proposal.images))
        return id_

    def _author(self, proposal: Proposal) -> Actor:
        """Whoever let it in has not written it, and may approve it."""
        return replace(self._actor, id=proposal.origin)

    def _has_file(self, id_: str) -> bool:
        return (self._paths.articles / path_of(id_)).exists()


def _ids(asked: str) -> Iterator[str]:
    yield asked
    yield from (f"{asked}-{number}" for number in count(2))


def _waits(db: Database, id_: str, text: str, origin: str) -> bool:
    """Whether this very text, of this origin, is a draft already."""
    draft = drafts.read(db, id_)
    kept = drafts.version(db, id_, draft.revision) if draft is not None and draft.origin == origin else None
    return kept is not None and kept.text == text


def _is_free(db: Database, id_: str) -> bool:
    try:
        return stand(db, id_).state is State.NONE
    except NotShown:
        return False


def _check_images(images: tuple[Image, ...], most: int) -> None:
    """Raises InputError."""
    for image in images:
        if not _NAME.fullmatch(image.name) or image.name.endswith(".md"):
            raise InputError(f"image {image.name!r}: accepted is a file's name without a folder, as `steps-1.png`")
        if len(image.content) > most:
            raise InputError(f"image {image.name!r}: has {len(image.content):,} bytes, the limit is {most:,}")
