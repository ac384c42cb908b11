"""A model that only sentence-transformers runs; importing this module does not import it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class Pipeline:
    """Encodes for one thread at a time."""

    def __init__(self, model: SentenceTransformer, max_tokens: int) -> None:
        self._model = model
        model.max_seq_length = max_tokens

    @property
    def dim(self) -> int:
        return int(self._model.get_embedding_dimension() or 0)

    def encode_query(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encode("query", texts)

    def encode_document(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encode("document", texts)

    def _encode(self, task: Literal["query", "document"], texts: Sequence[str]) -> NDArray[np.float32]:
        encode = self._model.encode_query if task == "query" else self._model.encode_document
        vectors = encode(
            list(texts),
            batch_size=len(texts),
            show_progress_bar=False,
            convert_to_numpy=True,
            normalize_embeddings=True,  # not every model ends in a Normalize module
        )
        return np.asarray(vectors, dtype=np.float32)


@contextmanager
def quiet_loading() -> Iterator[None]:
    """No progress bar and no advice from transformers on stderr while a model loads; both are put back after."""
    from transformers.utils import logging

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()
