"""Who may do what: every route, asked by everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from bentoml.yatai.database_address import open_database
from bentoml.yatai.server.accounts import Accounts
from bentoml.yatai.server.credentials import Credentials
from bentoml.yatai.server.identity import SESSION_COOKIE
from bentoml.yatai.server.roles import Role, Scope
from bentoml.yatai.server.routes import Route
from bentoml.yatai.server.table import ROUTES
from tests.yatai.server.live_registry import LiveRegistry, live_registry, make_token

OPEN = {"healthz", "readyz", "metrics", "version", "openapi", "log_in", "HealthCheck", "GetYataiServiceVersion"}
OWN = {"who_am_i", "list_tokens", "add_token", "revoke_token"}
CLASSIC_READ = {"GetBento", "ListBento", "DownloadBento", "GetDeployment", "DescribeDeployment", "ListDeployments"}
CLASSIC_DELETE = {"DangerouslyDeleteBento", "DeleteBento", "DeleteDeployment"}
CLASSIC_WRITE = {"AddBento", "UpdateBento", "UploadBento", "ContainerizeBento", "ApplyDeployment"} | CLASSIC_DELETE
UPLOADS = {"begin_upload", "get_upload", "send_content", "commit_upload", "abandon_upload"}
READ = {
    *OWN,
    "list_bundles",
    "get_bundle",
    "get_tree",
    "get_file",
    "get_archive",
    "list_aliases",
    "list_all_aliases",
    "list_tags",
    "alias_history",
    "list_deployments",
    "get_deployment",
    "list_deployment_events",
} | CLASSIC_READ
ALIASES = {"set_alias", "remove_alias"}
DEPLOYMENTS = {"apply_deployment", "set_deployment_state", "delete_deployment"}
BUNDLES = {"delete_bundle", "restore_bundle", "set_labels", "change_labels"}
WRITE = BUNDLES | ALIASES | CLASSIC_WRITE | UPLOADS | DEPLOYMENTS
ADMIN = {"list_users", "add_user", "change_user", "remove_user", "list_audit"}
# Of these the handler alone knows which bundle they are about, or they are about none.
ABOUT_NO_NAME = (
    OWN
    | {"list_bundles", "list_tags", "list_all_aliases", "list_deployments", "get_deployment", "list_deployment_events"}
    | CLASSIC_READ
    | CLASSIC_WRITE
    | UPLOADS
    | DEPLOYMENTS
)

CALLERS = {
    "reader": (Role.READ, ("*",)),
    "writer": (Role.WRITE, ("*",)),
    "admin": (Role.ADMIN, ("*",)),
    "other-admin": (Role.ADMIN, ("other-*",)),
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRegistry]:
    with live_registry(tmp_path_factory.mktemp("home"), "--auth") as running:
        yield running


@pytest.fixture(scope="module")
def callers(registry: LiveRegistry) -> Iterator[dict[str, httpx.Client]]:
    clients = {"nobody": registry.client()}
    for name, (role, patterns) in CALLERS.items():
        clients[name] = registry.client(make_token(registry.home, name, role, *patterns))
    yield clients
    for client in clients.values():
        client.close()


def ask(client: httpx.Client, route: Route) -> int:
    path = re.sub(r"\{\w+(:\w+)?\}", "nothing", route.path)
    return client.request(route.method, path).status_code


def test_every_route_says_in_this_file_what_it_takes() -> None:
    assert {route.operation for route in ROUTES} == OPEN | READ | WRITE | ADMIN


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_route_lets_in_whom_it_should(route: Route, callers: dict[str, httpx.Client]) -> None:
    statuses = {name: ask(client, route) for name, client in callers.items()}
    let_in = {name for name, status in statuses.items() if status not in {401, 403}}
    if route.operation in OPEN:
        # A login without a body is refused for its form.
        assert let_in == set(callers)
        return
    assert statuses["nobody"] == 401
    expected = {"admin"}
    if route.operation in READ | WRITE:
        expected.add("writer")
    if route.operation in READ:
        expected.add("reader")
    if route.operation in ABOUT_NO_NAME:
        expected.add("other-admin")
    assert let_in == expected


def test_revoked_token_is_refused_at_once(registry: LiveRegistry) -> None:
    token = make_token(registry.home, "leaver", Role.READ)
    with registry.client(token) as client:
        (kept,) = client.get("/api/v1/tokens").json()["tokens"]
        assert client.delete(f"/api/v1/tokens/{kept['id']}").json()["revoked_at"] is not None
        answer = client.get("/api/v1/bundles")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["error"]["code"] == "unauthenticated"


def test_token_never_makes_one_that_may_do_more(registry: LiveRegistry) -> None:
    token = make_token(registry.home, "narrow", Role.WRITE, "team-*")
    with registry.client(token) as client:
        more = client.post("/api/v1/tokens", json={"label": "more", "role": "admin"}).json()
        assert (more["token"]["role"], more["token"]["patterns"]) == ("write", ["team-*"])
        assert client.post("/api/v1/tokens", json={"label": "x", "patterns": ["other"]}).status_code == 400
        assert client.post("/api/v1/tokens", json={"label": "x", "user": "narrower"}).status_code == 403
    with registry.client(more["secret"]) as client:
        assert client.get("/api/v1/bundles/team-a/1").status_code == 404
        assert client.get("/api/v1/bundles/other/1").status_code == 403


def test_token_never_makes_one_that_lives_longer(registry: LiveRegistry, callers: dict[str, httpx.Client]) -> None:
    make_token(registry.home, "passing", Role.WRITE)
    asked = {"user": "passing", "label": "an hour", "role": "write", "expires_in_s": 3600}
    first = callers["admin"].post("/api/v1/tokens", json=asked).json()
    end = first["token"]["expires_at"]
    assert end is not None
    with registry.client(first["secret"]) as client:
        for lifetime_s in (None, 86400):
            made = client.post("/api/v1/tokens", json={"label": "longer", "expires_in_s": lifetime_s}).json()
            assert made["token"]["expires_at"] == end
        shorter = client.post("/api/v1/tokens", json={"label": "shorter", "expires_in_s": 60}).json()
        assert shorter["token"]["expires_at"] < end
    with registry.client(shorter["secret"]) as client:
        # Nor by a way round.
        again = client.post("/api/v1/tokens", json={"label": "again"}).json()
        assert again["token"]["expires_at"] == shorter["token"]["expires_at"]


def test_others_tokens_are_not_shown_nor_revoked(registry: LiveRegistry, callers: dict[str, httpx.Client]) -> None:
    theirs = callers["admin"].get("/api/v1/tokens", params={"user": "admin"}).json()["tokens"][0]["id"]
    assert callers["reader"].delete(f"/api/v1/tokens/{theirs}").status_code == 404
    assert callers["reader"].get("/api/v1/tokens", params={"user": "admin"}).status_code == 403
    assert {token["user"] for token in callers["reader"].get("/api/v1/tokens").json()["tokens"]} == {"reader"}
    assert callers["admin"].get("/api/v1/me").status_code == 200


@pytest.mark.parametrize("header", ["authorization", "access_token", "x-api-key"])
def test_token_is_taken_under_each_name(registry: LiveRegistry, header: str) -> None:
    token = make_token(registry.home, f"by-{header}", Role.READ)
    with registry.client() as client:
        value = f"Bearer {token}" if header == "authorization" else token
        assert client.get("/api/v1/me", headers={header: value}).json()["user"] == f"by-{header}"
        assert client.get("/api/v1/me", headers={header: value[:-1] + "~"}).status_code == 401


def test_login_makes_a_token_and_wrong_passwords_are_soon_refused(
    registry: LiveRegistry, callers: dict[str, httpx.Client]
) -> None:
    password = "correct horse battery"
    made = callers["admin"].post("/api/v1/users", json={"name": "ann", "role": "write", "password": password})
    assert made.status_code == 201, made.text
    assert "password" not in made.text.replace("has_password", "")
    with registry.client() as client:
        login = client.post("/api/v1/login", json={"user": "ann", "password": password, "label": "cli"})
        assert login.status_code == 201, login.text
        token = login.json()["secret"]
        statuses = []
        for _ in range(12):
            wrong = client.post("/api/v1/login", json={"user": "ann", "password": "incorrect horse"})
            statuses.append(wrong.status_code)
    assert statuses == [401] * 10 + [429] * 2
    assert 0 < int(wrong.headers["retry-after"]) <= 60
    with registry.client(token) as client:
        assert client.get("/api/v1/me").json() == {"user": "ann", "role": "write", "patterns": ["*"]}
    # What is kept gives nothing away.
    for file in registry.home.glob("storage.db*"):
        assert password.encode() not in file.read_bytes()
        assert token.encode() not in file.read_bytes()


def test_last_administrator_stays(registry: LiveRegistry, callers: dict[str, httpx.Client]) -> None:
    admins = [user["name"] for user in callers["admin"].get("/api/v1/users").json()["users"] if user["role"] == "admin"]
    assert set(admins) == {"admin", "other-admin"}
    assert callers["admin"].delete("/api/v1/users/other-admin").status_code == 204
    for answer in (
        callers["admin"].delete("/api/v1/users/admin"),
        callers["admin"].patch("/api/v1/users/admin", json={"role": "read"}),
        callers["admin"].patch("/api/v1/users/admin", json={"disabled": True}),
    ):
        assert answer.status_code == 409
        assert "last administrator" in answer.json()["error"]["message"]
    assert callers["other-admin"].get("/api/v1/me").status_code == 401


def test_disabled_user_is_shut_out(registry: LiveRegistry, callers: dict[str, httpx.Client]) -> None:
    token = make_token(registry.home, "suspect", Role.READ)
    with registry.client(token) as client:
        assert client.get("/api/v1/me").status_code == 200
        assert callers["admin"].patch("/api/v1/users/suspect", json={"disabled": True}).json()["disabled"] is True
        assert client.get("/api/v1/me").status_code == 401


def test_browser_with_a_session_changes_things_only_with_its_secret(registry: LiveRegistry) -> None:
    database = open_database(None, registry.home / "storage.db")
    user = Accounts(database).add("eve", Scope(Role.WRITE), "correct horse battery", actor="test")
    credentials = Credentials(database)
    cookie, csrf = credentials.begin_session(user, timedelta(hours=1))
    over, _ = credentials.begin_session(user, timedelta(seconds=-1))
    path = "/api/v1/bundles/Iris/1"
    with registry.client() as client:
        assert client.get("/api/v1/me", headers={"cookie": f"{SESSION_COOKIE}={cookie}"}).json()["user"] == "eve"
        headers = {"cookie": f"{SESSION_COOKIE}={cookie}"}
        assert client.delete(path, headers=headers).status_code == 403
        assert client.delete(path, headers={**headers, "x-csrf-token": csrf[:-1]}).status_code == 403
        assert client.delete(path, headers={**headers, "x-csrf-token": csrf}).status_code == 404
        for wrong in (over, cookie[:-1], ""):
            assert client.get("/api/v1/me", headers={"cookie": f"{SESSION_COOKIE}={wrong}"}).status_code == 401
        Accounts(database).change("eve", actor="test", password="another horse battery")
        assert client.get("/api/v1/me", headers=headers).status_code == 401
        again, _ = credentials.begin_session(user, timedelta(hours=1))
        credentials.end_session(again)
        assert client.get("/api/v1/me", headers={"cookie": f"{SESSION_COOKIE}={again}"}).status_code == 401
