"""What worker processes are forked from: it has read once what they would each hold a copy of.

A model's vocabulary, the dictionaries and all modules are half of a worker's memory, and a third of its start. Nothing
here may start a thread: those of a parent do not live on in its children.
"""

from __future__ import annotations

import gc
from contextlib import suppress

from kb.errors import KbError
from kb.following import read_ahead
from kb.web.server import given

with suppress(KbError):  # a worker meets the same, and says so
    read_ahead(given().settings)
gc.collect()
gc.freeze()  # a collection would write to every object, and so copy what is shared
