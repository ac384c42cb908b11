"""Keys, people, the audit log and settings over HTTP: for admins alone; nobody is shut out by a slip."""

from __future__ import annotations

import csv
import re
import shutil
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from litestar.testing import TestClient

from kb.access.keys import create_key, list_keys
from kb.access.people import create_person, disable, list_people, vouched
from kb.access.reception import Reception
from kb.cli import main
from kb.config import Paths, Settings, load_settings, origins
from kb.provenance import SECRETS, chosen, meanings
from kb.service import Service
from kb.store import audit, database
from kb.web.admission import Admission
from kb.web.api import create_app
from kb.web.pages.audit import plain

PASSWORD = "correct horse battery"
HOSTILE = "<script>alert(1)</script>\"'><img src=x>\u202egnp\n=1+1" + "x" * 120
PAGES = ("/admin", "/admin/keys", "/admin/people", "/admin/audit", "/admin/audit.csv", "/admin/settings")
CALLS: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/api/keys", None), ("POST", "/api/keys", {"role": "agent"}), ("DELETE", "/api/keys/k1", None),
    ("GET", "/api/people", None),
    ("POST", "/api/people", {"name": "new", "password": PASSWORD, "role": "agent"}),
    ("PATCH", "/api/people/p1", {"role": "admin"}), ("POST", "/api/people/p1/password", {"password": PASSWORD}),
    ("POST", "/api/people/p1/disable", None), ("POST", "/api/people/p1/enable", None),
)  # fmt: skip


@pytest.fixture(scope="module")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an admin, an editor and an agent, in which nothing is indexed."""
    home = tmp_path_factory.mktemp("staffed") / "home"
    for name, role in (("ada", "admin"), ("li", "editor"), ("mei", "agent")):
        create_person(Paths(home), name, PASSWORD, role)  # type: ignore[arg-type]
    return home


@pytest.fixture
def paths(staffed: Path, tmp_path: Path) -> Paths:
    return Paths(Path(shutil.copytree(staffed, tmp_path / "home")))


@pytest.fixture
def client(paths: Paths) -> TestClient[Any]:
    """Without what a service does in the background, which none of this needs."""
    return served(paths)


def served(paths: Paths, flags: dict[str, Any] | None = None, **settings: Any) -> TestClient[Any]:
    made = Settings(signin_attempts=1_000, **settings)
    places = origins(paths.home, flags or {}, {})
    client = TestClient(
        create_app(Service(paths, made, ""), Reception(paths, made), Admission(8), origins=places),
        base_url="http://testserver.local",
    )
    client.follow_redirects = False
    return client


def signed_in(client: TestClient[Any], name: str, password: str = PASSWORD) -> dict[str, str]:
    """Signs somebody in; the header that their changes need."""
    client.cookies.clear()
    answer = client.post("/api/session", json={"name": name, "password": password})
    assert answer.status_code == 200, answer.text
    return {"X-CSRF-Token": answer.json()["csrf_token"]}


def id_of(paths: Paths, name: str) -> str:
    return next(person.id for person in list_people(paths) if person.name == name)


def events(paths: Paths) -> list[tuple[str, str, str]]:
    with database.open_for_reading(paths.database).conn as db:  # type: ignore[union-attr]
        rows = db.execute("SELECT actor, action, subject FROM audit ORDER BY id").fetchall()
    return [tuple(row) for row in rows]


def test_nobody_but_an_admin_sees_or_does_any_of_it(client: TestClient[Any], paths: Paths) -> None:
    before = events(paths)
    keys = {role: {"Authorization": f"Bearer {create_key(paths, role).key}"} for role in ("public", "agent", "editor")}  # type: ignore[arg-type]
    made = len(events(paths)) - len(before)
    for method, path, body in (*(("GET", page, None) for page in PAGES), *CALLS):
        client.cookies.clear()
        anonymous = client.request(method, path, json=body, headers={"Accept": "text/html"})
        assert anonymous.status_code == (303 if path in PAGES else 401), path
        for headers in keys.values():
            assert client.request(method, path, json=body, headers=headers).status_code == 403, path
    for name in ("li", "mei"):
        token = signed_in(client, name)
        for method, path, body in (*(("GET", page, None) for page in PAGES), *CALLS):
            refused = client.request(method, path, json=body, headers={**token, "Accept": "text/html"})
            assert refused.status_code == 403, path
            assert ("<html" in refused.text) == (path in PAGES)
    changes = [event for event in events(paths)[len(before) + made :] if not event[1].startswith("sign_")]
    assert changes == []


def test_a_change_by_an_admins_session_needs_its_token(client: TestClient[Any], paths: Paths) -> None:
    signed_in(client, "ada")
    for method, path, body in CALLS:
        if method != "GET":
            assert client.request(method, path, json=body).status_code == 403, path
    assert [key for key in list_keys(paths) if key.role == "agent"] == []
    assert {person.name for person in list_people(paths)} == {"ada", "li", "mei"}


def test_an_admins_key_does_the_same_and_is_named_as_actor(client: TestClient[Any], paths: Paths) -> None:
    admin = create_key(paths, "admin")
    client.cookies.clear()
    headers = {"Authorization": f"Bearer {admin.key}"}
    wanted = {"role": "agent", "name": "console", "groups": ["vip"], "expires": "90d"}
    made = client.post("/api/keys", json=wanted, headers=headers)
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    other = {"Authorization": f"Bearer {made.json()['key']}"}
    me = client.get("/api/session", headers=other).json()
    assert (me["role"], me["groups"]) == ("agent", ["vip"])
    listed = client.get("/api/keys", headers=headers)
    assert made.json()["key"] not in listed.text
    first = listed.json()["keys"][0]
    assert (first["id"], first["name"], first["state"]) == (made.json()["id"], "console", "holds")
    assert client.delete(f"/api/keys/{first['id']}", headers=headers).status_code == 204
    assert client.get("/api/session", headers=other).status_code == 401
    assert client.delete(f"/api/keys/{first['id']}", headers=headers).status_code == 404
    assert events(paths)[-2:] == [(admin.id, "key_created", first["id"]), (admin.id, "key_revoked", first["id"])]


@pytest.mark.parametrize(
    "body",
    [
        {"role": "root"}, {"role": "agent", "groups": ["admin"]}, {"role": "agent", "groups": ["a b"]},
        {"role": "agent", "expires": "2020-01-01"}, {"role": "agent", "expires": "soon"}, {"name": "no role"},
        {"role": "agent", "name": "x" * 201},
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_is_refused(client: TestClient[Any], paths: Paths, body: dict[str, Any]) -> None:
    token = signed_in(client, "ada")
    assert client.post("/api/keys", json=body, headers=token).status_code == 400
    assert list_keys(paths) == []


def test_a_person_is_made_changed_and_disabled_and_it_holds_at_once(client: TestClient[Any], paths: Paths) -> None:
    token = signed_in(client, "ada")
    ada = dict(client.cookies)
    body = {"name": " Wang ", "password": PASSWORD, "role": "agent", "groups": ["vip"]}
    made = client.post("/api/people", json=body, headers=token)
    assert made.status_code == 201
    assert "password" not in str(made.json()).replace("'by': 'password'", "")
    wang = made.json()["id"]
    again = client.post("/api/people", json=body, headers=token)
    assert (again.status_code, again.json()["reason"]) == (409, "known_name")
    other = served(paths)
    signed_in(other, "wang")
    changed = client.patch(f"/api/people/{wang}", json={"role": "editor"}, headers=token).json()
    assert (changed["role"], changed["groups"]) == ("editor", ["vip"])
    assert other.get("/api/session").json()["role"] == "editor"
    assert client.patch(f"/api/people/{wang}", json={"groups": []}, headers=token).json()["groups"] == []
    assert client.post(f"/api/people/{wang}/disable", headers=token).json()["disabled_at"]
    assert other.get("/api/due").status_code == 401
    refused = other.post("/api/session", json={"name": "wang", "password": PASSWORD})
    assert refused.status_code == 401
    assert client.post(f"/api/people/{wang}/enable", headers=token).json()["disabled_at"] is None
    new = {"password": "another horse, another battery"}
    assert client.post(f"/api/people/{wang}/password", json=new, headers=token).status_code == 200
    assert client.post(f"/api/people/{wang}/password", json={"password": "short"}, headers=token).status_code == 400
    assert other.post("/api/session", json={"name": "wang", "password": PASSWORD}).status_code == 401
    signed_in(other, "wang", new["password"])
    client.cookies.update(ada)
    listed = {one["name"]: one for one in client.get("/api/people").json()["people"]}
    assert listed["wang"]["last_sign_in_at"]
    assert listed["mei"]["last_sign_in_at"] is None
    mine = [(action, subject) for actor, action, subject in events(paths) if actor == id_of(paths, "ada")]
    wanted = ("created", "changed", "changed", "disabled", "enabled", "changed")
    assert [pair for pair in mine if pair[1] == wang] == [(f"person_{what}", wang) for what in wanted]
    assert client.post("/api/people/nobody/disable", headers=token).status_code == 404
    assert client.post("/api/people/wang/disable", headers=token).status_code == 404, "a name is no id"


def test_nobody_shuts_themselves_or_the_last_admin_out(client: TestClient[Any], paths: Paths) -> None:
    ada, token = id_of(paths, "ada"), signed_in(client, "ada")
    for method, path, body in (
        ("POST", f"/api/people/{ada}/disable", None),
        ("PATCH", f"/api/people/{ada}", {"role": "agent"}),
        ("POST", f"/api/people/{ada}/password", {"password": PASSWORD}),
    ):
        refused = client.request(method, path, json=body, headers=token)
        assert (refused.status_code, refused.json()["reason"]) == (409, "yourself"), path
    key = {"Authorization": f"Bearer {create_key(paths, 'admin').key}"}
    for method, path, body in (
        ("POST", f"/api/people/{ada}/disable", None),
        ("PATCH", f"/api/people/{ada}", {"role": "agent"}),
    ):
        refused = client.request(method, path, json=body, headers=key)
        assert (refused.status_code, refused.json()["reason"]) == (409, "last_admin"), path
    create_person(paths, "eva", PASSWORD, "admin")
    assert client.patch(f"/api/people/{ada}", json={"role": "agent"}, headers=key).status_code == 200
    disable(paths, "eva")  # a command is meant
    assert not [one for one in list_people(paths) if one.role == "admin" and one.disabled_at is None]


def test_whom_the_issuer_vouches_for_is_changed_there(client: TestClient[Any], paths: Paths) -> None:
    token = signed_in(client, "ada")
    anna = vouched(paths, "https://issuer.example a-1", HOSTILE[:100], "agent", ()).id
    for method, path, body in (
        ("PATCH", f"/api/people/{anna}", {"role": "editor"}),
        ("POST", f"/api/people/{anna}/password", {"password": PASSWORD}),
    ):
        refused = client.request(method, path, json=body, headers=token)
        assert (refused.status_code, refused.json()["reason"]) == (409, "by_issuer")
    shown = client.get("/admin/people").text
    assert "<script>alert" not in shown
    assert HOSTILE[:100] in unescape(shown)
    assert not re.search(rf'data-id="{anna}".*?data-opens="change-person"', shown.split(anna)[-1], re.DOTALL)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_hostile_name_is_text_on_every_page_and_in_the_export(
    client: TestClient[Any], paths: Paths, language: str
) -> None:
    token = signed_in(client, "ada")
    assert client.post("/api/keys", json={"role": "agent", "name": HOSTILE}, headers=token).status_code == 201
    assert client.post("/api/keys", json={"role": "agent", "name": "=HYPERLINK(1)"}, headers=token).status_code == 201
    for path in ("/admin/keys", "/admin/audit", f"/admin/keys?q={HOSTILE[:30]}", f"/admin/audit?who={HOSTILE[:30]}"):
        shown = client.get(path, params={"lang": language})
        shown = client.get(path) if "?" in path else shown
        assert shown.status_code == 200
        assert "<script>alert" not in shown.text
        assert "<img src=x" not in shown.text
    assert HOSTILE in unescape(client.get("/admin/keys").text)
    exported = client.get("/admin/audit.csv")
    assert exported.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(exported.text.removeprefix("\ufeff").splitlines(keepends=True)))
    assert {row["subject_name"] for row in rows} >= {"'=HYPERLINK(1)", HOSTILE}
    assert {row["actor_name"] for row in rows if row["action"] == "key_created"} == {"ada"}


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx"])
def test_no_cell_of_an_export_is_a_formula(cell: str) -> None:
    assert plain(cell) == f"'{cell}"
    assert plain(f"a{cell}") == f"a{cell}"


def test_the_audit_log_is_narrowed_and_paged(client: TestClient[Any], paths: Paths) -> None:
    token = signed_in(client, "ada")
    bodies = [{"role": "agent", "name": f"n{n}"} for n in range(60)]
    made = [client.post("/api/keys", json=body, headers=token).json()["id"] for body in bodies]
    pages, address = list[str](), "/admin/audit?action=key_created"
    while address:
        text = client.get(address).text
        pages.append(text)
        older = re.search(r'href="([^"]+)" rel="next"', text)
        address = unescape(older[1]) if older else ""
    assert [len(re.findall("<tr>", page)) - 1 for page in pages] == [50, 10]
    shown = "".join(pages)
    assert all(id_ in shown for id_ in made)
    assert shown.index(made[-1]) < shown.index(made[0]), "the newest first"
    assert made[7] in client.get("/admin/audit", params={"who": "n7"}).text
    assert made[-1] in client.get("/admin/audit", params={"who": "ADA"}).text
    assert made[7] not in client.get("/admin/audit", params={"who": "mei"}).text
    assert "Nothing was noted that is like that." in client.get("/admin/audit", params={"since": "2999-01-01"}).text
    narrowed = client.get("/api/audit", params={"who": made[7]}).json()["events"]
    assert [(one["action"], one["subject"]) for one in narrowed] == [("key_created", made[7])]
    before = client.get("/api/audit", params={"before": narrowed[0]["id"], "action": "key_created"}).json()["events"]
    assert [one["subject"] for one in before] == made[:7]


def test_a_line_is_of_one_action_of_one_of_many_or_older(tmp_path: Path) -> None:
    db = database.open_for_writing(tmp_path / "kb.sqlite")
    for actor, action, subject in (("a", "export", "x"), ("b", "backup", "a"), ("b", "export", "y")):
        audit.note(db, actor, action, subject)
    told = lambda **how: [event.id for event in audit.read(db, **how)]  # noqa: E731
    assert told(action="export") == [1, 3]
    assert told(who=("a",)) == [1, 2]
    assert told(who=()) == []
    assert told(before=3, limit=1) == [2]
    assert told(who=("b", "x"), action="export") == [1, 3]
    assert audit.newest(db, "export").keys() == {"x", "y"}


def test_settings_tell_value_origin_and_meaning_and_never_a_secret(paths: Paths) -> None:
    marker = "s3cr3t-marker"
    (paths.home / "kb.toml").write_text('ticket_months = 7\n[categories]\ndelivery = {en = "Parcels", zh = "配送"}\n')
    others = {"llm_url": f"https://llm.example/{marker}", "handover_url": f"https://hook.example/{marker}?key={marker}"}
    flags = {"tickets_secret": marker, "llm_key": marker, **others}
    made = load_settings(
        paths.home, {**flags, "handover_secret": marker, "envelope_key": [marker]}, {"KB_KEEP": "95588"}
    )
    found = {one.name: one for one in chosen(made, origins(paths.home, flags, {"KB_KEEP": "95588"}))}
    assert (found["ticket_months"].value, found["ticket_months"].place) == ("7", "file")
    assert (found["keep"].value, found["keep"].place, found["keep"].variable) == ("95588", "variable", "KB_KEEP")
    assert (found["llm_url"].value, found["llm_url"].place) == ("https://llm.example", "flag")
    assert (found["journal_days"].value, found["journal_days"].place) == ("180", None)
    assert "Parcels" in found["categories"].value
    assert all(found[name].is_secret and found[name].value == "" for name in SECRETS)
    assert found["llm_key"].is_set
    assert not found["oidc_client_secret"].is_set
    client = served(paths, flags, **flags, handover_secret=marker)
    signed_in(client, "ada")
    shown = client.get("/admin/settings").text
    assert marker not in shown
    assert shown.count("set, secret") == 3
    assert all(name in shown for name in found)


def test_every_setting_has_its_meaning_and_what_sounds_like_a_secret_is_one() -> None:
    assert list(meanings()) == list(Settings.__struct_fields__)
    assert all(meaning.endswith(".") for meaning in meanings().values())
    sounding = {name for name in meanings() if re.search("secret|password|token|_key$", name)}
    assert sounding - SECRETS == {"handover_public_key"}


def test_the_overview_says_what_is_wrong(client: TestClient[Any]) -> None:
    signed_in(client, "ada")
    shown = client.get("/admin").text
    assert "Questions cannot be answered at the moment" in shown
    assert "something is indexed, and a view of it is open" in shown
    assert "向量模型" in client.get("/admin?lang=zh").text or "以下条件不满足" in client.get("/admin?lang=zh").text


def test_an_account_page_is_for_whoever_signed_in(client: TestClient[Any], paths: Paths) -> None:
    create_person(paths, "pia", PASSWORD, "public")
    client.cookies.clear()
    led = client.get("/account", headers={"Accept": "text/html"})
    assert (led.status_code, led.headers["location"]) == (303, "/signin?next=%2Faccount")
    token = signed_in(client, "pia")
    assert "Public: what everybody may see" in client.get("/account").text
    other = served(paths)
    signed_in(other, "pia")
    assert client.delete("/api/session/others").status_code == 403
    assert client.delete("/api/session/others", headers=token).json() == {"ended": 1}
    assert other.get("/account", headers={"Accept": "text/html"}).status_code == 303
    assert client.get("/api/session").json()["name"] == "pia"
    client.cookies.clear()
    assert client.delete("/api/session/others").status_code == 401


def test_signing_in_leads_to_ones_work_where_nothing_else_was_wanted(client: TestClient[Any]) -> None:
    for name, place in (("mei", "/agent"), ("li", "/edit"), ("ada", "/admin")):
        client.cookies.clear()
        done = client.post("/signin", data={"name": name, "password": PASSWORD, "next": ""})
        assert (done.status_code, done.headers["location"]) == (303, place)
    shown = client.get("/signin?next=/edit/x%3Fa=1&lang=zh").text
    assert "您已登录为" in shown
    assert 'href="/edit/x?a=1"' in shown
    kept = re.search(r'href="(/preferences\?lang=en[^"]+)"', shown)
    assert kept
    assert client.get(unescape(kept[1])).headers["location"] == "/signin?next=%2Fedit%2Fx%3Fa%3D1"


def test_too_many_sign_ins_are_told_on_the_page(paths: Paths) -> None:
    settings = Settings(signin_attempts=1)
    client = TestClient(create_app(Service(paths, settings, ""), Reception(paths, settings), Admission(1)))
    tried = [client.post("/signin", data={"name": "ada", "password": "wrong", "next": "/admin"}) for _ in range(2)]
    assert [answer.status_code for answer in tried] == [401, 429]
    assert "Wait a minute" in tried[1].text
    assert int(tried[1].headers["retry-after"]) >= 1
    assert 'name="next" value="/admin"' in tried[1].text
    assert 'value="ada"' in tried[0].text
    assert "wrong" not in tried[0].text


def test_the_shell_changes_a_person(paths: Paths) -> None:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["--home", str(paths.home), "user", "change", *arguments])

    assert "mei may sign in as editor+vip" in run("mei", "--role", "editor", "--group", "vip").output
    assert "mei may sign in as editor (" in run("mei", "--no-groups").output
    assert run("nobody", "--role", "agent").exit_code == 2
    assert run("mei", "--no-groups", "--group", "vip").exit_code == 2
