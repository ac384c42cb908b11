"""Danger is noticed in the words that people use for it, and ordinary questions are not taken for danger."""

from __future__ import annotations

import json
from pathlib import Path

from kb.search.dangers import dangers

FOLDER = Path(__file__).parent / "data" / "urgent"
ROWS = [json.loads(line) for line in (FOLDER / "questions.jsonl").read_text("utf-8").splitlines()]
DANGER = {"zh/safety/gas-smell": "gas", "en/electric-shock": "shock", "en/fire": "fire"}


def test_sixty_phrasings_of_danger_are_noticed_each_as_what_it_is() -> None:
    asked = [row for row in ROWS if row["urgent"]]
    assert len(asked) >= 60
    assert [row["question"] for row in asked if DANGER[row["urgent"]] not in dangers(row["question"])] == []


def test_ordinary_questions_about_the_same_appliances_are_no_danger() -> None:
    others = [row["question"] for row in ROWS if not row["urgent"]]
    assert len(others) >= 80
    assert [question for question in others if dangers(question)] == []
