"""LlamaIndex's QueryFusionRetriever over its own vector store and BM25Retriever; run by race.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llama_index.core import VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.llms import MockLLM
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import QueryBundle, TextNode
from llama_index.retrievers.bm25 import BM25Retriever
from rival import Course, K, read, run, sentence_transformer


class Encoding(BaseEmbedding):
    """Vectors of questions by the model."""

    encode: Callable[[str], Any]

    def _get_text_embedding(self, text: str) -> list[float]:
        raise NotImplementedError("passages have their vectors")

    def _get_query_embedding(self, query: str) -> list[float]:
        return self.encode(query).tolist()

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


def _node(course: Course, at: int) -> TextNode:
    """A passage; its position tells it from another of the same text, which fusion would take for the same node."""
    vector = course.passage_vectors[at].tolist()
    return TextNode(
        id_=str(at),
        text=course.passages[at],
        metadata={"at": at},
        excluded_embed_metadata_keys=["at"],
        embedding=vector,
    )


def main() -> None:
    """Builds and runs."""
    course = read()
    model = Encoding(encode=sentence_transformer(course))
    nodes = [_node(course, at) for at in range(len(course.passages))]
    retriever = QueryFusionRetriever(
        [
            VectorStoreIndex(nodes, embed_model=model).as_retriever(similarity_top_k=K),
            BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=K),
        ],
        llm=MockLLM(),  # asked for nothing: one query, as it stands
        num_queries=1,
        mode="reciprocal_rerank",
        similarity_top_k=K,
        use_async=False,
    )

    def search(question: str, vector: np.ndarray | None) -> list[int]:
        asked = question if vector is None else QueryBundle(question, embedding=vector.tolist())
        return [int(hit.node.node_id) for hit in retriever.retrieve(asked)]

    run(course, search)


if __name__ == "__main__":
    main()
