"""The publish gate: what it says of an edit is what customers are told once the edit is published."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import DELIVERY, REFUND, SAMPLE, Centre, tiny_settings

from kb.cli import main
from kb.config import Paths, load_settings
from kb.editing.gating import Change, Origin, Report, Told, Verdict
from kb.evaluation.golden import read_golden
from kb.evaluation.replay import asked_as
from kb.gate.opening import OpenGate, open_gate
from kb.gate.posed import Posed
from kb.gate.verdicts import Side, case_of, side_of
from kb.ingest.articles import MalformedArticle
from kb.journal import Journal
from kb.journal import Origin as From
from kb.knowledge import KnowledgeBase
from kb.model import PUBLIC
from kb.progress import silent
from kb.recording import answer
from kb.results import Ask
from kb.search.beside import committed_beside
from kb.search.embedding import Embedder
from kb.search.remembered import Remembered
from kb.writer import Writer, writer_lock

RETURNS, GAS = "zh/returns/seven-day-return", "en/safety/gas-smell"
GONE, NEW = "en/returns/refund-time", "zh/returns/window"
WHERE = "退货窗口在几楼"


@pytest.fixture
def two(two: Centre, tiny_model: Path) -> Centre:
    """Two articles, of which each answers its own title alone."""
    two.settings = tiny_settings(tiny_model, min_confidence=0.9)
    return two


def golden(home: Path, lines: Iterable[Mapping[str, object]]) -> None:
    """Makes these the golden questions of a home."""
    (home / "golden.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")


def opened(centre: Centre) -> tuple[OpenGate, KnowledgeBase]:
    """The gate of a home, and what answers there."""
    kb = centre.open()
    return open_gate(centre.paths, centre.settings, lambda: kb, lambda: centre.embedder), kb


def edits(home: Path) -> list[Change]:
    """A changed rule, a changed warning, an article that goes, and one that comes."""
    read = {id_: (home / "articles" / f"{id_}.md").read_text("utf-8") for id_ in (RETURNS, GAS)}
    return [
        Change(RETURNS, read[RETURNS].replace("7 天", "14 天").replace("  - 退款多久到账\n", "")),
        Change(GAS, read[GAS].replace("urgent: true\n", "")),
        Change(GONE, None),
        Change(
            NEW, "---\nlanguage: zh\nquestions: [退货窗口在几楼]\n---\n# 退货窗口\n\n退货窗口在门店二楼，周一休息。\n"
        ),
    ]


def published(home: Path, changes: Sequence[Change]) -> None:
    """Puts the changes into the files."""
    for change in changes:
        file = home / "articles" / f"{change.id}.md"
        file.unlink() if change.text is None else file.write_text(change.text, "utf-8")


def told_by(home: Path, embedder: Embedder, vectors: Remembered) -> dict[str, Told]:
    """What each golden question is told."""
    kb = KnowledgeBase(Paths(home), load_settings(home, {}, {}), embedder=embedder)
    kb._vectors = vectors
    asks = [asked_as(golden, PUBLIC) for golden in read_golden(home / "golden.jsonl")]
    kb.embed_ahead(asks)
    return {ask.question: side_of(kb.answered(ask)).told for ask in asks}


def reindexed(home: Path, embedder: Embedder) -> None:
    with writer_lock(Paths(home)):
        writer = Writer(Paths(home), load_settings(home, {}, {}), embedder=embedder)
        writer.reindex(silent)
        writer.close()


def test_what_the_gate_says_is_what_is_told_once_the_edit_is_published(
    sample_copy: Path, bundled_embedder: Embedder
) -> None:
    home, paths, settings = sample_copy, Paths(sample_copy), load_settings(sample_copy, {}, {})
    paths.journal.unlink(missing_ok=True)  # other tests may have asked the home that this one is copied from
    lines = (SAMPLE / "golden.jsonl").read_text("utf-8").splitlines()[::8]
    mine = {WHERE: NEW, "When will I get my refund?": GONE}
    golden(home, [*map(json.loads, lines), *({"question": q, "expected": [id_]} for q, id_ in mine.items())])
    live = KnowledgeBase(paths, settings, embedder=bundled_embedder)
    changes = edits(home)
    report = open_gate(paths, settings, lambda: live, lambda: bundled_embedder).report(changes)
    vectors = Remembered(bundled_embedder.queries, 100)
    before = told_by(home, bundled_embedder, vectors)
    published(home, changes)
    reindexed(home, bundled_embedder)
    after = told_by(home, bundled_embedder, vectors)

    assert (report.replayed, report.left_out) == (len(before), 0)
    assert {case.question: (case.before, case.after) for case in report.cases} == {
        case.question: (before[case.question], after[case.question]) for case in report.cases
    }
    silent_on = before.keys() - {case.question for case in report.cases}
    assert [q for q in silent_on if _but_confidence(before[q]) != _but_confidence(after[q])] == []
    found = {case.question: case.verdict for case in report.cases}
    assert found[WHERE] is Verdict.IMPROVES
    assert report.cases[0].verdict is Verdict.BREAKS
    assert Verdict.CHANGES in found.values()


def _but_confidence(told: Told) -> tuple[str, str, tuple[str, ...]]:
    return told.outcome, told.text, told.documents


def test_nothing_is_written_by_asking(two: Centre) -> None:
    golden(two.home, [{"question": "When do refunds come?", "expected": ["refund"]}])
    gate, kb = opened(two)
    held, change = _files(two.home), kb.reader.view.change
    rows = two.rows("SELECT count(*), (SELECT count(*) FROM vectors) FROM passages")
    assert gate.report([Change("refund", REFUND.replace("five", "nine")), Change("delivery", None)]).replayed == 1
    assert _files(two.home) == held
    assert two.rows("SELECT count(*), (SELECT count(*) FROM vectors) FROM passages") == rows
    assert kb.reader.refresh().change == change
    assert "five" in kb.answer(Ask("Refunds")).text


def _files(home: Path) -> dict[str, bytes]:
    """All files of the index, and the articles."""
    files = [*(home / "index").rglob("*"), *(home / "articles").rglob("*")]
    return {str(file): file.read_bytes() for file in files if file.is_file() and not file.name.endswith(".lock")}


def reported(centre: Centre, changes: Sequence[Change]) -> Report:
    return opened(centre)[0].report(changes)


def judged(centre: Centre, *changes: Change) -> dict[str, Verdict]:
    """The questions that are told something else."""
    cases = reported(centre, changes).cases
    return {case.question: case.verdict for case in cases if case.verdict is not Verdict.SAME}


def test_a_golden_question_breaks_where_its_document_goes_and_improves_where_it_comes(two: Centre) -> None:
    golden(
        two.home,
        [
            {"question": "Refunds", "expected": ["refund"], "answers": ["five days"]},
            {"question": "Delivery", "expected": []},
            {"question": "Warranty", "expected": ["warranty"]},
        ],
    )
    broken = reported(two, [Change("refund", None)])
    assert [case.question for case in broken.broken] == ["Refunds"]
    assert broken.cases[:1] == broken.broken
    assert judged(two, Change("refund", REFUND.replace("five", "nine"))) == {"Refunds": Verdict.BREAKS}
    assert judged(two, Change("delivery", None))["Delivery"] is Verdict.IMPROVES
    text = "---\nlanguage: en\n---\n# Warranty\n\nTwo years from the day you buy.\n"
    assert judged(two, Change("warranty", text))["Warranty"] is Verdict.IMPROVES


def test_what_was_really_asked_is_replayed_as_its_asker_would_ask_it(two: Centre) -> None:
    two.article("inside.md", "---\nlanguage: en\naudience: agent\n---\n# Waiver\n\nWaive the fee once a year.\n")
    two.reindex()
    gate, kb = opened(two)
    journal = Journal(two.paths, two.settings)
    agent = frozenset({"public", "agent"})
    for ask in (
        Ask("Refunds"),
        Ask("Refunds"),
        Ask("Waiver", audiences=agent),
        Ask("Waiver"),
        Ask("Refunds 138 0013 8000"),
    ):
        answer(kb, journal, ask, From())
    journal.close()
    report = gate.report([Change("inside", None)])
    assert report.replayed == 4  # "Refunds" once
    assert "there are no golden questions" in report.notes[0]
    cases = {(case.origin, case.before.documents, case.after.documents): case for case in report.cases}
    lost = cases[Origin.ASKED, ("inside",), ()]
    assert (lost.question, lost.verdict) == ("Waiver", Verdict.BREAKS)
    assert report.broken == ()  # only a golden question needs a reason
    assert "8000" not in str(report)


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (Told("abstained", "no", (), 0.1), Told("answered", "yes", ("a",), 0.9), Verdict.IMPROVES),
        (Told("answered", "yes", ("a",), 0.9), Told("abstained", "no", (), 0.1), Verdict.BREAKS),
        (Told("answered", "yes", ("a",), 0.9), Told("answered", "yes", ("a",), 0.7), Verdict.SAME),
        (Told("answered", "yes", ("a",), 0.9), Told("answered", "yes", ("b",), 0.9), Verdict.CHANGES),
        (Told("answered", "yes", ("a",), 0.9), Told("answered", "yes!", ("a",), 0.9), Verdict.CHANGES),
    ],
)
def test_an_asked_question_is_judged_by_what_it_is_told(before: Told, after: Told, verdict: Verdict) -> None:
    posed = Posed(Ask("?"), Origin.ASKED)
    assert case_of(posed, Side(before, frozenset()), Side(after, frozenset())).verdict is verdict


def test_a_malformed_text_is_refused_with_its_line_and_what_is_accepted(two: Centre) -> None:
    gate, _ = opened(two)
    with pytest.raises(MalformedArticle, match=r"refund\.md:3: colour: "):
        gate.report([Change("refund", "---\nlanguage: en\ncolour: red\n---\n# Refunds\n")])
    with pytest.raises(MalformedArticle, match="found 'other'; accepted here is 'refund'"):
        gate.report([Change("refund", "---\nlanguage: en\nid: other\n---\n# Refunds\n")])


def test_a_malformed_golden_file_is_told_and_holds_nothing_back(two: Centre) -> None:
    (two.home / "golden.jsonl").write_text('{"question": "Refunds"}\n', "utf-8")
    report = reported(two, [Change("refund", None)])
    assert "golden.jsonl:1: expected" in report.notes[0]
    assert report.cases == ()


def test_a_text_that_is_live_already_replays_nothing(two: Centre) -> None:
    golden(two.home, [{"question": "Refunds", "expected": ["refund"]}])
    assert reported(two, [Change("refund", REFUND), Change("delivery", DELIVERY), Change("none", None)]).replayed == 0


def test_an_edit_that_is_published_meanwhile_is_on_both_sides(two: Centre) -> None:
    golden(two.home, [{"question": "Delivery", "expected": ["delivery"]}])
    gate, kb = opened(two)
    stale = kb.reader.view
    two.article("delivery.md", DELIVERY.replace("Tuesday", "Friday"))
    two.reindex()
    assert committed_beside(two.paths.index, stale.manifest, (), replaces=(), change=stale.change) is None
    [case] = gate.report([Change("delivery", DELIVERY.replace("A van", "A bicycle"))]).cases
    assert "Friday" in case.before.text
    assert "A bicycle comes on Tuesday" in case.after.text


def centre_runs(centre: Centre) -> int:
    """How often the model ran for questions."""
    return centre.embedder.batches.total()


def test_no_more_questions_are_replayed_than_take_seconds_and_the_rest_is_counted(
    two: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.gate.opening.MOST", 2)
    golden(two.home, [{"question": f"number {n}", "expected": ["refund"] if n == 4 else ["x"]} for n in range(6)])
    gate, _ = opened(two)
    gate.warm(threading.Event())
    made = centre_runs(two)
    report = gate.report([Change("refund", REFUND.replace("five", "nine"))])
    assert (report.replayed, report.left_out) == (2, 4)
    assert centre_runs(two) == made, "all questions were embedded before"
    assert "number 4" in [case.question for case in report.cases]


def test_the_shell_tells_what_edited_files_would_do_and_exits_with_3_where_a_golden_question_breaks(
    two: Centre, tmp_path: Path
) -> None:
    golden(two.home, [{"question": "Refunds", "expected": ["refund"], "answers": ["five days"]}])
    prompts = 'query_prompt = "q: "\npassage_prompt = "p: "\nmin_confidence = 0.9\ntimezone = "UTC"\n'
    (two.home / "kb.toml").write_text(prompts, "utf-8")
    shell = ["--home", str(two.home), "--model", two.settings.model, "gate"]
    file = two.article("refund.md", REFUND.replace("five", "nine"))
    elsewhere = tmp_path / "edited.md"
    elsewhere.write_text("---\nid: delivery\n" + DELIVERY.removeprefix("---\n").replace("van", "bicycle"), "utf-8")
    broken = CliRunner().invoke(main, [*shell, str(file), str(elsewhere)])
    assert broken.exit_code == 3, broken.output
    assert "breaks (golden): Refunds" in broken.output
    assert "after:  answered [refund] Refunds take nine days." in broken.output
    harmless = CliRunner().invoke(main, [*shell, str(elsewhere), "--json"])
    assert harmless.exit_code == 0
    assert json.loads(harmless.stdout)["replayed"] == 1
