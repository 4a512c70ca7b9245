"""`bentoml yatai`: the first administrator, tokens, and what is refused."""

from __future__ import annotations

import json

from click.testing import CliRunner, Result

from bentoml.cli.main import commandline_interface


def run(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(commandline_interface, ["yatai", *arguments], input=typed)


def test_first_administrator_gets_a_password_and_a_token_that_can_be_revoked() -> None:
    made = run("user", "add", "ada", "--role", "admin", "--password-stdin", typed="correct horse battery\n")
    assert (made.exit_code, made.output.split(".")[0]) == (0, "User ada is made")
    secret = run("token", "add", "ada", "--label", "laptop", "--days", "30").output.strip()
    assert secret.startswith("bnt_")
    (token,) = json.loads(run("token", "list", "ada", "-o", "json").output)
    assert (token["label"], token["role"], token["revoked_at"]) == ("laptop", "admin", None)
    assert token["hint"] == f"{secret[:8]}..."
    assert (
        run("token", "revoke", str(token["id"])).output == f"Token {token['id']} ({token['hint']}) of ada is revoked.\n"
    )
    assert "revoked" in run("token", "list").output
    (user,) = json.loads(run("user", "list", "-o", "json").output)
    assert (user["name"], user["role"], user["has_password"]) == ("ada", "admin", True)


def test_users_are_changed_and_removed_but_never_the_last_administrator() -> None:
    assert run("user", "add", "ada", "--role", "admin").exit_code == 0
    assert run("user", "add", "ci", "--role", "write", "--name", "fraud-*").exit_code == 0
    assert run("user", "change", "ci", "--role", "read", "--name", "a-*", "--name", "b-*", "--disable").exit_code == 0
    table = run("user", "list").output.splitlines()
    assert table[2].split() == ["ci", "read", "a-*,b-*", "no", "disabled"]
    for arguments in (
        ("user", "revoke", "ada"),
        ("user", "change", "ada", "--role", "read"),
        ("user", "revoke", "nobody"),
        ("user", "add", "ada"),
        ("user", "add", "b/d"),
        ("user", "add", "short", "--password-stdin"),
        ("token", "add", "nobody"),
        ("token", "revoke", "99"),
    ):
        failed = run(*arguments, typed="short\n")
        assert failed.exit_code == 1, arguments
        assert "failed: " in failed.output
    assert run("user", "revoke", "ci").exit_code == 0
    assert len(run("user", "list").output.splitlines()) == 2
