"""Documents and tables that centres have (HTML, DOCX, Markdown, FAQ tables) become proposals for an editor."""
