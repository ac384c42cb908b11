"""From tickets to articles: planted cases are found, what articles answer is left, drafts hold nobody's data.

`planted.jsonl` holds 30 cases (z… Chinese in both scripts, e… English), 9 that the sample's articles answer (v…), and
62 tickets that are alone (n…). The part was built with them. `blind.jsonl` was written afterwards, in another style,
and nothing was changed after it was first run.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SAMPLE, Centre, Shell
from server_process import serving
from sklearn.cluster import AgglomerativeClustering

from kb.access.keys import create_key
from kb.cases import grouping
from kb.cases.proposing import Cases, ListedCase, ProposedCase
from kb.config import Paths, load_settings
from kb.editing.proposals import Proposal
from kb.errors import NotShown, UsageError
from kb.ingest.articles import read_article
from kb.knowledge import KnowledgeBase
from kb.progress import silent
from kb.search.embedding import Embedder
from kb.store import database
from kb.writer import Writer, writer_lock

DATA = Path(__file__).parent / "data" / "cases"
NAME = re.compile(r"([a-z][0-9]{2})-[0-9]+")
FIGURES_DIFFER = {"z01", "z06", "z14", "e03", "e08"}
"""The planted cases whose tickets give different figures for one step."""


@dataclass
class Recorded:
    """A `Proposals` that keeps what it is given."""

    proposals: list[Proposal] = field(default_factory=list)

    def propose(self, proposal: Proposal) -> str:
        self.proposals.append(proposal)
        return proposal.id


def read(name: str) -> dict[str, dict[str, Any]]:
    """The tickets of a file, by id."""
    return {
        ticket["id"]: ticket for ticket in map(json.loads, (DATA / f"{name}.jsonl").read_text("utf-8").splitlines())
    }


def every_ticket() -> dict[str, dict[str, Any]]:
    """By id, those of the sample too: some are of a planted matter."""
    sample = map(json.loads, (SAMPLE / "tickets.jsonl").read_text("utf-8").splitlines())
    return {ticket["id"]: ticket for ticket in sample} | read("planted") | read("blind")


def values(name: str) -> dict[str, list[str]]:
    """The personal data that were planted, by ticket."""
    found: dict[str, list[str]] = json.loads((DATA / f"{name}_values.json").read_text("utf-8"))
    return found


def said(tickets: dict[str, dict[str, Any]], ids: tuple[str, ...]) -> str:
    """All that was said in some tickets, as one text."""
    parts = [
        [t["subject"], *(m["text"] for m in t["messages"]), t["resolution"]] for t in (tickets[id_] for id_ in ids)
    ]
    return "\n".join(" ".join(text.split()) for part in parts for text in part)


def planted_in(ids: tuple[str, ...]) -> str:
    """The planted case that most of these tickets are of; "" where it is none."""
    names = Counter(found[1] if (found := NAME.fullmatch(id_)) else "" for id_ in ids)
    return names.most_common(1)[0][0]


@pytest.fixture(scope="module")
def kb(sample_home: Path, tmp_path_factory: pytest.TempPathFactory, bundled_embedder: Embedder) -> KnowledgeBase:
    """The sample with the planted and the blind tickets, embedded once."""
    home = Path(shutil.copytree(sample_home, tmp_path_factory.mktemp("cases") / "home"))
    paths, settings = Paths(home), load_settings(home, {}, {})
    with writer_lock(paths):
        writer = Writer(paths, settings, embedder=bundled_embedder)
        assert not writer.import_files([DATA / "planted.jsonl", DATA / "blind.jsonl"], silent).refused
        writer.close()
    return KnowledgeBase(paths, settings, embedder=bundled_embedder)


@pytest.fixture(scope="module")
def cases(kb: KnowledgeBase) -> Cases:
    return Cases(kb.reader._paths, kb.settings)


@pytest.fixture(scope="module")
def listed(kb: KnowledgeBase, cases: Cases) -> tuple[ListedCase, ...]:
    """Every case, before anything was proposed."""
    return cases.listed(kb, limit=1_000).cases


@dataclass(frozen=True)
class Made:
    """A draft of a planted case, and what was handed in."""

    name: str
    case: ListedCase
    proposed: ProposedCase
    proposal: Proposal


@pytest.fixture(scope="module")
def made(kb: KnowledgeBase, cases: Cases, listed: tuple[ListedCase, ...]) -> list[Made]:
    """A draft of each open planted case."""
    drafts, recorded = [], Recorded()
    for case in listed:
        if case.state == "open" and (name := planted_in(case.tickets)):
            proposed = cases.propose(kb, recorded, case.id)
            drafts.append(Made(name, case, proposed, recorded.proposals[-1]))
    return drafts


def _found(
    listed: tuple[ListedCase, ...], kinds: str, tickets: dict[str, dict[str, Any]]
) -> dict[str, tuple[float, float]]:
    """By planted case: the share of its group that is of it, and the share of it that is in the group."""
    sizes = Counter(id_[:3] for id_ in tickets)
    found: dict[str, tuple[float, float]] = {}
    for case in listed:
        name = planted_in(case.tickets)
        if name and name[0] in kinds:
            own = sum(id_.startswith(f"{name}-") for id_ in case.tickets)
            found[name] = max(
                found.get(name, (0.0, 0.0)), (own / case.size, own / sizes[name]), key=lambda pair: pair[1]
            )
    return found


def test_every_planted_case_is_found_whole_and_nearly_nothing_else_is_in_it(listed: tuple[ListedCase, ...]) -> None:
    found = _found(listed, "ze", read("planted"))
    purity, completeness = np.mean([*found.values()], axis=0)
    assert len(found) == 30
    assert all(share > 0.5 for _, share in found.values())
    assert purity >= 0.97
    assert completeness >= 0.97


def test_tickets_that_are_alone_are_no_case(listed: tuple[ListedCase, ...]) -> None:
    strays = [id_ for case in listed for id_ in case.tickets if id_.startswith("n")]
    assert len(strays) <= 3, strays


def test_what_articles_answer_is_told_with_the_article_and_is_never_proposed(
    kb: KnowledgeBase, cases: Cases, listed: tuple[ListedCase, ...], made: list[Made]
) -> None:
    covered = {planted_in(case.tickets): case for case in listed if planted_in(case.tickets).startswith("v")}
    assert set(covered) == {f"v{number:02}" for number in range(1, 10)}
    assert {case.state for case in covered.values()} == {"covered"}
    assert covered["v01"].article == "zh/returns/refund-time"
    assert covered["v06"].article == "en/app/pairing"
    recorded = Recorded()
    for case in covered.values():
        with pytest.raises(UsageError, match="answers this case already"):
            cases.propose(kb, recorded, case.id)
    assert not recorded.proposals
    assert {draft.name for draft in made if draft.name[0] in "ze"} == {
        *(f"z{number:02}" for number in range(1, 16)),
        *(f"e{number:02}" for number in range(1, 16)),
    }


def sections(draft: str) -> dict[str, list[str]]:
    """The sentences of a draft by heading, without marks of lists and marks for the editor."""
    body = draft.split("\n---\n", 1)[1]
    found: dict[str, list[str]] = {}
    for line in filter(str.strip, body.splitlines()):
        if line.startswith("## "):
            found[line[3:]] = []
        elif not line.strip().startswith("> **"):
            found[[*found][-1]].append(re.sub(r"^(?:- |[0-9]+\. )", "", line))
    return found


def test_every_draft_has_problem_cause_and_steps_in_words_of_its_own_tickets(made: list[Made]) -> None:
    tickets = every_ticket()
    for one in made:
        article = read_article(one.proposal.text.encode(), path=f"{one.proposal.id}.md", timezone=UTC)
        own, parts = said(tickets, one.case.tickets), sections(one.proposal.text)
        assert len(parts) == 3
        assert all(parts.values()), (one.name, one.proposal.text)
        told = [article.title, *article.questions, *(sentence for part in parts.values() for sentence in part)]
        assert [sentence for sentence in told if " ".join(sentence.split()) not in own] == [], one.name


def test_no_draft_holds_a_planted_name_number_or_address(made: list[Made]) -> None:
    planted = values("planted") | values("blind")
    every = {value for found in planted.values() for value in found}
    assert len(every) > 100
    leaked = [(one.name, value) for one in made for value in every if value in one.proposal.text]
    assert leaked == []
    assert not any(
        re.search(r"您好|祝您|Kind regards|Have a lovely|\[(?:name|phone|email)\]", one.proposal.text) for one in made
    )


def test_a_draft_is_an_article_for_agents_that_is_not_published_and_names_its_tickets(made: list[Made]) -> None:
    for one in made:
        article = read_article(one.proposal.text.encode(), path=f"{one.proposal.id}.md", timezone=UTC)
        assert (article.id, article.audience, article.status) == (f"cases/{one.case.id}", ("agent",), "draft")
        assert article.title == one.case.title == one.proposed.title
        assert article.language.partition("-")[0] == one.case.language.partition("-")[0]
        assert set(one.proposal.tickets) == set(one.case.tickets)
        assert one.proposal.origin == "tickets"
    by_name = {one.name: one.proposal.text for one in made}
    assert "product: purifier-p5" in by_name["z01"]
    assert "## 处理步骤" in by_name["z01"]
    assert "## 處理步驟" in by_name["z12"]
    assert "## Steps" in by_name["e01"]


def test_figures_that_differ_between_tickets_are_marked_for_the_editor(made: list[Made]) -> None:
    marked = {one.name for one in made if one.proposed.contested and one.name[0] in "ze"}
    assert marked >= FIGURES_DIFFER
    assert len(marked - FIGURES_DIFFER) <= 3, marked - FIGURES_DIFFER
    text = next(one.proposal.text for one in made if one.name == "e03")
    assert "> **Check before publishing**" in text
    assert "8 litres" in text
    assert "4 litres" in text


def test_what_was_proposed_is_proposed_again_only_once_it_has_grown_by_half(
    kb: KnowledgeBase, cases: Cases, made: list[Made]
) -> None:
    again = {case.id: case for case in cases.listed(kb, limit=1_000).cases}
    for one in made:
        assert again[one.case.id].state == "proposed"
        assert again[one.case.id].draft == one.proposed.draft
    with pytest.raises(UsageError, match="grown by half"):
        cases.propose(kb, Recorded(), made[0].case.id)
    with pytest.raises(NotShown, match="no case"):
        cases.propose(kb, Recorded(), "0" * 12)


def test_of_blind_cases_eight_of_ten_are_found_and_their_drafts_hold_nobodys_data(
    listed: tuple[ListedCase, ...], made: list[Made]
) -> None:
    """As first measured: two are scattered, and one of the eight is taken for covered (0.504)."""
    found = {name: shares for name, shares in _found(listed, "b", read("blind")).items() if shares[1] > 0.5}
    assert len(found) >= 8
    assert min(purity for purity, _ in found.values()) == 1.0
    assert len([one for one in made if one.name[0] == "b"]) >= 7


def test_groups_smaller_than_a_neighbourhood_are_those_of_average_linkage_over_all_pairs() -> None:
    chance = np.random.default_rng(3)
    middles = chance.standard_normal((30, 96))
    vectors = (middles[chance.integers(0, 30, 150)] + 0.5 * chance.standard_normal((150, 96))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = grouping.centred(vectors)
    apart = 1 - np.clip(rows @ rows.T, -1, 1)
    linkage = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="average", distance_threshold=1 - grouping.ALIKE
    )
    labels = linkage.fit_predict(apart).tolist()
    expected = {frozenset(n for n in range(150) if labels[n] == label) for label in set(labels)}
    found = {frozenset(group) for group in grouping.groups(vectors, [frozenset()] * 150)}
    assert found == expected


def test_neighbours_by_clusters_give_the_same_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(5)
    middles = chance.standard_normal((40, 24))
    vectors = (middles[chance.integers(0, 40, 600)] + 0.3 * chance.standard_normal((600, 24))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    exact = grouping.groups(vectors, [frozenset()] * 600)
    monkeypatch.setattr(grouping, "_EXACT_UP_TO", 100)
    assert grouping.groups(vectors, [frozenset()] * 600) == exact


def test_one_matter_between_two_does_not_join_them_and_other_codes_stay_apart() -> None:
    between = np.array([1.0, 1.0]) / np.sqrt(2)
    plane = np.array([[1.0, 0.02 * n] for n in range(4)] + [between.tolist()] + [[0.02 * n, 1.0] for n in range(4)])
    vectors = np.hstack([plane, np.zeros((9, 2))]).astype(np.float32)
    far = np.array([[-1, -1, 3, 0], [-1, -1, 0, 3], [-1, -1, -3, 0], [-1, -1, 0, -3]], np.float32)
    every = np.vstack([vectors, far])
    every /= np.linalg.norm(every, axis=1, keepdims=True)
    groups = grouping.groups(every, [frozenset()] * 13, alike=0.8)
    assert not any({0, 8} <= set(group) for group in groups)
    codes = [frozenset({"E1"}), frozenset({"E3"}), *[frozenset[str]()] * 11]
    assert not any({0, 1} <= set(group) for group in grouping.groups(every, codes, alike=0.8))
    assert any({2, 3} <= set(group) for group in grouping.groups(every, codes, alike=0.8))


MATTERS = {
    "door": ("The door does not close", "Hinge was bent. Unscrew the hinge and fit a new one. Wait 5 minutes."),
    "lamp": ("lamp stays dark", "Fuse had blown. Replace the fuse under the cap. Switch it on again."),
    "card": ("card reader refuses every card", "Reader was dirty. Clean the slot with a dry cloth. Restart the till."),
}


def ticket_of(name: str, n: int) -> dict[str, Any]:
    """The nth ticket of a matter; the third of all gives another figure where there is one."""
    subject, resolution = MATTERS[name]
    return {
        "kind": "ticket",
        "id": f"{name}/{n}",
        "subject": subject,
        "status": "solved",
        "language": "en",
        "messages": [{"author": "customer", "text": f"{subject} since day {n}", "at": f"2026-10-0{n}T10:00:00Z"}],
        "resolution": resolution.replace("5 minutes", "9 minutes") if n == 3 else resolution,
        "closed_at": f"2026-10-0{n}T12:00:00Z",
    }


def write_tickets(file: Path, tickets: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(ticket) + "\n" for ticket in tickets), "utf-8")
    return file


@pytest.fixture
def desk(centre: Centre, tmp_path: Path) -> Centre:
    """A centre with three matters, of three or four tickets each, and the tiny model."""
    tickets = [ticket_of(name, n) for name in MATTERS for n in range(1, 5 if name == "door" else 4)]
    file = write_tickets(tmp_path / "desk.jsonl", tickets)
    centre.article("hours.md", "---\nlanguage: en\n---\n# Opening hours\n\nWe are open from nine to five.\n")
    centre.reindex()
    assert centre.import_(file).added == 10
    return centre


def test_the_shell_lists_cases_and_makes_drafts_of_them_once(desk: Centre, shell: Shell) -> None:
    listed = json.loads(shell(desk.home, "cases", "--json").stdout)
    assert [case["size"] for case in listed["cases"]] == [4, 3, 3]
    first = listed["cases"][0]
    assert (first["title"], first["state"], first["since"][:10]) == ("The door does not close", "open", "2026-10-01")
    made = json.loads(shell(desk.home, "cases", "--propose", "2", "--json").stdout)["proposed"]
    assert made[0]["draft"] == f"cases/{first['id']}"
    waiting = json.loads(shell(desk.home, "article", "show", made[0]["draft"], "--json").stdout)
    assert (waiting["state"], len(waiting["tickets"])) == ("draft", 4)
    assert "9 minutes" in waiting["text"], "another figure is shown to the editor"
    one = shell(desk.home, "cases", "lamp/2")
    assert one.returncode == 0
    assert "lamp stays dark (1 ticket)" in one.stdout
    cases, kb = Cases(desk.paths, desk.settings), desk.open()
    assert sorted(case.state for case in cases.listed(kb).cases) == ["open", "proposed", "proposed"]
    assert [case.size for case in cases.listed(kb, least=4).cases] == [4]
    with pytest.raises(UsageError, match="lamp/99"):
        cases.propose_ticket(kb, Recorded(), "lamp/99")


def test_editors_list_and_propose_over_http(desk: Centre, tiny_model: Path) -> None:
    keys = {role: {"Authorization": f"Bearer {create_key(desk.paths, role).key}"} for role in ("agent", "editor")}  # type: ignore[arg-type]
    with serving(desk.home, str(tiny_model)) as server:
        get, post = server.client.get, server.client.post
        assert get("/api/cases", headers=keys["agent"]).status_code == 403
        case = get("/api/cases?limit=1", headers=keys["editor"]).json()["cases"][0]
        path = f"/api/cases/{case['id']}/propose"
        assert post(path, headers=keys["agent"]).status_code == 403
        made = post(path, headers=keys["editor"])
        assert (made.status_code, made.json()["draft"]) == (201, f"cases/{case['id']}")
        assert sorted(made.json()["tickets"]) == ["door/1", "door/2", "door/3", "door/4"]
        again = post(path, headers=keys["editor"])
        assert (again.status_code, "grown by half" in again.json()["detail"]) == (400, True)
        assert post("/api/cases/nothing/propose", headers=keys["editor"]).status_code == 404
        search = server.client.get("/api/search?q=hinge", headers=keys["editor"]).json()
        assert not [hit for hit in search["hits"] if hit["document_id"].startswith("cases/")], "a draft is not live"


def test_a_case_that_grew_by_half_is_open_again(desk: Centre, tmp_path: Path) -> None:
    cases, kb = Cases(desk.paths, desk.settings), desk.open()
    case = cases.listed(kb).cases[0]
    cases.propose(kb, Recorded(), case.id)
    assert cases.listed(kb).cases[0].state == "proposed"
    desk.import_(write_tickets(tmp_path / "more.jsonl", [ticket_of("door", n) for n in (5, 6)]))
    grown = cases.listed(kb).cases[0]
    assert (grown.id, grown.size, grown.state) == (case.id, 6, "open")


def test_an_erased_ticket_is_forgotten_where_it_was_proposed(desk: Centre) -> None:
    cases, kb = Cases(desk.paths, desk.settings), desk.open()
    cases.propose_ticket(kb, Recorded(), "lamp/2")
    assert desk.rows("SELECT ticket_id FROM proposed") == [("lamp/2",)]
    with closing(database.open_for_writing(desk.paths.database)) as db, database.transaction(db):
        db.execute("PRAGMA defer_foreign_keys = ON")
        for table, column in (("passages", "document_id"), ("revisions", "document_id"), ("documents", "id")):
            db.execute(f"DELETE FROM {table} WHERE {column} = 'lamp/2'")
    assert desk.rows("SELECT ticket_id FROM proposed") == []
