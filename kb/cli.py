"""The shell: a few lines a command. What needs torch, FAISS or Litestar is imported by the command that uses it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from kb.commands import doctor, keeping
from kb.commands.article import article
from kb.commands.assist import assist
from kb.commands.audit import audit
from kb.commands.editing import diff, replace
from kb.commands.export import export
from kb.commands.gate import gate
from kb.commands.handovers import handovers
from kb.commands.home import Home, as_json
from kb.commands.impact import impact
from kb.commands.importing import import_
from kb.commands.insights import insights
from kb.commands.key import key
from kb.commands.replay import replay
from kb.commands.user import user
from kb.commands.writing import write
from kb.config import parse_flag
from kb.errors import KbError, UsageError
from kb.logs import configure_logging
from kb.model import audiences_of
from kb.results import Ask

DONE, FAILED, WRONG_USAGE = 0, 1, 2


class _Explained(click.Group):
    """Prints kb's errors in one line and exits as DESIGN says."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KbError as error:
            click.secho(f"kb: {error}", fg="red", err=True)
            sys.exit(WRONG_USAGE if isinstance(error, UsageError) else FAILED)


@click.group(
    cls=_Explained,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `kb reindex`, then `kb ask 洗衣机不进水怎么办`. Docs: README.md and docs/.",
)
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), envvar="KB_HOME", default=".",
    help="The folder that holds articles/, data/ and index/.  [env KB_HOME; default: this folder]",
)  # fmt: skip
@click.option("--model", help="`bundled`, a sentence-transformers folder, or a hub name.  [env KB_MODEL]")
@click.option(
    "--set", "chosen", multiple=True, metavar="KEY=VALUE", help="Any other setting, as in kb.toml; may be repeated.",
)  # fmt: skip
@click.version_option(package_name="kb", prog_name="kb")
@click.pass_context
def main(ctx: click.Context, home: Path, model: str | None, chosen: tuple[str, ...]) -> None:
    """A service centre's one source of answers: articles and resolved tickets, searched, cited, or honestly refused."""
    configure_logging()
    if not home.is_dir():
        raise UsageError(f"--home {str(home)!r} is no folder: make it first, or name another")
    flags = dict(map(parse_flag, chosen))
    ctx.obj = Home(home, flags if model is None else {**flags, "model": model})
    keeping.refuse_unless_whole(ctx.obj, ctx.invoked_subcommand)


for command in (doctor.doctor, keeping.backup, keeping.restore, keeping.erase, assist, handovers):
    main.add_command(command)


def _audience(command: Any) -> Any:
    return click.option("--audience", default="public", show_default=True, help="See as this role or group does.")(
        command
    )


def _plot(command: Any) -> Any:
    return click.option(
        "--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw risk and calibration, FILE.svg or .png."
    )(command)


def _explain(command: Any) -> Any:
    return click.option("--explain", is_flag=True, help="Say why: signs, weights, ranks, filters, threshold.")(command)


@main.command()
@click.option("--full", is_flag=True, help="Build the whole index anew, from the database; nothing is embedded twice.")
@click.option("--model", help="Change to this embedding model; a running server answers with the old one meanwhile.")
@click.option("--force", is_flag=True, help="Publish the new index even where it answers worse than the live one.")
@click.option("--rollback", is_flag=True, help="Go back to the index before this one; once more returns.")
@as_json
@click.pass_obj
def reindex(home: Home, full: bool, model: str | None, force: bool, rollback: bool, as_json: bool) -> None:
    """Read articles/ and make what changed searchable. Safe to kill at any moment: run it again."""
    if rollback and (full or force or model):
        raise UsageError("--rollback builds nothing: give it without --full, --force and --model")
    job = "rollback" if rollback else "model" if model else "reindex"
    flags = home.flags | ({"model": model} if model else {})
    write(Home(home.path, flags), job, {"full": full, "force": force}, as_json)


@main.command()
@click.argument("question")
@click.option("-k", default=5, show_default=True, type=click.IntRange(1, 100), help="Hits in each lane.")
@click.option("--product", help="Only what is about this product.")
@click.option("--language", help="Only documents in this language.")
@click.option("--tag", help="Only documents with this tag.")
@_explain
@_audience
@as_json
@click.pass_obj
def search(
    home: Home, /, question: str, k: int, explain: bool, audience: str, as_json: bool, **filters: str | None
) -> None:
    """Show the passages that may answer QUESTION, best first."""
    from kb import asking, presentation

    ask = _ask(question, audience, **filters)
    result = asking.search_running(home.paths, home.settings, ask, k, explain=explain)
    if result is None:
        from kb.recording import search_alone

        result = search_alone(home.knowledge(), home.paths, ask, k, explain=explain)
    presentation.show_json(result) if as_json else presentation.show_search(result)


@main.command()
@click.argument("question")
@_explain
@_audience
@as_json
@click.pass_obj
def ask(home: Home, question: str, explain: bool, audience: str, as_json: bool) -> None:
    """Answer QUESTION in a few sentences with their sources, or say that there is no answer."""
    from kb import asking, presentation

    asked, kb = _ask(question, audience), None
    answer = asking.answer_running(home.paths, home.settings, asked, explain=explain)
    if answer is None:
        from kb.recording import answer_alone
        from kb.withheld import report

        kb = home.knowledge()
        answer = answer_alone(kb, home.paths, asked, explain=explain)
    presentation.show_json(answer) if as_json else presentation.show_answer(answer)
    if kb:
        report(kb, asked, answer)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free one.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 32), help="Processes.")
@click.pass_obj
def serve(home: Home, host: str, port: int, workers: int) -> None:
    """Serve the HTTP interface, and reindex whenever a file in articles/ changes.

    GET /api/search, POST /api/answers, GET /health/live and /health/ready; the interface is described at /schema.
    """
    from kb.web import server

    home.settings  # noqa: B018 - a wrong setting is told before anything starts
    server.run(home.path, home.flags, host=host, port=port, workers=workers)


@main.command(name="eval")
@click.argument("golden", type=click.Path(path_type=Path, dir_okay=False))
@_audience
@_plot
@as_json
@click.pass_obj
def evaluate(home: Home, golden: Path, audience: str, plot: Path | None, as_json: bool) -> None:
    """Ask the questions of a GOLDEN file and measure what is found, answered, refused and wrong."""
    from kb import presentation
    from kb.evaluation.golden import read_golden
    from kb.evaluation.plot import check
    from kb.evaluation.replay import replay
    from kb.outcomes import show_outcomes

    if plot:
        check(plot)
    questions = read_golden(golden)
    with presentation.bars() as progress:
        outcomes = list(replay(home.knowledge(), questions, audience, lambda n: progress("Asking", n, len(questions))))
    show_outcomes(outcomes, golden.stem, plot, as_json)


@main.command()
@click.argument("golden", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--folds", default=5, show_default=True, type=click.IntRange(2, 50), help="Parts, each held out once.")
@click.option("--dry-run", is_flag=True, help="Measure only; keep what is in use.")
@_audience
@_plot
@as_json
@click.pass_obj
def calibrate(
    home: Home, golden: Path, folds: int, dry_run: bool, audience: str, plot: Path | None, as_json: bool
) -> None:
    """Fit ranking and confidence to your own GOLDEN questions, and show what that gives on questions held out.

    The result goes to data/calibration.json, which search and answers then use. Give it 300 questions or more, a
    quarter of them such that must be refused.
    """
    from kb import presentation, tuning
    from kb.evaluation import calibration
    from kb.evaluation.golden import read_golden
    from kb.evaluation.plot import check
    from kb.outcomes import show_outcomes

    if plot:
        check(plot)
    questions, knowledge = read_golden(golden), home.knowledge()
    with presentation.bars() as progress:
        cases = list(
            calibration.gather(knowledge, questions, audience, lambda n: progress("Asking", n, len(questions)))
        )
    made = calibration.calibrate(
        cases,
        knowledge.tuning.fusion,
        fingerprint=knowledge.fingerprint,
        fitted_on=f"{golden.name} ({len(questions)} questions)",
        folds=folds,
        max_wrong=home.settings.max_wrong,
    )
    if not dry_run:
        tuning.save(home.paths, tuning.Tuning(made.fusion, made.confidence))
    show_outcomes(made.outcomes, golden.stem, plot, as_json, split=calibration.split(folds))


def _ask(
    question: str, audience: str, product: str | None = None, language: str | None = None, tag: str | None = None
) -> Ask:
    return Ask(question, (), audiences_of((audience,)), product=product, language=language, tag=tag)


for _command in (
    article, audit, diff, export, gate, impact, import_, insights, key, replace, replay, user,
):  # fmt: skip
    main.add_command(_command)
