"""What each setting means, what it is, and where that was chosen, for those who look after a service."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import msgspec

from kb.config import Place, Settings

SECRETS = frozenset({"tickets_secret", "oidc_client_secret", "llm_key", "handover_secret", "envelope_key"})
"""Of these is said whether they are set, and nothing else."""
ADDRESSES = frozenset({"llm_url", "handover_url", "oidc_issuer"})
"""Of these the host alone is shown: what follows may hold a token."""

_NOTHING: tuple[Any, ...] = (None, (), {})


@dataclass(frozen=True, slots=True)
class Chosen:
    """A setting as it is; `value` is empty of every secret, and where nothing is set; `place` None for a default."""

    name: str
    value: str
    place: Place | None
    meaning: str
    is_secret: bool
    is_set: bool

    @property
    def variable(self) -> str:
        """The variable that sets it."""
        return f"KB_{self.name.upper()}"


def chosen(settings: Settings, origins: Mapping[str, Place]) -> tuple[Chosen, ...]:
    """Every setting in the order of the documentation."""
    values: dict[str, Any] = msgspec.to_builtins(settings)
    return tuple(
        Chosen(
            name,
            "" if name in SECRETS else _shown(name, value),
            origins.get(name),
            meanings()[name],
            name in SECRETS,
            value not in _NOTHING,
        )
        for name, value in values.items()
    )


@cache
def meanings() -> dict[str, str]:
    """What the settings' own docstrings say, in English, by name."""
    (described,) = ast.parse(inspect.getsource(Settings)).body
    found = {}
    for field, said in pairwise(described.body if isinstance(described, ast.ClassDef) else ()):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(said, ast.Expr):
            found[field.target.id] = " ".join(ast.literal_eval(said.value).split())
    return found


def _shown(name: str, value: Any) -> str:
    if value in _NOTHING:
        return ""
    if name in ADDRESSES:
        parts = urlsplit(value)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, dict):
        return "\n".join(f"{key} = {msgspec.json.encode(held).decode()}" for key, held in value.items())
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
