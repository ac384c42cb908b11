"""The evaluation sets that measurements use, each as an indexed home made by `kb` itself, as a stranger would.

The large sets lie outside this repository (size and licence), in `../shared/data`. A home named by `--homes` is kept,
and taken up again by the next run, so that nothing is embedded twice.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import opencc

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data"
SHARED = ("zh-wiki", "en-faq", "en-conversations")
TRADITIONAL = "zh-wiki, traditional"
SAMPLE = "sample"
_TEXTS = ("title", "body", "question", "answers")


@dataclass(frozen=True)
class EvaluationSet:
    """A set: its name, an indexed home, and its golden file."""

    name: str
    home: Path
    golden: Path


def kb(home: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs `kb` on a home with no settings but the home's. Raises CalledProcessError where it fails."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("KB_") or k == "KB_MODEL_DIR"}
    command = [sys.executable, "-m", "kb", "--home", str(home), *map(str, arguments)]
    return subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True, encoding="utf-8")


def say(message: str) -> None:
    """Progress, on standard error: standard output is the result."""
    print(message, file=sys.stderr, flush=True)


def end_in_order() -> None:
    """Makes SIGTERM end this process as an error does, so that the processes which it started are ended too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def evaluation_sets(
    folder: Path, *, traditional: bool = True, names: Collection[str] = (*SHARED, SAMPLE)
) -> Iterator[EvaluationSet]:
    """Every set of `names` that is here, imported into a home below `folder`; says which ones are absent."""
    for name in filter(names.__contains__, SHARED):
        if (DATA / name).is_dir():
            yield imported(folder, name, DATA / name)
        else:
            say(f"ABSENT: {DATA / name}; it is not measured")
    if SAMPLE in names:
        yield _sample(folder)
    if traditional and (DATA / "zh-wiki").is_dir():
        yield imported(folder, TRADITIONAL, converted(folder / "converted-s2t", "s2t"))


def imported(folder: Path, name: str, data: Path) -> EvaluationSet:
    """The set of the records and the golden file in `data`, its home `name` below `folder`."""
    home = folder / name.replace(", ", "-")
    home.mkdir(parents=True, exist_ok=True)
    say(f"importing {name}")
    kb(home, "import", "--source", "records", data / "records.jsonl")
    return EvaluationSet(name, home, data / "golden.jsonl")


def _sample(folder: Path) -> EvaluationSet:
    home = folder / SAMPLE
    shutil.copytree(ROOT / "articles", home / "articles", dirs_exist_ok=True)
    for name in ("kb.toml", "synonyms.txt"):
        shutil.copy(ROOT / name, home)
    say("indexing the sample content")
    kb(home, "reindex")
    kb(home, "import", ROOT / "sample" / "tickets.jsonl")
    return EvaluationSet(SAMPLE, home, ROOT / "sample" / "golden.jsonl")


def converted(folder: Path, script: str) -> Path:
    """Writes zh-wiki, records and questions, in traditional characters, converted by OpenCC's `script`."""
    folder.mkdir(parents=True, exist_ok=True)
    converter = opencc.OpenCC(script)
    for name in ("records.jsonl", "golden.jsonl"):
        lines = (DATA / "zh-wiki" / name).read_text("utf-8").split("\n")
        made = [_in_traditional(json.loads(line), converter) for line in lines if line]
        (folder / name).write_text("".join(json.dumps(m, ensure_ascii=False) + "\n" for m in made), "utf-8")
    return folder


def _in_traditional(record: Mapping[str, Any], converter: Any) -> dict[str, Any]:
    def convert(value: Any) -> Any:
        return [converter.convert(text) for text in value] if isinstance(value, list) else converter.convert(value)

    return {k: convert(v) if k in _TEXTS else v for k, v in record.items()} | {"language": "zh-Hant"}
