"""Commands that take the address of a bundle."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bentoml._util.archives import pack_tar
from tests.cli.saved_home import SavedHome, run_bentoml
from tests.server.certificates import make_certificate
from tests.server.live import live_server
from tests.storage.web_server import WebServer, web_server


@pytest.fixture
def server(tmp_path: Path, saved: SavedHome) -> Iterator[WebServer]:
    certificate = make_certificate(tmp_path)
    packed = io.BytesIO()
    pack_tar(saved.bundle, "Scaler", packed)
    with web_server(certificate.certfile, certificate.keyfile) as running:
        running.file("/x.tar", packed.getvalue())
        yield running


@pytest.fixture
def env(tmp_path: Path, server: WebServer) -> Mapping[str, str]:
    (tmp_path / "temporary").mkdir()
    return {
        "BENTOML_HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "temporary"),
        "BENTOML__STORAGE__HTTP__ALLOWED_NETWORKS": "[127.0.0.1, '::1']",
        "BENTOML__STORAGE__HTTP__CA_FILE": str(tmp_path / "server.crt"),
    }


def test_info_and_run_take_an_address_and_leave_nothing(
    server: WebServer, env: Mapping[str, str], tmp_path: Path
) -> None:
    url = server.url("/x.tar?token=secret")
    shown = run_bentoml("info", url, "-q", env=env)
    assert json.loads(shown.stdout)["version"] == "2.0", shown.stderr
    done = run_bentoml("run", url, "scale", "-q", "--input", "2", env=env)
    assert (done.returncode, done.stdout) == (0, "6\n"), done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []


def test_containerize_takes_an_address(server: WebServer, env: Mapping[str, str], tmp_path: Path) -> None:
    context = tmp_path / "context"
    options = ["--dry-run", "--engine", "podman", "--context-dir", str(context)]
    done = run_bentoml("containerize", server.url("/x.tar"), "-q", *options, env=env)
    assert done.returncode == 0, done.stderr
    assert (context / "Dockerfile").is_file()
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("exists", [True, False])
def test_retrieve_takes_an_address(
    server: WebServer, env: Mapping[str, str], tmp_path: Path, saved: SavedHome, exists: bool
) -> None:
    target = tmp_path / "deep" / "copy"
    if exists:
        target.mkdir(parents=True)
    done = run_bentoml("retrieve", server.url("/x.tar"), "-q", "--target_dir", str(target), env=env)
    assert (done.returncode, done.stdout) == (0, f"Save Scaler:2.0 artifact to directory {target}\n"), done.stderr
    names = {entry.name for entry in saved.bundle.iterdir()} - {"__pycache__"}
    assert {entry.name for entry in target.iterdir()} == names
    again = run_bentoml("retrieve", server.url("/x.tar"), "-q", "--target_dir", str(target), env=env)
    assert again.returncode == 1
    assert "choose another directory with --target_dir" in again.stderr


def test_sign_refuses_an_address_and_verify_takes_one(
    server: WebServer, env: Mapping[str, str], tmp_path: Path, saved: SavedHome
) -> None:
    private, public = str(tmp_path / "private.pem"), str(tmp_path / "public.pem")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    signed = run_bentoml("sign", server.url("/x.tar?token=secret"), "--key", private, env=env)
    assert signed.returncode == 1
    assert "sign the bundle before it is put there" in signed.stderr
    assert "secret" not in signed.stderr
    unsigned = run_bentoml("verify", server.url("/x.tar"), "--key", public, env=env)
    assert "is not signed" in unsigned.stderr

    copy = tmp_path / "copy"
    assert run_bentoml("retrieve", server.url("/x.tar"), "--target_dir", str(copy), env=env).returncode == 0
    assert run_bentoml("sign", str(copy), "--key", private, env=env).returncode == 0
    packed = io.BytesIO()
    pack_tar(copy, "Scaler", packed)
    server.file("/signed.tar", packed.getvalue())
    verified = run_bentoml("verify", server.url("/signed.tar"), "--key", public, env=env)
    assert verified.stdout == f"Scaler:2.0 was signed with {public}, and is unchanged\n", verified.stderr


def test_reload_refuses_an_address(server: WebServer, env: Mapping[str, str]) -> None:
    done = run_bentoml("serve", server.url("/x.tar"), "--reload", "--port", "0", env=env)
    assert done.returncode == 2
    assert "send SIGHUP" in done.stderr


@pytest.mark.parametrize("argv", [["info"], ["run", "scale"], ["serve"], ["retrieve"]], ids=lambda argv: argv[0])
def test_failures_show_nothing_secret(server: WebServer, env: Mapping[str, str], argv: list[str]) -> None:
    url = server.url("/nothing?token=secret").replace("https://", "https://ada:secret@")
    command, *more = argv
    done = run_bentoml(command, url, *more, "--debug", env=env)
    assert done.returncode == 1
    assert f"{server.url('/nothing')}: there is no such object" in done.stderr
    assert "secret" not in done.stderr + done.stdout


def test_serve_takes_an_address_and_fetches_it_again_at_a_reload(
    server: WebServer, env: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with live_server(server.url("/x.tar"), home=tmp_path / "home", command="serve-gunicorn") as running:
        assert running.client.post("/scale", json=2).json() == 6
        assert len(list((tmp_path / "temporary").glob("bentoml-bundle-*"))) == 1
        running.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 60
        while len(server.requests) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(server.requests) == 2
        assert running.client.post("/scale", json=2).json() == 6
    assert list((tmp_path / "temporary").glob("bentoml-bundle-*")) == []
