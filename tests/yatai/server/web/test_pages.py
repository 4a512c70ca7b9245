"""The pages over real HTTP, without a browser: what they show, to whom, and what their forms do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import httpx
import pytest

from bentoml.yatai.server.accounts import Accounts
from bentoml.yatai.server.identity import SESSION_COOKIE
from bentoml.yatai.server.roles import Role, Scope
from bentoml.yatai.server.routes import FORM, Route
from bentoml.yatai.server.web.routes import ROUTES
from bentoml.yatai.sqlite_database import SqliteDatabase
from tests.plain_http import NO_TLS
from tests.yatai.server.bundles import push, write_bundle
from tests.yatai.server.live_registry import LiveRegistry, live_registry, make_token

PASSWORD = "a long password"
HOSTILE = "<script>alert('x')</script>"
OPEN = {"page_login_form", "page_login", "page_theme", "page_asset"}
ADMIN = {"page_audit", "page_disable_user", "page_enable_user"}
WRITE = {
    "page_ask_before_deletion",
    "page_delete",
    "page_set_label",
    "page_remove_label",
    "page_set_alias",
    "page_remove_alias",
}
WRITE_BY_HANDLER = {"page_ask_before_forgetting", "page_forget_deployment"}
READ = {
    "page_home",
    "page_repository",
    "page_service",
    "page_compare",
    "page_bundle",
    "page_environment",
    "page_files",
    "page_file",
    "page_access",
    "page_make_token",
    "page_revoke_token",
    "page_logout",
    "page_deployments",
    "page_deployments_of_namespace",
    "page_deployment",
}
ABOUT_NO_NAME = {
    *("page_home", "page_repository", "page_access", "page_make_token", "page_revoke_token", "page_logout"),
    *("page_deployments", "page_deployments_of_namespace", "page_deployment"),
    *WRITE_BY_HANDLER,
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRegistry]:
    with live_registry(tmp_path_factory.mktemp("home"), "--auth") as running:
        accounts = Accounts(SqliteDatabase(running.home / "storage.db"))
        for name, role in (("ada", Role.ADMIN), ("bob", Role.READ)):
            accounts.add(name, Scope(role), PASSWORD, actor="test")
        bundles = tmp_path_factory.mktemp("bundles")
        with running.client(make_token(running.home, "pusher", Role.WRITE)) as client:
            push(client, write_bundle(bundles, "Iris", "1"), "Iris:1", {"team": "vision"})
            changed = write_bundle(bundles, "Iris", "2", b"y" * 2000)
            (changed / "Iris" / "iris.py").write_text(f"ANSWER = 43  # {HOSTILE}\n")
            push(client, changed, "Iris:2")
            push(client, write_bundle(bundles, "Other", "1"), "Other:1")
        yield running


@contextmanager
def signed_in(registry: LiveRegistry, name: str) -> Iterator[httpx.Client]:
    with registry.client(None, follow_redirects=True) as client:
        client.headers["accept"] = "text/html"
        answer = client.post("/login", data={"name": name, "password": PASSWORD, "back": "/repository"})
        assert (answer.status_code, answer.url.path) == (200, "/repository"), answer.text
        yield client


@pytest.fixture(scope="module")
def ada(registry: LiveRegistry) -> Iterator[httpx.Client]:
    with signed_in(registry, "ada") as client:
        yield client


def secret_of(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def words(page: str) -> str:
    """What a page says, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


def ask(client: httpx.Client, route: Route) -> int:
    path = re.sub(r"\{\w+(:\w+)?\}", "nothing", route.path)
    path += "?left=1&right=2" if route.operation == "page_compare" else ""
    return client.request(route.method, path, data={"a": "form"} if route.body == FORM else None).status_code


def test_every_page_says_in_this_file_what_it_takes() -> None:
    assert {route.operation for route in ROUTES} == OPEN | READ | WRITE | WRITE_BY_HANDLER | ADMIN


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_page_lets_in_whom_it_should(route: Route, registry: LiveRegistry) -> None:
    statuses = {}
    for name, role, pattern in (
        ("reader", Role.READ, "*"),
        ("writer", Role.WRITE, "*"),
        ("admin", Role.ADMIN, "*"),
        ("other-admin", Role.ADMIN, "other-*"),
    ):
        token = make_token(registry.home, f"{name}-{route.operation}", role, pattern)
        with registry.client(token) as client:
            statuses[name] = ask(client, route)
    with registry.client() as client:
        statuses["nobody"] = ask(client, route)
    let_in = {name for name, status in statuses.items() if status not in {401, 403}}
    if route.operation in OPEN:
        # A login with a wrong password is refused by its own page.
        assert let_in == set() if route.operation == "page_login" else set(statuses)
        return
    expected = {"admin"}
    expected |= {"writer"} if route.operation in READ | WRITE | WRITE_BY_HANDLER else set()
    expected |= {"reader"} if route.operation in READ else set()
    expected |= {"other-admin"} if route.operation in ABOUT_NO_NAME else set()
    assert let_in == expected, statuses


PAGES = [
    pytest.param("/", ["Home", "Recent bundles", "Iris:2", "Other:1"], id="home"),
    pytest.param("/repository", ["Iris:1", "team: vision", "1 to 3 of 3"], id="repository"),
    pytest.param("/repository?q=other", ["Other:1", "1 to 1 of 1"], id="search"),
    pytest.param("/repository?labels=team%3Dvision", ["Iris:1", "1 to 1 of 1"], id="labels"),
    pytest.param("/repository?labels=team+In+(", ["cannot be read"], id="malformed-labels"),
    pytest.param("/repository?q=nothing", ["Nothing matches"], id="nothing"),
    pytest.param("/repository/Iris", ["Versions", "accuracy 0.9", "Compare"], id="service"),
    pytest.param(
        "/repository/Iris/1",
        ["/predict", "curl -X POST", "Pickle", "team: vision", "/api/v1/bundles/Iris/1/archive"],
        id="bundle",
    ),
    pytest.param("/repository/Iris/latest", ["Iris :2"], id="latest"),
    pytest.param("/repository/Iris/1/environment", ["Python 3.11.7", "It requires nothing"], id="environment"),
    pytest.param("/repository/Iris/1/files", ["Iris/", "bentoml.yml", "run.sh"], id="files"),
    pytest.param("/repository/Iris/1/files/Iris/artifacts", ["model.pkl", "1.0 kB"], id="directory"),
    pytest.param("/repository/Iris/2/files/Iris/iris.py", ["ANSWER = 43", HOSTILE], id="file"),
    pytest.param("/compare/Iris?left=1&right=2", ["-ANSWER = 42", "+ANSWER = 43", "model.pkl"], id="compare"),
    pytest.param("/repository/Iris/1/delete", ["Delete Iris:1?", "restored for 7 days"], id="delete"),
    pytest.param("/audit", ["session.begin", "ada"], id="audit"),
    pytest.param("/access", ["Tokens", "Users", "ada", "bob"], id="access"),
]


@pytest.mark.parametrize(("path", "said"), PAGES)
def test_page_shows_what_it_is_about(ada: httpx.Client, path: str, said: list[str]) -> None:
    answer = ada.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    text = words(answer.text)
    # A version stands in an element of its own.
    assert [part for part in said if part not in text and part.replace(":", " :", 1) not in text] == []
    assert HOSTILE not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"


def test_errors_are_pages_for_browsers_and_documents_for_programs(ada: httpx.Client, registry: LiveRegistry) -> None:
    page = ada.get("/repository/Nobody/1")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "Not found" in words(page.text)
    with registry.client(make_token(registry.home, "program", Role.READ)) as client:
        assert client.get("/repository/Nobody/1").json()["error"]["code"] == "not_found"
        assert client.get("/api/v1/bundles/Nobody/1", headers={"accept": "text/html"}).json()["error"]


def test_who_is_not_known_comes_to_the_login_and_then_back(registry: LiveRegistry) -> None:
    with registry.client() as client:
        client.headers["accept"] = "text/html"
        sent = client.get("/repository?q=iris")
        assert (sent.status_code, sent.headers["location"]) == (303, "/login?back=%2Frepository%3Fq%3Diris")
        wrong = client.post("/login", data={"name": "ada", "password": "wrong"})
        assert (wrong.status_code, "is wrong" in words(wrong.text)) == (403, True)
        right = client.post("/login", data={"name": "ada", "password": PASSWORD, "back": "/repository?q=iris"})
        assert (right.status_code, right.headers["location"]) == (303, "/repository?q=iris")
        cookie = right.headers["set-cookie"].lower()
        assert cookie.startswith(SESSION_COOKIE)
        assert {"httponly", "samesite=lax"} <= {part.strip() for part in cookie.split(";")}
        page = client.get("/").text
        assert client.post("/logout", data={"csrf": secret_of(page)}).status_code == 303
        assert client.get("/").status_code == 303


@pytest.mark.parametrize(
    "back", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_login_leads_to_this_server_only(registry: LiveRegistry, back: str) -> None:
    with registry.client() as client:
        answer = client.post("/login", data={"name": "bob", "password": PASSWORD, "back": back})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_forms_edit_labels_and_aliases_without_a_script(ada: httpx.Client) -> None:
    path = "/repository/Other/1"
    csrf = secret_of(ada.get(path).text)
    assert "owner: ada" in words(ada.post(f"{path}/labels", data={"csrf": csrf, "key": "owner", "value": "ada"}).text)
    bad = ada.post(f"{path}/labels", data={"csrf": csrf, "key": "a b", "value": "ada"})
    assert (bad.status_code, 'role="alert"' in bad.text) == (400, True)
    assert "owner" not in words(ada.post(f"{path}/labels/remove", data={"csrf": csrf, "key": "owner"}).text)
    assert "@production" in words(ada.post(f"{path}/aliases", data={"csrf": csrf, "alias": "production"}).text)
    assert "Point it to another version first" in words(ada.get(f"{path}/delete").text)
    assert "@production" in words(ada.get("/repository/Other").text)
    ada.post(f"{path}/aliases/remove", data={"csrf": csrf, "alias": "production"})
    assert "removed" in words(ada.get("/repository/Other").text)


def test_a_script_gets_the_part_of_the_page(ada: httpx.Client) -> None:
    path = "/repository/Iris/2"
    data = {"csrf": secret_of(ada.get(path).text), "key": "stage", "value": "prod"}
    answer = ada.post(f"{path}/labels", data=data, headers={"hx-request": "true"})
    assert answer.text.lstrip().startswith('<section class="panel" id="labels-panel"')
    assert "stage: prod" in words(answer.text)


def test_deletion_asks_and_can_be_undone(ada: httpx.Client) -> None:
    path = "/repository/Iris/1"
    csrf = secret_of(ada.get(f"{path}/delete").text)
    done = ada.post(f"{path}/delete", data={"csrf": csrf})
    assert (done.url.path, "Iris:1 was deleted" in words(done.text)) == ("/repository", True)
    assert ada.get(path).status_code == 404
    restored = ada.post("/api/v1/bundles/Iris/1/restore", headers={"x-csrf-token": csrf})
    assert restored.status_code == 200
    assert ada.get(path).status_code == 200


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        pytest.param({}, {}, id="no-secret"),
        pytest.param({"csrf": "wrong"}, {}, id="wrong-secret"),
        pytest.param(None, {"sec-fetch-site": "cross-site"}, id="other-site"),
        pytest.param(None, {"origin": "https://evil.example"}, id="other-origin"),
        pytest.param(None, {"origin": "null"}, id="no-origin"),
    ],
)
def test_changes_of_other_sites_are_refused(
    ada: httpx.Client, data: dict[str, str] | None, headers: dict[str, str]
) -> None:
    path = "/repository/Iris/2"
    form = {"csrf": secret_of(ada.get(path).text)} if data is None else data
    answer = ada.post(f"{path}/labels", data={**form, "key": "stolen", "value": "yes"}, headers=headers)
    assert answer.status_code == 403
    assert "stolen" not in ada.get(path).text


def test_token_is_shown_once(ada: httpx.Client, registry: LiveRegistry) -> None:
    csrf = secret_of(ada.get("/access").text)
    made = ada.post("/access/tokens", data={"csrf": csrf, "label": "ci", "role": "read", "patterns": "Iris*, x"})
    secret = re.search(r"bnt_[A-Za-z0-9_-]{20,}", made.text)
    assert secret is not None
    assert secret[0] not in ada.get("/access").text
    with registry.client(secret[0]) as client:
        assert client.get("/api/v1/bundles/Iris/2").status_code == 200
        assert client.get("/api/v1/bundles/Other/1").status_code == 403
        number = client.get("/api/v1/tokens").json()["tokens"][0]["id"]
        assert ada.post(f"/access/tokens/{number}/revoke", data={"csrf": csrf}).status_code == 200
        assert client.get("/api/v1/bundles/Iris/2").status_code == 401


def test_page_makes_no_token_that_may_do_more_than_the_one_that_asks(registry: LiveRegistry) -> None:
    wide = make_token(registry.home, "wide", Role.WRITE)
    with registry.client(wide) as client:
        narrow = client.post("/api/v1/tokens", json={"label": "narrow", "role": "read", "patterns": ["Other"]}).json()
    with registry.client(narrow["secret"]) as client:
        form = {"label": "more", "role": "write"}
        assert client.post("/access/tokens", data={**form, "patterns": "Iris"}).status_code == 400
        made = re.search(r"bnt_[A-Za-z0-9_-]{20,}", client.post("/access/tokens", data={**form, "patterns": "*"}).text)
    assert made is not None
    with registry.client(made[0]) as client:
        assert client.get("/api/v1/bundles/Other/1").status_code == 200
        assert client.get("/api/v1/bundles/Iris/2").status_code == 403
        assert client.delete("/api/v1/bundles/Other/1").status_code == 403


def test_readers_see_no_forms_that_change_bundles(registry: LiveRegistry) -> None:
    with signed_in(registry, "bob") as bob:
        page = bob.get("/repository/Iris/2").text
        assert "/labels" not in page.replace("/repository?labels", "")
        assert "Delete" not in page
        assert bob.get("/repository/Iris/2/delete").status_code == 403
        assert "Users" not in words(bob.get("/access").text)


def test_names_that_may_not_be_known_are_nowhere(registry: LiveRegistry) -> None:
    token = make_token(registry.home, "narrow", Role.READ, "Other")
    with registry.client(token) as client:
        for path in ("/", "/repository", "/repository?q=iris", "/repository?q=1"):
            assert "Iris" not in words(client.get(path).text).replace("IrisClassifier", ""), path
        assert client.get("/repository/Iris").status_code == 403


def test_colours_are_kept_by_the_browser(registry: LiveRegistry) -> None:
    with registry.client(None, follow_redirects=True) as client:
        assert 'data-theme="dark"' in client.post("/theme", data={"theme": "dark", "back": "/login"}).text
        assert "data-theme" not in client.post("/theme", data={"theme": "", "back": "/login"}).text
        assert client.post("/theme", data={"theme": "pink"}).status_code == 400


def test_assets_are_kept_for_ever_under_their_digest(registry: LiveRegistry) -> None:
    with registry.client() as client:
        address = re.search(r'href="(/static/yatai\.css\?v=\w+)"', client.get("/login").text)
        assert address is not None
        assert "immutable" in client.get(address[1]).headers["cache-control"]
        assert client.get("/static/yatai.css").headers["cache-control"] == "no-cache"
        assert client.get("/static/../app.py").status_code == 404


def test_document_of_the_interface_names_no_page(registry: LiveRegistry) -> None:
    with registry.client() as client:
        paths = client.get("/openapi.json").json()["paths"]
    assert "/api/v1/bundles" in paths
    assert not set(paths) & {route.path for route in ROUTES}


def test_pages_can_be_left_out(tmp_path: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    with live_registry(tmp_path_factory.mktemp("home"), "--no-ui") as running, running.client() as client:
        assert client.get("/", headers={"accept": "text/html"}).json()["error"]["code"] == "not_found"
        assert client.get("/api/v1/bundles").status_code == 200


def test_empty_registry_says_what_to_do(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("home")
    with live_registry(home, "--web-prefix-path", "/yatai") as running, running.client() as client:
        page = client.get("/").text
        assert "svc.save()" in words(page)
        addresses = set(re.findall(r'(?:href|src|action)="([^"#][^"]*)"', page))
        assert all(address.startswith("/yatai/") for address in addresses), addresses
        found = {
            address: httpx.get(f"http://127.0.0.1:{running.port}{address}", verify=NO_TLS).status_code
            for address in addresses
        }
        assert {status for address, status in found.items() if "theme" not in address} == {200}, found


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        pytest.param({}, "http://127.0.0.1:{port}", id="asked-at"),
        pytest.param({"x-forwarded-proto": "https"}, "https://127.0.0.1:{port}", id="tls-before-it"),
        pytest.param(
            {"x-forwarded-proto": "https, http", "x-forwarded-host": "yatai.example, inner:3000"},
            "https://yatai.example",
            id="proxies-before-it",
        ),
        pytest.param({"x-forwarded-host": "a;rm -rf ~"}, "http://127.0.0.1:{port}", id="no-host"),
        pytest.param({"x-forwarded-proto": "javascript"}, "http://127.0.0.1:{port}", id="no-scheme"),
    ],
)
def test_pages_teach_commands_with_the_address_of_the_registry(
    registry: LiveRegistry, ada: httpx.Client, headers: dict[str, str], address: str
) -> None:
    shown = address.format(port=registry.port)
    text = words(ada.get("/repository/Iris/1", headers=headers).text)
    assert f"bentoml serve Iris:1 --yatai-url {shown} Copy" in text
    assert f"bentoml pull Iris:1 --yatai-url {shown} Copy" in text
    assert "export BENTOML__YATAI__REMOTE__ACCESS_TOKEN=bnt_..." in text


@pytest.mark.parametrize("path", ["/", "/repository"])
def test_an_empty_registry_says_how_to_push(tmp_path: Path, path: str) -> None:
    with live_registry(tmp_path, "--web-prefix-path", "/team") as running:
        address = f"http://127.0.0.1:{running.port}/team"
        text = words(httpx.get(f"{address}{path}", verify=NO_TLS).text)
    assert f"bentoml push IrisClassifier:latest --yatai-url {address} Copy" in text
