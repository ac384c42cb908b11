"""What the keyword segments hold of a passage: its fields, the lane that it belongs to, and queries over both."""

from __future__ import annotations

from collections.abc import Sequence

from tantivy import Document, Occur, Query, SchemaBuilder

from kb.model import PUBLIC, Access
from kb.search.analysis import Analysed
from kb.search.catalogue import Entry, Scope
from kb.search.terms import normalised
from kb.search.wording import ALTERNATIVE, Concept

SPLIT = "kb_terms"
"""The tokenizer of our own terms, which stand between spaces."""
MARKER = "marker"
"""The kind of the one document that is no passage."""
TICKET_LANE, INTERNAL_LANE, PUBLIC_LANE = LANES = ("tickets", "internal", "public")
"""In the order in which they are committed: the public one last, with the marker."""

SCHEMA = (
    SchemaBuilder()
    .add_text_field("terms", tokenizer_name=SPLIT, index_option="freq")
    .add_text_field("asked", tokenizer_name="raw", index_option="basic")
    .add_text_field("document", tokenizer_name="raw", index_option="basic")
    .add_text_field("kind", tokenizer_name="raw", index_option="basic")
    .add_text_field("audience", tokenizer_name="raw", index_option="basic")
    .add_text_field("product", tokenizer_name="raw", index_option="basic")
    .add_text_field("language", tokenizer_name="raw", index_option="basic")
    .add_text_field("tag", tokenizer_name="raw", index_option="basic")
    .add_integer_field("row", indexed=True, fast=True)
    .build()
)


def lane_of(access: Access | Entry) -> str:
    """Where a row belongs: a passage that the public may see never shares a lane with one that it may not."""
    if access.kind == "ticket":
        return TICKET_LANE
    return PUBLIC_LANE if PUBLIC in access.audience else INTERNAL_LANE


def document_of(passage: Analysed) -> Document:
    """A passage as the segments hold it."""
    access = passage.access
    fields = {
        "terms": " ".join(passage.terms),
        "asked": normalised(passage.plain if access.role == "question" else passage.title),
        "document": access.document_id,
        "kind": access.kind,
        "audience": list(access.audience),
        "language": access.language.split("-")[0],
        "tag": list(access.tags),
        "row": access.id,
    }
    if access.product is not None:
        fields["product"] = access.product
    return Document.from_dict(fields, SCHEMA)


def said(concept: Concept) -> Query:
    """The best of a concept's words, the one asked for counting most."""
    own = Query.term_query(SCHEMA, "terms", concept.term, "freq")
    if not concept.alternatives:
        return own
    others = [
        Query.boost_query(Query.term_query(SCHEMA, "terms", other, "freq"), ALTERNATIVE)
        for other in concept.alternatives
    ]
    return Query.disjunction_max_query([own, *others])


def within(scope: Scope, lane: str) -> Query | None:
    """The rows of a lane that `scope` may find at all: all that a query can tell, which is not when they are valid.

    None where that is every row.
    """
    everyone = lane == PUBLIC_LANE and PUBLIC in scope.audiences
    musts = [] if everyone else [Query.term_set_query(SCHEMA, "audience", sorted(scope.audiences))]
    for field, value in (("product", scope.product), ("tag", scope.tag)):
        if value is not None:
            musts.append(Query.term_query(SCHEMA, field, value, "basic"))
    if scope.language is not None:
        musts.append(Query.term_query(SCHEMA, "language", scope.language.split("-")[0], "basic"))
    nots = [Query.term_query(SCHEMA, "product", product, "basic") for product in sorted(scope.not_products)]
    if not musts and not nots:
        return None
    parts = [(Occur.Must, query) for query in musts or [Query.all_query()]] + [(Occur.MustNot, query) for query in nots]
    return Query.const_score_query(Query.boolean_query(parts), 0.0)


def any_of(asked: Sequence[Concept]) -> Query:
    """Rows that hold some of the concepts, each by its best word."""
    return Query.boolean_query([(Occur.Should, said(concept)) for concept in asked])


def both(query: Query, within: Query | None) -> Query:
    """Rows of a query that are `within` another too, where there is another."""
    return query if within is None else Query.boolean_query([(Occur.Must, query), (Occur.Must, within)])


def marker(change: int) -> Document:
    """The document that carries the number of a change."""
    return Document.from_dict({"kind": MARKER, "row": change}, SCHEMA)
