"""The pages that people read, in Chinese and English."""

from kb.web.pages import articles, bare, help, pictures

ASKING = help.ask
"""Admitted as every question is."""
HANDLERS = (*help.HANDLERS, *articles.HANDLERS, pictures.picture, *bare.HANDLERS)
