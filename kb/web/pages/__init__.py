"""The pages that people read, in Chinese and English."""

from kb.web.pages import account, admin, agent, articles, audit, edit, feedback, framed, help, pictures, sitemap, widget

ASKING = (help.ask, feedback.feedback)
"""Admitted as every question is: who was not helped asks for a person."""
HANDLERS = (
    *help.HANDLERS, *articles.HANDLERS, *sitemap.HANDLERS, *widget.HANDLERS, feedback.call_back, pictures.picture,
    *agent.HANDLERS, *framed.HANDLERS, *account.HANDLERS, *admin.HANDLERS, *audit.HANDLERS, *edit.HANDLERS,
)  # fmt: skip
