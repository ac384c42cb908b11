"""Homes of many passages, made of a few thousand by `kb` itself, and questions for them.

The passages are those of zh-wiki, en-faq and the sample, each several times with a fifth of its words exchanged for
words of the same language, and with its vector moved a little; one in ten is for agents, one in ten a ticket, unless
all are to be public.
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rjieba
from numpy.typing import NDArray
from sets import DATA, ROOT, SHARED, evaluation_sets, say

from kb.config import Paths, load_settings
from kb.evaluation.golden import GoldenQuestion, read_golden
from kb.search.embedding import ModelSpec, describe
from kb.writer import Writer, writer_lock

SOURCES = ("zh-wiki", "en-faq", "sample")
EXCHANGED = 0.2
MOVED = 0.3
"""Length of the random vector added to a passage's unit vector: the cosine to where it was is about 0.96."""
SEED = 20261124
MADE_OF = "made-of.json"
"""The documents of the sources in order: record number n is made of the one at n modulo their number."""
_FIRST = ("alfa", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo", "lima")
_SECOND = ("mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango", "uniform", "victor", "whiskey")
ALPHABET = (*_FIRST, *_SECOND, "xray", "yankee", "zulu")
AFTER = " · "
"""Stands in a title between the record's number, spelled, and the first line of what it is made of."""
QUESTIONS = """Questions are the golden ones of zh-wiki, en-faq, en-conversations and the sample, shuffled; once all
were asked, again and again with one word exchanged for a word of another question of the same language. None is asked
twice, so that no cache knows it."""


@dataclass(frozen=True)
class Source:
    """A passage to make others from: its document, first line, text, language and vector."""

    document: str
    lead: str
    text: str
    language: str
    vector: NDArray[np.float32]


class Moved:
    """In place of the model while the home is made: a passage gets its source's vector, moved a little."""

    def __init__(self, spec: ModelSpec, by_name: Mapping[str, Source]) -> None:
        self.spec, self._by_name, self._chance = spec, by_name, np.random.default_rng(SEED)

    def passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """`(n, dim)` float32 of unit length."""
        near = np.stack([self._by_name[text.partition(AFTER)[0]].vector for text in texts])
        return moved(near, self._chance)


class Exchanging:
    """Texts with a fifth of their words exchanged for others of the same language."""

    def __init__(self, texts: Sequence[str], languages: Sequence[str]) -> None:
        self._cut = [rjieba.cut(text) for text in texts]
        self._languages = languages
        self._words: dict[str, list[str]] = defaultdict(list)
        for language, parts in zip(languages, self._cut, strict=True):
            self._words[language] += [part for part in parts if part.strip() and part.isalnum()]
        self._chance = random.Random(SEED)

    def exchanged(self, at: int) -> str:
        """The text at a position, anew at every call."""
        pool, chance = self._words[self._languages[at]], self._chance
        return "".join(chance.choice(pool) if chance.random() < EXCHANGED and p.isalnum() else p for p in self._cut[at])

    def with_one(self, at: int) -> str:
        """The text at a position with one word exchanged, where it has any."""
        parts, pool = list(self._cut[at]), self._words[self._languages[at]]
        if places := [place for place, part in enumerate(parts) if part.isalnum()]:
            parts[self._chance.choice(places)] = self._chance.choice(pool)
        return "".join(parts)


def moved(near: NDArray[np.float32], chance: np.random.Generator) -> NDArray[np.float32]:
    """`(n, dim)` unit vectors at a cosine of about 0.96 from those given."""
    noise = chance.normal(size=near.shape)
    made = near + MOVED * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return np.asarray(made, np.float32)


def spelled(number: int) -> str:
    """A number in words that many titles share: with a code for each, the vocabulary would be one that nobody has."""
    words = [ALPHABET[number % 26]]
    while number := number // 26:
        words.append(ALPHABET[number % 26])
    return " ".join(words)


def scaled(folder: Path, count: int, *, public: bool = False) -> Path:
    """The home of `count` records below `folder`, made where it is not there yet; all `public`, or as said above."""
    home = folder / f"{'public' if public else 'latency'}-{count}"
    if not (home / "index" / "manifest.json").exists():
        _build(home, count, sources(folder), public=public)
    return home


def sources(folder: Path) -> list[Source]:
    """The passages to make others from, of homes below `folder`, which are made where they are not there yet."""
    homes = (one.home for one in evaluation_sets(folder, traditional=False, names=SOURCES))
    return [source for home in homes for source in _sources(home)]


def golden_files() -> list[Path]:
    """The golden files of the sources that are here, and of the sample's benchmark."""
    files = [DATA / name / "golden.jsonl" for name in SOURCES if (DATA / name).is_dir()]
    return files + [ROOT / "sample" / "benchmark" / f"{name}.jsonl" for name in ("zh", "en")]


def questions() -> Iterator[str]:
    """Distinct questions without end, the same in every run; see `QUESTIONS`."""
    asked = list({golden.question: golden for golden in _all_golden()}.values())
    random.Random(SEED).shuffle(asked)
    texts, given = [golden.question for golden in asked], set()
    exchanging = Exchanging(texts, ["en" if text.isascii() else "zh" for text in texts])
    yield from texts
    given.update(texts)
    while True:
        for at in range(len(texts)):
            if (made := exchanging.with_one(at)) not in given:
                given.add(made)
                yield made


def _all_golden() -> Iterator[GoldenQuestion]:
    own = [
        ROOT / "sample" / "golden.jsonl",
        *(ROOT / "sample" / "benchmark" / f"{name}.jsonl" for name in ("zh", "en")),
    ]
    for file in (*(DATA / name / "golden.jsonl" for name in SHARED if (DATA / name).is_dir()), *own):
        yield from read_golden(file)


def _build(home: Path, count: int, sources: Sequence[Source], *, public: bool) -> None:
    home.mkdir(parents=True, exist_ok=True)
    say(f"making a home of {count:,} passages")
    records = home / "records.jsonl"
    by_name = _write_records(records, sources, count, public=public)
    (home / MADE_OF).write_text(json.dumps([source.document for source in sources]), "utf-8")
    paths, settings = Paths(home), load_settings(home, {}, {})
    with writer_lock(paths):
        writer = Writer(paths, settings, embedder=Moved(describe("bundled"), by_name))  # type: ignore[arg-type]
        writer.import_files([records], lambda *_: None)
        writer.close()


def _sources(home: Path) -> list[Source]:
    with closing(sqlite3.connect(Paths(home).database)) as db:
        rows = db.execute(
            "SELECT document_id, embedded, language, vector FROM passages JOIN vectors USING (hash)"
            " WHERE fingerprint = ? AND removed IS NULL AND role = 'text' ORDER BY passages.id",
            [describe("bundled").fingerprint],  # a home that was indexed by an older kb keeps that one's vectors too
        ).fetchall()
    parts = [(id_, *embedded.partition("\n")[::2], language, vector) for id_, embedded, language, vector in rows]
    return [Source(i, lead, text, la, np.frombuffer(v, np.float32)) for i, lead, text, la, v in parts if text.strip()]


def _write_records(file: Path, sources: Sequence[Source], count: int, *, public: bool) -> dict[str, Source]:
    """Writes `count` records and returns the source of each by how its number is spelled in its title."""
    exchanging = Exchanging([source.text for source in sources], [source.language for source in sources])
    by_name = {}
    with file.open("w", encoding="utf-8") as stream:
        for number in range(count):
            source = sources[number % len(sources)]
            name = spelled(number)
            by_name[name] = source
            text = exchanging.exchanged(number % len(sources))
            kind = 1 if public else number % 10
            record = _record(number, kind, f"{name}{AFTER}{source.lead[:60].strip()}", text, source.language)
            stream.write(json.dumps(record, ensure_ascii=False) + "\n")
    return by_name


def _record(number: int, kind: int, title: str, text: str, language: str) -> dict[str, Any]:
    if kind == 5:
        solved = {"status": "solved", "messages": [], "resolution": text}
        return {"kind": "ticket", "id": f"t{number}", "subject": title, "language": language, **solved}
    audience = "agent" if kind == 0 else "public"
    return {
        "kind": "article", "id": f"a{number}", "title": title, "body": text, "language": language, "audience": audience,
    }  # fmt: skip
