"""Sources to values: Markdown files and import records become articles, tickets and passages."""
