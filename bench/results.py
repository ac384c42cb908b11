"""What measurements leave for plots: one JSON file each, so that plots are drawn again without measuring again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "docs" / "plots"


def keep(name: str, value: Any, folder: Path | None = None) -> None:
    """Writes `name`.json, rounded to what is worth reading."""
    file = (folder or FOLDER) / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(_rounded(value), ensure_ascii=False, indent=1) + "\n", "utf-8")


def kept(name: str, folder: Path | None = None) -> Any:
    """What was kept under `name`, or None."""
    file = (folder or FOLDER) / f"{name}.json"
    return json.loads(file.read_text("utf-8")) if file.exists() else None


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list | tuple) else value
