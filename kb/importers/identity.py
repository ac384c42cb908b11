"""The id that an imported file asks for: by its path, the same at every import, and no two the same."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath

from kb.ingest.fields import identifier_trouble

_ORDER = (".md", ".markdown", ".html", ".htm", ".docx")
_REFUSED = re.compile(r"[\\\x00-\x1f\x7f]|\.\.+")
_SLUG = re.compile(r"""[\s/\\.:?*"<>|#%&{}$!'`@+=,;()\[\]，。：；？！、“”‘’（）《》【】]+""")
_LONGEST = 120  # bytes of a question in an id: file names may have 255
_HASH = 8


def ids_of(paths: Sequence[str], under: str = "") -> list[str]:
    """The id of each path, in the same order: itself without its ending, in NFC, below `under`.

    Where two would be the same, the first in the order md, html, docx has it, and the others have their ending added.
    """
    found: dict[int, str] = {}
    taken: set[str] = set()
    for number, path in sorted(enumerate(paths), key=lambda pair: (_rank(pair[1]), pair[1], pair[0])):
        ending = PurePosixPath(path).suffix
        plain = _clean(f"{under}/{path.removesuffix(ending)}".strip("/"))
        choices = [plain, f"{plain}-{ending.removeprefix('.').lower()}", f"{plain}-{_hash(path)}"]
        choices += [f"{plain}-{_hash(f'{path} {n}')}" for n in range(2, len(paths) + 2)]
        found[number] = next(id_ for id_ in choices if id_.casefold() not in taken)
        taken.add(found[number].casefold())
    return [found[number] for number in range(len(paths))]


def id_of_question(stem: str, question: str) -> str:
    """The id of a row of a table: by its question alone, so that rows may move.

    Where the question had to be shortened or changed, its hash is added: two such questions keep two ids.
    """
    normal = unicodedata.normalize("NFC", question.strip())
    slug = _SLUG.sub("-", normal).strip("-").lower()
    short = slug.encode()[:_LONGEST].decode("utf-8", "ignore").strip("-")
    if short != _without_end(normal).lower() or not short:
        short = f"{short}-{_hash(normal.lower())}".strip("-")
    return f"{_clean(stem)}/{short}"


def _without_end(question: str) -> str:
    return question.rstrip("?？!！.。 ")


def _rank(path: str) -> int:
    ending = PurePosixPath(path).suffix.lower()
    return _ORDER.index(ending) if ending in _ORDER else len(_ORDER)


def _clean(id_: str) -> str:
    """What may be an id: see `identifier_trouble`."""
    parts = [_REFUSED.sub("-", part).strip() for part in unicodedata.normalize("NFC", id_).split("/")]
    cleaned = "/".join(part for part in parts if part not in ("", ".")) or "import"
    return cleaned if identifier_trouble(cleaned) is None else f"import-{_hash(id_)}"


def _hash(text: str) -> str:
    return hashlib.sha256(unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")).hexdigest()[:_HASH]
