"""What becomes live: the file and the database together, whatever is killed, and nothing that was not read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import Centre, found, tiny_settings
from dying import dies_at, points, steps_of
from editors import LI, WANG, Editors, text

from kb.editing.states import Move
from kb.errors import MoveRefused, StaleBase
from kb.search.embedding import Embedder, describe


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
    for step in points(steps, at_most=12 if move is Move.PUBLISH else 6):
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
