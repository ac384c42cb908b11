"""The pages that people read, in Chinese and English."""

from kb.web.pages import account, admin, articles, audit, edit, help, pictures

ASKING = help.ask
"""Admitted as every question is."""
HANDLERS = (
    *help.HANDLERS, *articles.HANDLERS, pictures.picture, *account.HANDLERS, *admin.HANDLERS, *audit.HANDLERS,
    *edit.HANDLERS,
)  # fmt: skip
