"""Articles edited in tests: orders to a centre's one writer, and looks at what files and database say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from conftest import Centre

from kb.editing.desk import Actor, Desk
from kb.editing.publication import Order
from kb.editing.standing import Standing, stand
from kb.editing.states import Move
from kb.progress import silent
from kb.store import database, documents
from kb.writer import Writer, writer_lock

LI, WANG, EVA = (Actor(name, "editor") for name in ("li", "wang", "eva"))


def text(word: str, **front: str) -> str:
    """An article's whole file that says one word."""
    keys = "".join(f"{key}: {value}\n" for key, value in ({"language": "en"} | front).items())
    return f"---\n{keys}---\n# Lamp\n\nThe lamp is {word}.\n"


class Editors:
    """A centre's editors: light moves through a desk, the others through its writer."""

    def __init__(self, centre: Centre, *, approval: bool = False) -> None:
        self.centre, self.paths = centre, centre.paths
        centre.settings = self.settings = msgspec.structs.replace(centre.settings, approval=approval)
        self.desk = Desk(centre.paths, centre.settings)

    def standing(self, id_: str = "lamp") -> Standing:
        db = database.open_for_writing(self.paths.database)
        try:
            return stand(db, id_)
        finally:
            db.close()

    def number(self, id_: str = "lamp") -> int:
        return self.standing(id_).number

    def write(self, work: Callable[[Writer], Any]) -> Any:
        with writer_lock(self.paths):
            writer = Writer(self.paths, self.settings, embedder=self.centre.embedder)
            try:
                return work(writer)
            finally:
                writer.close()

    def order(self, move: Move, id_: str = "lamp", actor: Actor = LI, match: int | None = None, **more: Any) -> None:
        match = self.number(id_) if match is None else match
        self.write(lambda writer: writer.carry_out(Order(move, id_, match, actor.id, actor.role, **more), silent))

    def publish(self, id_: str = "lamp", actor: Actor = LI, **more: Any) -> None:
        self.order(Move.PUBLISH, id_, actor, **more)

    def live(self, id_: str = "lamp") -> str | None:
        """The word that search finds, and that the store holds published."""
        state = self.standing(id_).held
        if state is None or state.status != "published":
            return None
        db = database.open_for_writing(self.paths.database)
        try:
            return documents.read(db, id_, state.revision).body.split(" is ")[1].split(".")[0]  # type: ignore[union-attr]
        finally:
            db.close()

    def file(self, id_: str = "lamp") -> str | None:
        """The word that the file says, whatever its status."""
        file = self.paths.articles / f"{id_}.md"
        return file.read_text("utf-8").split(" is ")[1].split(".")[0] if file.exists() else None
