"""What is noticed of the phrasings that neither rules nor model have seen, with 95% Wilson intervals.

python bench/wanting.py
"""

from __future__ import annotations

import json
import time

from fit_wanting import DATA, embedded, texts

from kb.handover.wanting import wants_human


def main() -> None:
    """Prints a row a language: by wordings alone, and by wordings and meaning."""
    trained = {one.text for one in texts()}
    for name in ("wanting", "ordinary"):
        lines = (DATA / f"handover_{name}_fresh.jsonl").read_text("utf-8").splitlines()
        rows = [(one["text"], one["language"]) for one in map(json.loads, lines) if one["text"] not in trained]
        vectors = embedded([text for text, _ in rows])
        started = time.process_time()
        both = [wants_human(text, (), vector) is not None for (text, _), vector in zip(rows, vectors, strict=True)]
        took = (time.process_time() - started) * 1000 / len(rows)
        worded = [wants_human(text) is not None for text, _ in rows]
        print(f"{name}: {len(rows)} of {len(lines)} are new; {took:.2f} ms of a processor each beside the vector")
        for language in ("zh", "zh-Hant", "en", None):
            held = [at for at, row in enumerate(rows) if language in (row[1], None)]
            told = [f"{_share([by[at] for at in held])}" for by in (worded, both)]
            print(f"  {language or 'all':8} wordings {told[0]}   with meaning {told[1]}")
        for (text, _), found in zip(rows, both, strict=True):
            if found != (name == "wanting"):
                print("   ", text)


def _share(found: list[bool]) -> str:
    low, high = wilson(sum(found), len(found))
    return f"{sum(found)}/{len(found)} = {sum(found) / len(found):.1%} [{low:.1%}, {high:.1%}]"


def wilson(found: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The interval of a share; Wilson, JASA 1927."""
    share, shrink = found / of, 1 + z * z / of
    middle = (share + z * z / (2 * of)) / shrink
    half = z * (share * (1 - share) / of + z * z / (4 * of * of)) ** 0.5 / shrink
    return max(0.0, middle - half), min(1.0, middle + half)


if __name__ == "__main__":
    main()
