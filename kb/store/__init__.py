"""Everything that cannot be rebuilt, and the vectors: one SQLite database."""
