"""`kb calibrate`: what it prints and draws of questions held out, in a real process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Shell, write_article

PRODUCTS = ("kettle", "toaster", "washer", "dryer", "oven", "fridge", "heater", "fan", "lamp", "mixer")


def test_calibrate_shows_held_out_figures_with_intervals_the_split_and_a_picture(
    home: Path, shell: Shell, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    for product in PRODUCTS:
        write_article(home, f"{product}.md", f"# The {product}\n\nThe {product} has a lid.\n")
    assert shell(home, "reindex").returncode == 0
    asked = [{"question": f"lid of the {product}", "expected": [product]} for product in PRODUCTS]
    asked += [{"question": f"who sold {number} zebras", "expected": []} for number in range(5)]
    golden = tmp_path / "own.jsonl"
    golden.write_text("".join(json.dumps(question) + "\n" for question in asked), "utf-8")
    done = shell(
        home, "calibrate", str(golden), "--folds", "2", "--dry-run", "--json", "--plot", str(tmp_path / "own.svg")
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["questions"] == len(asked)
    assert "2-fold cross-validation by question" in told["split"]
    low, high = told["intervals"]["recall@1"]
    assert low <= told["recall@1"] <= high
    assert len(told["risk_coverage"]) > 1
    assert told["latency_ms"] == {"p50": None, "p95": None}, "nothing was timed"
    assert "own · n = 15" in (tmp_path / "own.svg").read_text("utf-8")
    assert not (home / "data" / "calibration.json").exists(), "it was a dry run"
