"""`kb cases`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kb.commands.home import Home, as_json
from kb.errors import UsageError

if TYPE_CHECKING:
    from kb.cases.proposing import ListedCases, ProposedCase

MOST = 10
"""Drafts that `--propose` makes where nobody says how many."""


@click.command()
@click.argument("ticket_id", required=False)
@click.option("--min", "least", default=3, show_default=True, type=click.IntRange(2, 1_000), help="Tickets of a case.")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="List the largest so many."
)
@click.option(
    "--propose", is_flag=False, flag_value=MOST, type=click.IntRange(1, 1_000), metavar="[N]",
    help=f"Make drafts of the N largest open cases.  [N: {MOST}]",
)  # fmt: skip
@as_json
@click.pass_obj
def cases(home: Home, ticket_id: str | None, least: int, limit: int, propose: int | None, as_json: bool) -> None:
    """List what many resolved tickets have in common; make drafts of articles of it, or of one TICKET_ID.

    A case is open until an article answers it or a draft was made of it; it is open again once it has grown by half.
    """
    from kb import presentation
    from kb.cases.proposing import Cases
    from kb.drafting import proposals
    from kb.editing.desk import Actor
    from kb.store.audit import SHELL

    if ticket_id is not None and propose is not None:
        raise UsageError("give either TICKET_ID, of which one draft is made, or --propose")
    found, knowledge = Cases(home.paths, home.settings), home.knowledge()
    drafts = proposals(home.paths, home.settings, Actor(SHELL, "admin"))
    if ticket_id is None and propose is None:
        listed = found.listed(knowledge, least=least, limit=limit)
        presentation.show_json(listed) if as_json else _show_listed(listed)
        return
    made = (
        [found.propose_ticket(knowledge, drafts, ticket_id)]
        if ticket_id is not None
        else list(found.propose_open(knowledge, drafts, propose or MOST, least=least))
    )
    presentation.show_json({"proposed": made}) if as_json else _show_proposed(made)


def _show_listed(listed: ListedCases) -> None:
    """One line a case."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("case", "tickets", "closed", "state", "title", box=None)
    for case in listed.cases:
        closed = " – ".join(dict.fromkeys(str(at.date()) for at in (case.since, case.until) if at))
        by = {"covered": f" by {case.article}", "proposed": f" as {case.draft}", "open": ""}[case.state]
        table.add_row(*map(Text, (case.id, str(case.size), closed, f"{case.state}{by}", case.title)))
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    console.print(f"{len(listed.cases)} of {listed.total} cases")


def _show_proposed(made: list[ProposedCase]) -> None:
    """One line a draft."""
    for one in made:
        tickets = f"{len(one.tickets)} ticket{'s' * (len(one.tickets) != 1)}"
        check = f", {len(one.contested)} figures to check" if one.contested else ""
        click.echo(f"{one.draft}: {one.title} ({tickets}{check})")
    click.echo(f"drafts made: {len(made)}; an editor publishes them")
