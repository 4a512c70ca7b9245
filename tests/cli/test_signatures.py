"""`bentoml sign` and `bentoml verify`, with keys that OpenSSL made."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from bentoml.cli.main import commandline_interface

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from tests.cli.saved_home import SavedHome

PASSWORD = "open sesame"


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pair of keys in the current directory, and the private one encrypted."""
    monkeypatch.chdir(tmp_path)
    for line in (
        "genpkey -algorithm ed25519 -out private.pem",
        "pkey -in private.pem -pubout -out public.pem",
        "pkey -in private.pem -aes256 -passout file:password.txt -out locked.pem",
    ):
        (tmp_path / "password.txt").write_text(f"{PASSWORD}\n", encoding="utf-8")
        subprocess.run(["openssl", *line.split()], check=True)


def bentoml(saved: SavedHome, line: str, typed: str | None = None) -> Result:
    return CliRunner(env=saved.env).invoke(commandline_interface, line.split(), prog_name="bentoml", input=typed)


@pytest.mark.parametrize(
    ("options", "typed"),
    [
        ("--key private.pem", None),
        ("--key locked.pem --ask-password", f"{PASSWORD}\n"),
        ("--key locked.pem --password-file password.txt", None),
    ],
)
def test_signed_bundle_is_verified(own_saved: SavedHome, options: str, typed: str | None) -> None:
    signed = bentoml(own_saved, f"sign Scaler:2.0 {options}", typed)
    assert signed.exit_code == 0, signed.output
    assert signed.stdout.endswith(f"Signed {own_saved.bundle}\n")
    assert PASSWORD not in signed.output
    verified = bentoml(own_saved, "verify Scaler:2.0 --key public.pem")
    assert verified.stdout == "Scaler:2.0 was signed with public.pem, and is unchanged\n", verified.output


def test_verify_takes_the_configured_keys(
    own_saved: SavedHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bentoml(own_saved, "sign Scaler:2.0 --key private.pem").exit_code == 0
    monkeypatch.setenv("BENTOML__BUNDLES__TRUSTED_KEYS", f"[{tmp_path}/public.pem]")
    assert f"was signed with {tmp_path}/public.pem" in bentoml(own_saved, "verify Scaler:2.0").stdout
    monkeypatch.setenv("BENTOML__BUNDLES__TRUSTED_KEYS", "[public.pem]")
    assert "public.pem is not an absolute path" in bentoml(own_saved, "verify Scaler:2.0").stderr


@pytest.mark.parametrize(
    ("line", "status", "text"),
    [
        ("verify Scaler:2.0", 2, "give the public key to trust: --key public.pem"),
        ("verify Scaler:2.0 --key public.pem", 1, "is not signed: it has no SHA256SUMS.sig; sign it with"),
        ("sign Scaler:2.0", 2, "Missing option '--key'"),
        ("sign Scaler:2.0 --key gone.pem", 1, "the key gone.pem cannot be read: No such file or directory"),
        ("sign Scaler:2.0 --key public.pem", 1, "public.pem is no private key in PEM"),
        ("sign Scaler:2.0 --key locked.pem", 1, "locked.pem: Password was not given but private key is encrypted"),
        ("sign Scaler:2.0 --key locked.pem --password-file gone.txt", 1, "the password file gone.txt cannot be read"),
        ("sign Nothing:1 --key private.pem", 1, 'BentoService "Nothing:1" not found'),
    ],
)
def test_what_cannot_be_done_says_why(saved: SavedHome, line: str, status: int, text: str) -> None:
    done = bentoml(saved, line)
    assert done.exit_code == status
    assert text in done.stderr
    assert not (saved.bundle / "SHA256SUMS.sig").exists()
