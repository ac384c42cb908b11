"""The text of a page or Markdown file, whatever its encoding."""

from __future__ import annotations

import codecs

from bs4.dammit import EncodingDetector

from kb.errors import InputError
from kb.ingest.rows import encoding_of_bytes

_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "windows-1252", "ascii": "utf-8", "us-ascii": "utf-8"}
"""What pages that name the first are in, as browsers read them."""


def decoded(data: bytes, name: str, *, encoding: str | None = None) -> str:
    """By its mark, by what it says of itself, else by its bytes. Raises InputError naming the encoding and the byte."""
    marked = data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    declared = (
        None if marked else EncodingDetector.find_declared_encoding(data, is_html=True, search_entire_document=False)
    )
    for found in (encoding, declared, encoding_of_bytes(data)):
        if found is None:
            continue
        chosen = _WIDER.get(found.lower(), found)
        try:
            return data.decode(chosen).removeprefix("\ufeff")
        except LookupError:
            continue
        except UnicodeDecodeError as error:
            place, last = error.start, chosen
    raise InputError(f"{name}: byte {place} is not {last}: save the file as UTF-8, or name its --encoding")
