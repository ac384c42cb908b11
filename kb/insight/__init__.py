"""What the journal tells editors: what was asked and not answered, and what of the articles is used."""
