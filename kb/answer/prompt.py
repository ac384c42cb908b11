"""What a language model is sent: rules kept as a file, and everything else as data of one JSON document."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import msgspec

from kb.answer.basis import Excerpt
from kb.ingest.plaintext import plain_text
from kb.search.terms import normalised, simplified

_NAME = "answer.v1"
_LANGUAGES = {"zh": "simplified Chinese", "zh-Hant": "traditional Chinese", "en": "English"}
_RUN = 16
"""Letters and digits in a row that are the prompt's: then it was given away. Chance makes no such run."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be answered: a question and the turns before it, redacted, and the language of the asker."""

    question: str
    conversation: tuple[str, ...]
    speaks: str


@lru_cache(maxsize=1)
def rules() -> str:
    """The text of the prompt."""
    return (files("kb.answer") / "prompts" / f"{_NAME}.md").read_text("utf-8")


@lru_cache(maxsize=1)
def version() -> str:
    """The prompt's name and a hash of its text: another text is another version."""
    return f"{_NAME}@{hashlib.sha256(rules().encode()).hexdigest()[:12]}"


def messages(asked: Asked, passages: Sequence[Excerpt]) -> list[dict[str, str]]:
    """The rules, then the data: JSON escapes what could pass for its end."""
    given = [
        {"number": n, "title": " > ".join(passage.stretch.heading), "text": plain_text(passage.text)}
        for n, passage in enumerate(passages, 1)
    ]
    data = {
        "language": _LANGUAGES.get(asked.speaks) or _LANGUAGES["zh" if asked.speaks.startswith("zh") else "en"],
        "question": asked.question,
        "conversation": list(asked.conversation),
        "passages": given,
    }
    return [
        {"role": "system", "content": rules()},
        {"role": "user", "content": msgspec.json.encode(data).decode()},
    ]


def gives_away(text: str) -> bool:
    """Whether a text repeats some of the prompt."""
    plain = normalised(text)
    return any(plain[n : n + _RUN] in _runs() for n in range(len(plain) - _RUN + 1))


def canonical(text: str) -> str:
    """A text by which questions that are asked alike are known: spaces, case, script and marks at its end aside."""
    return " ".join(simplified(text).lower().split()).rstrip(" .?!。？！")


@lru_cache(maxsize=1)
def _runs() -> frozenset[str]:
    plain = normalised(rules())
    return frozenset(plain[n : n + _RUN] for n in range(len(plain) - _RUN + 1))
