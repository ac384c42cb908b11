"""The files of a sentence-transformers folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kb.errors import ModelMissing


def read_json(path: Path) -> Any:
    """The JSON value in a model's file, None where there is no such file. Raises ModelMissing."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ModelMissing(
            f"{path} is no JSON: {error}; mend the folder, or name another model with KB_MODEL"
        ) from None


def modules(folder: Path) -> list[str]:
    """The modules' folders below the model's; [""] where modules.json is missing and mean pooling is implied."""
    return [str(module["path"]) for module in read_json(folder / "modules.json") or [{"path": ""}]]
