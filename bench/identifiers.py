"""Measures whether a code is told from codes that differ from it by one character: recall@1 by how it is written.

Generated (seeded): families of codes in the shapes that centres use, each with neighbours one character away, one short
article a code, half of them Chinese; every code is asked for in four ways. Nothing here was used to choose a setting.
"""

from __future__ import annotations

import argparse
import json
import random
import string
import tempfile
from collections.abc import Callable
from pathlib import Path

from sets import kb

from kb.config import Paths, load_settings
from kb.knowledge import KnowledgeBase
from kb.results import Ask

SEED = 20261124
FAMILIES, NEIGHBOURS = 32, 3
SHAPES = ("E-{d}{d}{d}{d}", "HW-{u}{d}-{d}{d}", "SKU{d}{d}{d}{d}{d}", "{u}{u}{d}{d}{d}{d}{d}{d}")
WAYS: dict[str, Callable[[str], str]] = {
    "as written": lambda code: code,
    "lower case": str.lower,
    "full width": lambda code: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in code),
    "in a sentence": lambda code: f"the display says {code} since this morning, what now?",
    "in a Chinese sentence": lambda code: f"屏幕上一直显示{code}，请问怎么处理？",
}


def codes() -> list[str]:
    """Distinct codes, each with neighbours that differ in one character of the same kind."""
    pick = random.Random(SEED)
    found: dict[str, None] = {}
    for number in range(FAMILIES):
        shape = SHAPES[number % len(SHAPES)]
        kinds = {"{d}": string.digits, "{u}": "ABCDEFGHJKLMNPRSTUVWXYZ"}
        first = shape
        for kind, letters in kinds.items():
            while kind in first:
                first = first.replace(kind, pick.choice(letters), 1)
        found[first] = None
        while len(found) < (number + 1) * (NEIGHBOURS + 1):
            at = pick.choice([i for i, c in enumerate(first) if c.isdigit()])
            found[first[:at] + pick.choice(string.digits) + first[at + 1 :]] = None
    return list(found)


def record(number: int, code: str) -> dict[str, str]:
    """An article about one code: its cause and its step are those of a few others."""
    part = ("pump", "valve", "sensor", "fan", "door lock")[number % 5]
    if number % 2:
        language, title = "en", f"Code {code}"
        body = f"Code {code} means that the {part} is silent. Switch the device off for {number} minutes."
    else:
        language, title = "zh", f"代码 {code}"
        body = f"代码 {code} 表示{part}没有响应。请断电 {number} 分钟后再开机。"
    return {"kind": "article", "id": code, "language": language, "title": title, "body": body}


def main() -> None:
    """Prints a table, one row a way of writing."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    every = codes()
    print("## Codes that differ by one character\n")
    print(f"{len(every)} generated codes, an article each (seed {SEED}).\n\n| asked | recall@1 |\n|---|---:|")
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        lines = (json.dumps(record(n, code), ensure_ascii=False) for n, code in enumerate(every))
        (home / "codes.jsonl").write_text("\n".join(lines), "utf-8")
        kb(home, "import", home / "codes.jsonl")
        asked = KnowledgeBase(Paths(home), load_settings(home, {}, {}))
        for name, way in WAYS.items():
            first = [asked.search(Ask(way(code)), 1).hits for code in every]
            right = sum(bool(hits) and hits[0].document_id == code for hits, code in zip(first, every, strict=True))
            print(f"| {name} | {right / len(every):.3f} |", flush=True)


if __name__ == "__main__":
    main()
