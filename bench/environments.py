"""Environments of their own for the peers, below the user's cache, made by the first run that needs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import platformdirs
from sets import say

_EMBEDDING = ("torch==2.13.0", "sentence-transformers==6.2.0")
"""First, so that nothing later brings a torch for graphics cards."""
PEERS = {
    "txtai": (*_EMBEDDING, "txtai==9.14.0"),
    "chroma": (*_EMBEDDING, "chromadb==1.5.9"),
    "llamaindex": (*_EMBEDDING, "llama-index-core==0.14.25", "llama-index-retrievers-bm25==0.8.0"),
    "floor": (*_EMBEDDING, "faiss-cpu==1.15.1"),
}
"""What each peer's environment holds, installed in this order."""


def environment(name: str) -> Path:
    """The Python of a peer's environment, made or completed where a mark says that it was not."""
    folder = platformdirs.user_cache_path("kb") / "peers" / name
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    mark, wanted = folder / "installed.txt", "\n".join(PEERS[name])
    if not mark.exists() or mark.read_text("utf-8") != wanted:
        say(f"installing {wanted.replace(chr(10), ', ')} into {folder}")
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        for requirement in PEERS[name]:
            subprocess.run([python, "-m", "pip", "install", "--quiet", requirement], check=True)
        mark.write_text(wanted, "utf-8")
    return python
