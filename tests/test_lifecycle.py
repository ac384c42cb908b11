"""The table of states and moves: what it says, that the docs say the same, and that articles go by it in every role."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import ROOT, Centre, found, tiny_settings
from editors import EVA, LI, WANG, Editors, text

from kb.editing import listing
from kb.editing.describing import renewed
from kb.editing.desk import Actor
from kb.editing.publication import Order
from kb.editing.states import CLOCK, CONDITIONS, FILES, MOVES, REASONS, ROLES, RULES, STATES, Move, Rule, State, decide
from kb.errors import MoveRefused, NotShown, StaleBase
from kb.progress import silent
from kb.search.embedding import Embedder
from kb.store import database
from kb.writer import Writer, writer_lock


def test_the_docs_say_what_the_code_says() -> None:
    document = (ROOT / "docs" / "lifecycle.md").read_text("utf-8")
    assert document == renewed(document), "run `python -m kb.editing.describing docs/lifecycle.md`"


def test_the_table_names_only_what_is_explained_and_all_of_it() -> None:
    assert set(STATES) == set(State)
    assert set(MOVES) == {rule.move for rule in RULES} == set(Move)
    used = {reason for rule in RULES for reason in rule.unless}
    assert used | {"not_in_this_state", "role"} == set(REASONS)
    assert {rule.when for rule in RULES} - {None} == set(CONDITIONS)
    assert {rule.by for rule in RULES} == {"editor", CLOCK, FILES}


def test_only_the_clock_and_files_move_as_they_do() -> None:
    for rule, by in itertools.product(RULES, (*ROLES, CLOCK, FILES)):
        mine = by in ("editor", "admin") if rule.by == "editor" else by == rule.by
        for state in rule.states:
            facts = [rule.when] if rule.when else []
            if mine:
                assert decide(state, rule.move, by, facts) is rule
            else:
                with pytest.raises(MoveRefused) as refused:
                    decide(state, rule.move, by, facts)
                assert refused.value.reason == "role"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.move}-{rule.when or 'always'}")
def test_each_reason_of_a_row_refuses_it(rule: Rule) -> None:
    by = "editor" if rule.by == "editor" else rule.by
    for state, reason in itertools.product(rule.states, rule.unless):
        with pytest.raises(MoveRefused) as refused:
            decide(state, rule.move, by, [reason, *([rule.when] if rule.when else [])])
        assert (refused.value.reason, str(refused.value)) == (reason, REASONS[reason])


# What articles do. Each letter is a state before a move: d(raft), r(eview), a(pproved), s(cheduled), p(ublished),
# t (retired), f (a file that says draft), n(one). What is written here is not read from the table.

AFTER = {
    "d": "draft",
    "r": "in_review",
    "a": "approved",
    "s": "scheduled",
    "p": "published",
    "t": "retired",
    "n": "none",
}
REFUSED = {".": "not_in_this_state", "N": "needs_approval", "O": "approval_off", "L": "not_live",
           "E": "no_edit", "T": "id_taken", "-": "role"}  # fmt: skip
WITHOUT = """
              d  r  s  p  t  f  n
create        T  T  T  T  T  T  d
save          d  r  .  d  d  d  .
submit        r  .  .  .  .  r  .
send_back     .  d  .  .  .  .  .
approve       .  O  .  .  .  .  .
publish       p  p  p  .  .  p  .
schedule      s  s  s  .  .  s  .
unschedule    .  .  d  .  .  .  .
retire        d  r  .  t  .  L  .
discard       p  p  .  .  .  E  .
delete        t  t  .  t  t  t  .
"""
WITH = """
              d  r  a  s  p  t  f  n
create        T  T  T  T  T  T  T  d
save          d  r  r  .  d  d  d  .
submit        r  .  .  .  .  .  r  .
send_back     .  d  d  .  .  .  .  .
approve       .  a  .  .  .  .  .  .
publish       N  N  p  p  .  .  N  .
schedule      N  N  s  s  .  .  N  .
unschedule    .  .  .  a  .  .  .  .
retire        d  r  a  .  t  .  L  .
discard       p  p  p  .  .  .  E  .
delete        t  t  t  .  t  t  t  .
"""


@dataclass(frozen=True)
class Case:
    """One move from one state, with or without approval, by one role, and what it is to lead to."""

    approval: bool
    before: str
    move: Move
    role: str
    wanted: str

    @property
    def id(self) -> str:
        """An article of its own; cases in which nothing may change share one for each state."""
        own = "still" if self.wanted in REFUSED else f"{self.move}-{self.role}"
        return f"{'with' if self.approval else 'without'}/{self.before}-{own}"


def cases(table: str, approval: bool) -> Iterator[Case]:
    heads, *rows = [line.split() for line in table.strip().splitlines()]
    for move, *cells in rows:
        for before, wanted in zip(heads, cells, strict=True):
            for role in ROLES:
                yield Case(approval, before, Move(move), role, wanted if ROLES.index(role) > 1 else "-")


CASES = [*cases(WITHOUT, False), *cases(WITH, True)]
MODES = {False: "without approval", True: "with approval"}


class House:
    """A home in which every case has an article of its own, its live text saying green, and one writer."""

    def __init__(self, centre: Centre) -> None:
        for case in CASES:
            if case.before != "n" and not (centre.paths.articles / f"{case.id}.md").exists():
                front = {"f": "draft", "t": "retired"}.get(case.before, "published")
                centre.article(f"{case.id}.md", text("green", status=front))
        assert not centre.reindex().refused
        self.modes = {approval: Editors(centre, approval=approval) for approval in (False, True)}
        self.writer = Writer(centre.paths, centre.settings, embedder=centre.embedder)

    def bring(self, case: Case) -> Editors:
        """Brings the case's article into its state: what Li wrote, Wang approves."""
        editors, steps = self.modes[case.approval], {"d": 0, "r": 1, "a": 2, "s": 3}.get(case.before)
        self.writer.settings = editors.settings
        if steps is None or editors.standing(case.id).draft is not None:
            return editors
        number = editors.desk.save(LI, case.id, 1, text("red"))
        if steps >= 1:
            editors.desk.submit(LI, case.id, number)
        if steps >= 2 and case.approval:
            editors.desk.approve(WANG, case.id, number)
        if steps >= 3:
            editors.desk.schedule(LI, case.id, number, in_an_hour())
        return editors

    def act(self, editors: Editors, case: Case) -> None:
        desk, actor, number = editors.desk, Actor(f"some {case.role}", case.role), editors.number(case.id)
        if case.move is Move.CREATE:
            desk.create(actor, case.id, text("blue"))
        elif case.move is Move.SAVE:
            desk.save(actor, case.id, number, text("blue"))
        elif case.move is Move.SCHEDULE:
            desk.schedule(actor, case.id, number, in_an_hour())
        elif case.move in (Move.SUBMIT, Move.APPROVE, Move.SEND_BACK, Move.UNSCHEDULE):
            getattr(desk, case.move)(actor, case.id, number)
        else:
            self.writer.carry_out(Order(case.move, case.id, number, actor.id, actor.role), silent)


def in_an_hour() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Embedder) -> Iterator[House]:
    home = tmp_path_factory.mktemp("house") / "home"
    centre = Centre(home, tiny_settings(tiny_model), tiny_embedder)
    (home / "index").mkdir(parents=True)
    made = House(centre)
    with writer_lock(centre.paths):
        yield made
        made.writer.close()


@pytest.mark.parametrize("approval", MODES, ids=MODES.get)
@pytest.mark.parametrize("move", [move for move in Move if any(case.move is move for case in CASES)], ids=str)
def test_from_every_state_a_move_leads_where_it_should_for_every_role_or_says_why_not(
    house: House, move: Move, approval: bool
) -> None:
    for case in CASES:
        if case.move is not move or case.approval is not approval:
            continue
        editors = house.bring(case)
        before = editors.standing(case.id).state
        if case.wanted in REFUSED:
            with pytest.raises((MoveRefused, NotShown)) as refused:
                house.act(editors, case)
            missing = case.before == "n" and case.move is not Move.CREATE
            assert isinstance(refused.value, NotShown) if missing else refused.value.reason == REFUSED[case.wanted], (
                case
            )
            assert editors.standing(case.id).state is before
            continue
        house.act(editors, case)
        assert editors.standing(case.id).state == AFTER[case.wanted], case
        assert editors.live(case.id) == live_after(case), case


def live_after(case: Case) -> str | None:
    """What is found then: an edit is Li's and says red, or was saved by this move and waits."""
    if case.move is Move.PUBLISH:
        return "green" if case.before == "f" else "red"
    gone = case.before in "ftn" or case.move in (Move.RETIRE, Move.DELETE)
    return None if gone else "green"


def test_who_wrote_a_part_of_an_edit_may_not_approve_it_and_another_text_needs_another_approval(centre: Centre) -> None:
    centre.article("lamp.md", text("green"))
    centre.reindex()
    editors = Editors(centre, approval=True)
    editors.desk.submit(LI, "lamp", editors.desk.save(LI, "lamp", 1, text("red")))
    number = editors.desk.save(WANG, "lamp", 2, text("blue"))
    for actor in (LI, WANG):
        with pytest.raises(MoveRefused) as refused:
            editors.desk.approve(actor, "lamp", number)
        assert refused.value.reason == "wrote_it"
    editors.desk.approve(EVA, "lamp", number)
    number = editors.desk.save(LI, "lamp", number, text("pink"))
    assert editors.standing().state is State.IN_REVIEW
    with pytest.raises(MoveRefused) as refused:
        editors.publish()
    assert refused.value.reason == "needs_approval"
    editors.desk.approve(EVA, "lamp", number)
    editors.desk.send_back(EVA, "lamp", number, "not so soon")
    editors.desk.submit(LI, "lamp", number)
    with pytest.raises(MoveRefused):
        editors.publish()
    editors.desk.approve(EVA, "lamp", number)
    editors.publish(actor=LI)
    assert editors.live() == "pink"
    rows = centre.rows("SELECT revision, actor, authors, approved_by FROM publications")
    assert rows == [(number, "li", '["li", "wang"]', '["eva"]')]


# By files alone


def test_by_files_alone_an_article_goes_through_its_states(centre: Centre) -> None:
    editors = Editors(centre)
    for status, state in (("draft", "draft"), ("published", "published"), ("retired", "retired"), ("published",) * 2):
        centre.article("lamp.md", text("green", status=status))
        centre.reindex()
        assert editors.standing().state == state
        assert found(centre.open()) == ({"lamp": "The lamp is green."} if status == "published" else {})
    (centre.home / "articles" / "lamp.md").unlink()
    centre.reindex()
    assert editors.standing().state is State.RETIRED


def test_by_files_alone_an_edit_stays_what_it_is_while_its_file_changes(centre: Centre) -> None:
    centre.article("lamp.md", text("green"))
    centre.reindex()
    editors = Editors(centre)
    editors.desk.submit(LI, "lamp", editors.desk.save(LI, "lamp", 1, text("red")))
    for status in ("published", "draft", "retired", None):
        file = centre.article("lamp.md", text("white", status=status or ""))
        file.unlink() if status is None else None
        centre.reindex()
        assert editors.standing().state is State.IN_REVIEW
        assert editors.live() == ("white" if status == "published" else None)


def test_with_approval_a_changed_file_enters_review_and_what_is_live_stays(centre: Centre) -> None:
    editors = Editors(centre, approval=True)
    centre.article("lamp.md", text("green"))
    assert centre.reindex().held == 0, "the first reindex of an empty home is let through"
    assert editors.live() == "green"
    centre.article("lamp.md", text("red"))
    centre.article("new.md", text("new"))
    assert (centre.reindex().held, centre.reindex().held) == (2, 0)
    assert (editors.standing().state, editors.live(), editors.file()) == ("in_review", "green", "red")
    assert (editors.standing("new").state, editors.live("new")) == ("in_review", None)
    editors.desk.approve(LI, "lamp", 2)
    editors.publish()
    assert (editors.live(), editors.file()) == ("red", "red")
    editors.order(Move.DISCARD, "new")
    assert (editors.file("new"), editors.standing("new").state) == (None, "none")


def test_with_approval_discarding_what_was_done_by_hand_writes_the_live_text_back(centre: Centre) -> None:
    editors = Editors(centre, approval=True)
    file = centre.article("lamp.md", text("green", owner="nora  # the owner"))
    before = file.read_text("utf-8")
    centre.reindex()
    centre.article("lamp.md", text("red", owner="nora  # the owner"))
    centre.reindex()
    editors.order(Move.DISCARD)
    assert (editors.standing().state, file.read_text("utf-8")) == ("published", before)
    assert (centre.reindex().held, editors.live()) == (0, "green")


def test_with_approval_a_file_that_says_the_live_text_again_leaves_review(centre: Centre) -> None:
    editors = Editors(centre, approval=True)
    for word in ("green", "red", "green"):
        centre.article("lamp.md", text(word))
        centre.reindex()
    assert editors.standing().state is State.PUBLISHED
    centre.article("lamp.md", text("red"))
    centre.reindex()
    editors.desk.save(WANG, "lamp", editors.number(), text("pink"))
    centre.article("lamp.md", text("green"))
    centre.reindex()
    assert editors.standing().state is State.IN_REVIEW, "Wang has gone on from it"


def test_with_approval_a_file_that_changes_under_an_edit_is_its_newest_text_and_voids_its_approval(
    centre: Centre,
) -> None:
    editors = Editors(centre, approval=True)
    centre.article("lamp.md", text("green"))
    centre.reindex()
    number = editors.desk.save(LI, "lamp", 1, text("red"))
    editors.desk.submit(LI, "lamp", number)
    editors.desk.approve(WANG, "lamp", number)
    editors.desk.schedule(LI, "lamp", number, in_an_hour())
    centre.article("lamp.md", text("white"))
    assert centre.reindex().held == 1
    standing = editors.standing()
    assert (standing.state, standing.number, standing.draft and standing.draft.due) == ("in_review", 3, None)
    with pytest.raises(StaleBase) as stale:
        editors.desk.save(LI, "lamp", number, text("blue"))
    assert stale.value.sides["theirs"]["text"] == text("white")
    assert (editors.live(), editors.file()) == ("green", "white")


def test_with_approval_imports_are_let_through_and_are_not_edited_here(centre: Centre, tmp_path: Path) -> None:
    editors = Editors(centre, approval=True)
    centre.article("lamp.md", text("green"))
    centre.reindex()
    file = tmp_path / "shop.jsonl"
    file.write_text('{"kind": "article", "id": "sofa", "title": "Sofa", "body": "The sofa is teal."}\n')
    assert centre.import_(file).added == 1
    assert editors.live("sofa") == "teal"
    for move in (lambda: editors.desk.save(LI, "sofa", 1, text("x")), lambda: editors.order(Move.RETIRE, "sofa")):
        with pytest.raises(MoveRefused) as refused:
            move()
        assert refused.value.reason == "imported"


def test_a_text_and_its_number_are_of_one_moment(centre: Centre) -> None:
    editors = Editors(centre)
    number = editors.desk.create(LI, "lamp", text("green"))
    reading = database.open_for_reading(editors.paths.database)
    later: list[int] = []

    def save_meanwhile(statement: str) -> None:
        if not later and "json_each" in statement:  # the line, whose number is read after the edit
            later.append(editors.desk.save(WANG, "lamp", number, text("red")))

    with closing(reading.conn):
        reading.conn.set_trace_callback(save_meanwhile)
        seen = listing.shown(reading, editors.paths, editors.settings, "lamp")
        reading.conn.set_trace_callback(None)
    assert later == [number + 1]
    assert centre.rows("SELECT text FROM versions WHERE revision = ?", seen.revision) == [(seen.text,)]
