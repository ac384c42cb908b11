"""What becomes live: the file and the database together, whatever is killed, and nothing that was not read."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from conftest import Centre, Shell, found, tiny_settings
from dying import dies_at, points, steps_of
from editors import LI, WANG, Editors, text

from kb.editing.desk import Desk
from kb.editing.gating import Case, Change, Origin, Report, Told, Verdict
from kb.editing.intake import Intake
from kb.editing.proposals import Image, Proposal, Proposals
from kb.editing.publication import Order
from kb.editing.states import Move
from kb.errors import InputError, MoveRefused, StaleBase, StoreError
from kb.progress import Progress, silent
from kb.publishing import Incoming
from kb.search.embedding import Embedder, describe
from kb.turns import Turns
from kb.writer import Writer

Work = Callable[[], None]


@pytest.fixture
def editors(centre: Centre) -> Editors:
    centre.article("lamp.md", text("green"))
    assert centre.reindex().added == 1
    return Editors(centre)


def test_an_edit_is_found_once_it_is_published_and_the_live_text_serves_until_then(editors: Editors) -> None:
    number = editors.desk.save(LI, "lamp", 1, text("red"))
    assert (number, editors.live(), editors.file()) == (2, "green", "green")
    assert found(editors.centre.open()) == {"lamp": "The lamp is green."}
    editors.publish()
    assert (editors.live(), editors.file(), editors.number()) == ("red", "red", 2)
    assert found(editors.centre.open()) == {"lamp": "The lamp is red."}
    assert editors.standing().draft is None
    again = editors.centre.reindex()
    assert (again.added, again.changed, again.unchanged) == (0, 0, 1)


def test_numbers_are_shared_and_a_file_changed_by_hand_gets_the_next(editors: Editors) -> None:
    editors.desk.save(LI, "lamp", 1, text("red"))
    editors.desk.save(WANG, "lamp", 2, text("blue"))
    editors.centre.article("lamp.md", text("white"))
    editors.centre.reindex()
    assert editors.centre.rows("SELECT revision FROM revisions ORDER BY revision") == [(1,), (4,)]
    with pytest.raises(StaleBase) as stale:
        editors.publish(match=3)
    assert [side["text"] for side in (stale.value.sides["base"], stale.value.sides["theirs"])] == [
        text("blue"), text("blue")
    ]  # fmt: skip
    with pytest.raises(MoveRefused) as refused:
        editors.publish()
    assert refused.value.reason == "stale_base"
    editors.desk.save(LI, "lamp", 4, text("pink"))
    editors.publish()
    assert editors.live() == editors.file() == "pink"


def test_a_file_that_was_changed_and_not_read_is_never_overwritten(editors: Editors) -> None:
    number = editors.desk.save(LI, "lamp", 1, text("red"))
    editors.centre.article("lamp.md", text("white"))
    for move in (Move.PUBLISH, Move.RETIRE, Move.DISCARD, Move.DELETE):
        with pytest.raises(MoveRefused) as refused:
            editors.order(move, match=number)
        assert refused.value.reason == "file_unread"
    assert editors.file() == "white"


EDITIONS = {Move.PUBLISH: "red", Move.RETIRE: None, Move.DELETE: None, Move.DISCARD: "green"}


def carry_out(home: Path, model: str, move: Move) -> None:
    """In a process of its own: what a move does, from the opening of the database to the end of indexing."""
    embedder = Embedder(describe(model, query_prompt="q: ", passage_prompt="p: "))
    editors = Editors(Centre(home, tiny_settings(Path(model)), embedder), approval=move is Move.DISCARD)
    editors.order(move)


@pytest.mark.parametrize("move", EDITIONS, ids=str)
def test_killed_at_any_step_a_move_leaves_the_old_or_the_new_and_file_and_database_agree(
    editors: Editors, move: Move, tmp_path: Path
) -> None:
    if move is Move.DISCARD:
        editors = Editors(editors.centre, approval=True)
        editors.centre.article("lamp.md", text("red"))
        assert editors.centre.reindex().held == 1
        assert (editors.live(), editors.file()) == ("green", "red")
    elif move is Move.PUBLISH:
        editors.desk.save(LI, "lamp", 1, text("red"))
    kept, model = shutil.copytree(editors.centre.home, tmp_path / "kept"), editors.settings.model
    steps = steps_of(carry_out, shutil.copytree(kept, tmp_path / "whole"), model, move)
    seen = set()
    for step in points(steps, at_most=10 if move is Move.PUBLISH else 5):
        home = Path(shutil.copytree(kept, tmp_path / f"at-{step}"))
        assert dies_at(step, carry_out, home, model, move) == (step <= steps)
        after = Editors(Centre(home, editors.settings, editors.centre.embedder), approval=move is Move.DISCARD)
        assert after.centre.reindex().refused == 0
        live, file, draft = after.live(), after.file(), after.standing().draft
        done = live == EDITIONS[move] and draft is None
        assert done or (live == "green" and (draft is not None) == (move in (Move.PUBLISH, Move.DISCARD)))
        if move is Move.RETIRE:
            assert ("retired" in (home / "articles" / "lamp.md").read_text()) == done
        elif move is Move.DISCARD:
            assert file == ("green" if done else "red")
        else:
            assert file == live
        assert found(after.centre.open()) == ({"lamp": f"The lamp is {live}."} if live else {})
        assert after.centre.rows("SELECT count(*) FROM intents") == [(0,)]
        assert not list((home / "articles").glob(".*"))
        shutil.rmtree(home)
        seen.add(done)
    assert seen == {False, True}


# The gate


TOLD = Told("answered", "It is green.", ("lamp",), 0.9)


class OneGate:
    """A gate that says the same of every edit, and remembers what it was asked about."""

    def __init__(self, verdict: Verdict) -> None:
        case = Case("What colour is it?", Origin.GOLDEN, verdict, TOLD, TOLD, ("lamp",))
        self.said, self.asked = Report((case,), 12.5), list[Change]()

    def report(self, changes: Sequence[Change]) -> Report:
        self.asked += changes
        return self.said


def test_breaking_golden_questions_needs_a_reason_which_is_kept_with_what_the_gate_said(editors: Editors) -> None:
    gate = OneGate(Verdict.BREAKS)
    desk = Desk(editors.paths, editors.settings, gate)
    turns = Turns(editors.paths, threading.Event(), lambda: None)
    number = editors.desk.save(LI, "lamp", 1, text("red"))

    def publish(writer: Writer, reason: str | None) -> None:
        order = Order(Move.PUBLISH, "lamp", number, "li", "editor", reason)
        turns.article(writer, lambda: desk)(msgspec.to_builtins(order), silent)

    with pytest.raises(MoveRefused) as refused:
        editors.write(lambda writer: publish(writer, None))
    assert refused.value.reason == "breaks_golden"
    assert refused.value.detail["report"]["cases"][0]["question"] == "What colour is it?"
    assert (editors.live(), editors.file()) == ("green", "green")
    editors.write(lambda writer: publish(writer, "it was painted"))
    assert (editors.live(), gate.asked) == ("red", [Change("lamp", text("red"))] * 2)
    ((reason, said),) = editors.centre.rows("SELECT reason, gate FROM publications")
    kept = {"breaks": 1, "broken": ["What colour is it?"], "took_ms": 12.5}
    assert (reason, json.loads(said)) == ("it was painted", kept)
    ((detail,),) = editors.centre.rows("SELECT detail FROM audit WHERE action = 'publication'")
    assert json.loads(detail) == {"revision": 2, "move": "publish", "reason": "it was painted"}


def test_a_time_that_is_named_needs_a_reason_too_and_what_the_gate_said_then_is_kept(editors: Editors) -> None:
    desk = Desk(editors.paths, editors.settings, OneGate(Verdict.BREAKS))
    number, soon = desk.save(LI, "lamp", 1, text("red")), datetime.now(UTC) + timedelta(seconds=0.3)
    with pytest.raises(MoveRefused, match="Golden questions"):
        desk.schedule(LI, "lamp", number, soon)
    desk.schedule(LI, "lamp", number, soon, "it was painted")
    time.sleep(0.3)
    editors.write(lambda writer: writer.publish_due(silent))
    assert editors.live() == "red"
    ((actor, reason, said),) = editors.centre.rows("SELECT actor, reason, gate FROM publications")
    assert (actor, reason, json.loads(said)["broken"]) == ("li", "it was painted", ["What colour is it?"])


def test_what_may_not_go_live_when_it_is_due_waits_with_the_reason(editors: Editors) -> None:
    number = editors.desk.save(LI, "lamp", 1, text("red"))
    editors.desk.schedule(LI, "lamp", number, datetime.now(UTC) + timedelta(seconds=0.2))
    editors.centre.article("lamp.md", text("white"))
    editors.centre.reindex()
    time.sleep(0.2)
    for _ in range(2):
        editors.write(lambda writer: writer.publish_due(silent))
    draft = editors.standing().draft
    assert draft is not None
    assert (draft.state, draft.due, editors.live()) == ("draft", None, "white")
    assert "What is live changed" in (draft.trouble or "")
    assert editors.centre.rows("SELECT actor, detail FROM audit WHERE action = 'schedule_failed'") == [
        ("server", '{"why": "stale_base"}')
    ]


def test_a_time_in_the_past_is_refused(editors: Editors) -> None:
    number = editors.desk.save(LI, "lamp", 1, text("red"))
    with pytest.raises(MoveRefused) as refused:
        editors.desk.schedule(LI, "lamp", number, datetime.now(UTC))
    assert refused.value.reason == "past"


# Files


def test_an_edit_keeps_the_comments_and_the_keys_of_its_file_as_they_were_typed(editors: Editors) -> None:
    typed = "---\nlanguage: en\nowner: 'nora'  # since May\nstatus: draft\n---\n# Lamp\n\nThe lamp is red.\n"
    editors.desk.save(LI, "lamp", 1, typed)
    editors.publish()
    assert (editors.paths.articles / "lamp.md").read_text("utf-8") == typed.replace("status: draft\n", "")
    editors.order(Move.RETIRE)
    retired = (editors.paths.articles / "lamp.md").read_text("utf-8")
    assert "owner: 'nora'  # since May\n" in retired
    assert "status: retired\n" in retired
    assert editors.centre.reindex().changed == 0


def test_a_file_that_cannot_be_written_leaves_all_as_it_was_and_says_so(editors: Editors) -> None:
    (editors.paths.articles / "shelf").write_text("no folder")
    editors.desk.create(LI, "shelf/lamp", text("red"))
    with pytest.raises(StoreError, match=r"shelf/lamp\.md: cannot be written"):
        editors.publish("shelf/lamp")
    assert (editors.standing("shelf/lamp").state, editors.live("shelf/lamp")) == ("draft", None)
    (editors.paths.articles / "shelf").unlink()
    editors.publish("shelf/lamp")
    assert editors.live("shelf/lamp") == "red"


def test_an_article_does_not_take_the_file_of_another(editors: Editors) -> None:
    editors.centre.article("shade.md", text("white", id="hood"))
    editors.centre.reindex()
    with pytest.raises(MoveRefused, match=r"shade\.md holds 'hood'"):
        editors.desk.create(LI, "shade", text("red"))
    editors.desk.create(LI, "late", text("red"))
    editors.centre.article("late.md", text("white", id="early"))
    editors.centre.reindex()
    with pytest.raises(MoveRefused) as refused:
        editors.publish("late")
    assert (refused.value.reason, editors.live("early")) == ("file_unread", "white")


def test_a_link_that_leads_outside_is_not_followed(editors: Editors, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (editors.paths.articles / "out").symlink_to(tmp_path / "outside")
    editors.desk.create(LI, "out/lamp", text("red"))
    with pytest.raises(InputError, match="leads outside"):
        editors.publish("out/lamp")
    assert not list((tmp_path / "outside").iterdir())


def test_an_edit_saved_while_it_is_published_goes_on_from_there(editors: Editors) -> None:
    number = editors.desk.save(LI, "lamp", 1, text("red"))

    def publish(writer: Writer) -> None:
        store = writer._publisher.store_one

        def store_meanwhile(item: Incoming, told: Progress, *, first: Work, within: Work) -> None:
            def begun() -> None:
                first()
                editors.desk.save(WANG, "lamp", number, text("blue"))

            store(item, told, first=begun, within=within)

        writer._publisher.store_one = store_meanwhile  # type: ignore[method-assign,assignment]
        writer.carry_out(Order(Move.PUBLISH, "lamp", number, "li", "editor"), silent)

    editors.write(publish)
    draft = editors.standing().draft
    assert draft is not None
    assert (editors.live(), draft.revision, draft.base, draft.first) == ("red", 3, 2, 3)
    editors.publish()
    assert editors.live() == "blue"


# Proposals


def test_a_proposal_is_a_draft_with_its_pictures_and_tickets_and_goes_live_with_them(editors: Editors) -> None:
    intake: Proposals = Intake(editors.paths, editors.settings, LI)
    images = (Image("steps-1.png", b"one"), Image("步骤.png", b"two"))
    proposal = Proposal("lamp", text("red"), "tickets", ("T-1", "T-2"), images)
    other = replace(proposal, text=text("blue"))
    assert [intake.propose(each) for each in (proposal, other, proposal, other)] == ["lamp-2", "lamp-3"] * 2
    standing = editors.standing("lamp-2")
    assert standing.draft is not None
    assert (standing.state, standing.draft.origin, standing.draft.tickets) == ("draft", "tickets", ("T-1", "T-2"))
    assert editors.live("lamp-2") is None
    assert editors.centre.reindex().added == 0, "nothing is published by itself"
    editors.publish("lamp-2")
    folder = editors.paths.articles
    assert ((folder / "steps-1.png").read_bytes(), (folder / "步骤.png").read_bytes()) == (b"one", b"two")
    assert editors.centre.rows("SELECT tickets, authors FROM publications") == [('["T-1", "T-2"]', '["tickets"]')]
    (folder / "steps-1.png").write_bytes(b"another")
    with pytest.raises(MoveRefused) as refused:
        editors.publish("lamp-3")
    assert (refused.value.reason, (folder / "steps-1.png").read_bytes()) == ("image_taken", b"another")


@pytest.mark.parametrize("name", ["../x.png", "a/b.png", ".hidden.png", "x.md", "", "a\nb.png"])
def test_a_picture_that_would_lie_elsewhere_is_refused(editors: Editors, name: str) -> None:
    with pytest.raises(InputError, match="accepted is a file's name"):
        Intake(editors.paths, editors.settings, LI).propose(Proposal("a", text("x"), "t", (), (Image(name, b""),)))
    assert editors.standing("a").state == "none"


# The shell


def test_the_shell_does_what_editors_do(two: Centre, shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "new.md"
    file.write_text(text("red"), "utf-8")

    def kb(*arguments: str, code: int = 0) -> str:
        done = shell(two.home, "article", *arguments)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    assert kb("new", "lamp", str(file)) == "lamp is draft at 1; nothing is live\n"
    assert "lamp" in kb("list", "--state", "draft")
    assert kb("schedule", "lamp", "2999-01-01T08:00").startswith("lamp is scheduled at 1")
    assert kb("publish", "lamp") == "lamp is published at 1; live is 1\n"
    assert "you know 7" in kb("retire", "lamp", "--revision", "7", code=1)
