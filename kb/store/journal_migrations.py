"""The shape of the journal, as numbered functions applied in order.

Apart from the knowledge: it is written at every question, by every worker, and must not wait for an import's
transaction, nor wake readers of the knowledge. What a table holds of a person carries a column `customer`, the keyed
hash of a reference to them, by which it is erased.
"""

from __future__ import annotations

from sqlite_utils import Migrations

migrations = Migrations("journal")
