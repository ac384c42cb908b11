"""The pages that people read, in Chinese and English."""

from kb.web.pages import account, admin, agent, articles, audit, framed, help, pictures

ASKING = help.ask
"""Admitted as every question is."""
HANDLERS = (
    *help.HANDLERS, *articles.HANDLERS, pictures.picture, *agent.HANDLERS, *framed.HANDLERS, *account.HANDLERS,
    *admin.HANDLERS, *audit.HANDLERS,
)  # fmt: skip
