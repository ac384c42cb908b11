"""The pages that people read, in Chinese and English."""

from kb.web.pages import agent, articles, framed, help, pictures

ASKING = help.ask
"""Admitted as every question is."""
HANDLERS = (*help.HANDLERS, *articles.HANDLERS, pictures.picture, *agent.HANDLERS, *framed.HANDLERS)
