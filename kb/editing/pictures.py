"""Pictures that an editor puts beside an article: known by their bytes, kept with the edit until it is published."""

from __future__ import annotations

import hashlib
import posixpath
import re
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import quote

from kb.config import Paths, Settings
from kb.editing.standing import existing, stand
from kb.errors import InputError, NotShown
from kb.store import database, drafts

_FORMATS = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "png"),
    (re.compile(rb"\xff\xd8\xff"), "jpg"),
    (re.compile(rb"GIF8[79]a"), "gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "webp"),
)
_MEGABYTE = 1024 * 1024
_MOST = 100
_STEM = re.compile(r"[^\w.-]+")
ACCEPTED = "accepted are PNG, JPEG, GIF and WebP"


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture that is kept: its `name` beside the article, its `path` under `articles/`, and how a text shows it."""

    name: str
    path: str
    markdown: str


def keep_picture(paths: Paths, settings: Settings, id_: str, name: str, content: bytes) -> Kept:
    """Keeps a picture beside an article's edit; sent again, it is kept once. Raises NotShown, InputError."""
    if len(content) > (most := settings.import_image_megabytes * _MEGABYTE):
        raise InputError(f"the picture has {len(content):,} bytes; accepted are {most:,} (import_image_megabytes)")
    stem = stem_of(name.replace("\\", "/").rpartition("/")[2].rpartition(".")[0] or "picture")
    kept = named(stem, content)
    with closing(database.open_for_writing(paths.database)) as db, database.transaction(db):
        found = existing(db, id_)
        if len({*drafts.image_names(db, id_), kept}) > _MOST:
            raise InputError(f"an edit may have {_MOST} pictures beside it; publish it first")
        drafts.keep_images(db, id_, [(kept, content)])
    return Kept(kept, posixpath.join(posixpath.dirname(found.path), kept), f"![{stem}]({quote(kept)})")


def draft_picture(paths: Paths, id_: str, path: str) -> bytes | None:
    """The picture beside an article's edit that will lie at `path` under `articles/`; None where there is none."""
    folder, name = posixpath.split(path)
    with closing(database.open_for_reading(paths.database)) as db:
        try:
            if posixpath.dirname(stand(db, id_).path) != folder:
                return None
        except NotShown:
            return None
        return drafts.image(db, id_, name)


def named(stem: str, content: bytes) -> str:
    """The name of a picture, which holds its own hash. Raises InputError where its bytes are no picture's."""
    if (form := next((form for start, form in _FORMATS if start.match(content)), None)) is None:
        raise InputError(f"by its bytes it is no such picture; {ACCEPTED}")
    return f"{stem}-{hashlib.sha256(content).hexdigest()[:10]}.{form}"


def stem_of(id_: str) -> str:
    """The beginning of a picture's name: the last part of an article's id, or of a file's name, safe in an address."""
    return _STEM.sub("-", id_.rpartition("/")[2]).strip("-.")[:60] or "picture"
