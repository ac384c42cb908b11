"""How articles come to be: drafts, review, publishing and retiring; knows nothing of HTTP."""
