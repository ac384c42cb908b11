"""Which language a text is in, when nobody says."""

from __future__ import annotations

import re
from functools import cache

from lingua import IsoCode639_1, Language, LanguageDetector, LanguageDetectorBuilder
from opencc import OpenCC

UNDETERMINED = "und"
"""BCP 47's own tag for a text without letters, such as a bare number."""

_SAMPLE = 2_000  # characters; more changes no verdict
_ADDRESS = re.compile(r"https?://\S+|\S+@\S+")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_KANA_OR_HANGUL = re.compile(r"[\u3041-\u30ff\uac00-\ud7af]")
_LATIN = re.compile(r"[A-Za-z]")
_LETTER = re.compile(r"[^\W\d_]")


def detect_language(text: str) -> str:
    """The BCP 47 tag of a text: `zh`, `zh-Hant`, or another language's two letters; `und` when it has no letters."""
    sample = _ADDRESS.sub(" ", text[:_SAMPLE])
    if _is_chinese(sample):
        return "zh-Hant" if _is_traditional(sample) else "zh"
    found = _detector().detect_language_of(sample)
    if found is None:
        # Too close to call: a few Latin words, such as a product's name, are taken for English.
        return "en" if _LATIN.search(sample) else UNDETERMINED
    return _tag(found.iso_code_639_1)


def _is_chinese(text: str) -> bool:
    # A Chinese sentence may carry more Latin letters than Han characters ("重置 WiFi password"), so a fifth is enough.
    han = len(_HAN.findall(text))
    return han * 5 >= len(_LETTER.findall(text)) and han > 0 and not _KANA_OR_HANGUL.search(text)


def _is_traditional(text: str) -> bool:
    # Compared by count: s2t rewrites some characters of ordinary traditional text too (台 to 臺).
    return _changes(text, _converter("t2s")) > _changes(text, _converter("s2t"))


def _changes(text: str, converter: OpenCC) -> int:
    return sum(old != new for old, new in zip(text, converter.convert(text), strict=False))


def _tag(code: IsoCode639_1) -> str:
    return str(code.name).lower()


@cache
def _converter(name: str) -> OpenCC:
    return OpenCC(name)


@cache
def _detector() -> LanguageDetector:
    return (
        LanguageDetectorBuilder.from_languages(
            Language.CHINESE,
            Language.ENGLISH,
            Language.JAPANESE,
            Language.KOREAN,
            Language.FRENCH,
            Language.GERMAN,
            Language.SPANISH,
            Language.PORTUGUESE,
            Language.ITALIAN,
            Language.RUSSIAN,
        )
        .with_minimum_relative_distance(0.25)
        .build()
    )
