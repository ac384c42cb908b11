"""The pages that people read, in Chinese and English."""

from kb.web.pages import articles, edit, help, pictures

ASKING = help.ask
"""Admitted as every question is."""
HANDLERS = (*help.HANDLERS, *articles.HANDLERS, pictures.picture, *edit.HANDLERS)
