"""Help for an agent while a customer speaks: what was said in, suggestions out; knows nothing of HTTP or storage."""
