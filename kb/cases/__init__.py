"""From resolved tickets to articles: what many customers had in common, and the draft that says it once."""
