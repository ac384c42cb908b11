"""Scrapes of `/metrics`, for tests."""

from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families
from server_process import Server

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
OPEN = {"KB_METRICS": "loopback"}


def scraped(server: Server) -> Samples:
    """The samples of one scrape over a connection of its own, so that any worker may answer."""
    answer = httpx.get(f"http://127.0.0.1:{server.port}/metrics", timeout=30)
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def total(samples: Samples, name: str, **labels: str) -> float:
    """The sum of the samples that have these labels among theirs."""
    return sum(value for (known, own), value in samples.items() if known == name and labels.items() <= set(own))
