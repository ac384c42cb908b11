"""An article's numbered lists as steps: nothing of them is lost, and what is internal is told apart."""

from __future__ import annotations

import pytest
from conftest import ROOT

from kb.ingest.markup import markup
from kb.ingest.steps import Procedure, steps_of

BODY = """# Filter

## Clean it

1. Open **the flap**.
2. Turn the filter:
   - slowly
   - to the left

   1. until it clicks
   2. and once more

![The filter](filter.svg)

3. Close it.

::: agent
1. Look up the model.
2. Offer a new filter.
:::

**When it leaks**

1. Stop.
::: agent
2. Ask for a photo.
:::
3. Wait.

   ::: agent
   Not longer than a day.
   :::

## Once

1. Alone
"""


def told(agents: bool, body: str = BODY) -> tuple[Procedure, ...]:
    return steps_of(body, "en/filter.md", "en", agents=agents)


def test_lists_of_two_items_or_more_are_procedures_named_by_what_stands_above_them() -> None:
    assert [(one.heading, len(one.steps)) for one in told(False)] == [("Clean it", 3), ("When it leaks", 2)]


def test_what_is_nested_stays_in_its_step_and_a_list_goes_on_where_its_numbers_do() -> None:
    first = told(False)[0].steps
    assert [one.text for one in first] == [
        "Open the flap.",
        "Turn the filter:\n- slowly\n- to the left\n1. until it clicks\n2. and once more\nThe filter",
        "Close it.",
    ]
    assert "<strong>the flap</strong>" in first[0].html
    assert first[1].html.count("<ol>") == 1
    assert '<img src="en/filter.svg" alt="The filter">' in first[1].html


def test_internal_steps_are_marked_and_are_nobody_elses() -> None:
    clean, own, leaks = told(True)
    assert [(one.text, one.internal) for one in own.steps] == [
        ("Look up the model.", True),
        ("Offer a new filter.", True),
    ]
    assert not any(one.internal for one in clean.steps)
    assert [(one.text, one.aside, one.internal) for one in leaks.steps] == [
        ("Stop.", "", False),
        ("Ask for a photo.", "", True),
        ("Wait.", "Not longer than a day.", False),
    ]
    assert 'class="kb-agent"' in leaks.steps[2].html
    public = str(told(False))
    assert not any(text in public for text in ("model", "photo", "longer", "kb-agent"))


def test_lists_that_are_no_procedure_are_none() -> None:
    assert told(True, "# A\n\n- one\n- two\n\n1. alone\n\n> 1. quoted\n> 2. twice\n") == ()
    assert told(True, "") == ()
    assert [one.heading for one in told(True, "1. one\n2. two\n")] == [""]


def test_no_anchor_of_the_article_is_there_twice() -> None:
    (found,) = told(True, "# A\n\n1. one\n\n   ## Inner\n\n2. two\n")
    assert "<h2>Inner</h2>" in found.steps[0].html


@pytest.mark.parametrize("article", sorted((ROOT / "articles").rglob("*.md")), ids=lambda file: file.stem)
def test_every_step_of_the_sample_stands_in_its_article(article: object) -> None:
    body = article.read_text("utf-8").split("---\n", 2)[2]  # type: ignore[attr-defined]
    html = markup(body, path="en/x.md", agents=True).html
    for procedure in steps_of(body, "en/x.md", "en", agents=True):
        for step in procedure.steps:
            assert step.html.strip().removeprefix("<p>").removesuffix("</p>") in html
