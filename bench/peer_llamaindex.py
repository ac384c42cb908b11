"""Ranks passages for questions with LlamaIndex's QueryFusionRetriever; run by peers.py in LlamaIndex's environment.

`peer_llamaindex.py FOLDER` reads texts.json, passages.npy and questions.npy, and prints passage positions, best first.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from llama_index.core import VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.llms import MockLLM
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import TextNode
from llama_index.retrievers.bm25 import BM25Retriever


class Precomputed(BaseEmbedding):
    """Vectors by text, computed before."""

    passages: dict[str, Any]
    questions: dict[str, Any]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self.passages[text].tolist()

    def _get_query_embedding(self, query: str) -> list[float]:
        return self.questions[query].tolist()

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


def _node(at: int, text: str) -> TextNode:
    """A passage; its position tells it from another of the same text, which fusion would take for the same node."""
    return TextNode(id_=str(at), text=text, metadata={"at": at}, excluded_embed_metadata_keys=["at"])


def main() -> None:
    """Indexes, searches, prints a JSON list of lists."""
    folder = Path(sys.argv[1])
    texts = json.loads((folder / "texts.json").read_text("utf-8"))
    model = Precomputed(
        passages=dict(zip(texts["passages"], np.load(folder / "passages.npy"), strict=True)),
        questions=dict(zip(texts["questions"], np.load(folder / "questions.npy"), strict=True)),
    )
    nodes = [_node(at, text) for at, text in enumerate(texts["passages"])]
    k = min(texts["depth"], len(nodes))
    retriever = QueryFusionRetriever(
        [
            VectorStoreIndex(nodes, embed_model=model).as_retriever(similarity_top_k=k),
            BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=k),
        ],
        llm=MockLLM(),  # asked for nothing: one query, as it stands
        num_queries=1,
        mode="reciprocal_rerank",
        similarity_top_k=k,
        use_async=False,
    )
    found = [[int(hit.node.node_id) for hit in retriever.retrieve(q)] for q in texts["questions"]]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
