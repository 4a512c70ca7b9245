"""A server that trusts signed bundles only: at its start, and at each reload."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bentoml.saved_bundle.signing import sign_bundle
from tests.server.live import live_server, save_bundle

SOURCE = """
    import bentoml
    from bentoml.adapters import JsonInput

    class Signed(bentoml.BentoService):
        @bentoml.api(input=JsonInput(), batch=False)
        def version_of(self, _):
            return self.version
"""


def saved(directory: Path, version: str) -> Path:
    return save_bundle(directory, SOURCE, class_name="Signed", pack=f"service.set_version({version!r})")


@pytest.fixture
def private_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the pair whose public key is the only trusted one."""
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    monkeypatch.setenv("BENTOML__BUNDLES__REQUIRE_SIGNATURE", "true")
    monkeypatch.setenv("BENTOML__BUNDLES__TRUSTED_KEYS", f"[{public}]")
    return private


def test_unsigned_bundle_is_not_served(tmp_path: Path, private_key: Path) -> None:
    bundle = saved(tmp_path, "v1")
    done = subprocess.run(
        [sys.executable, "-m", "bentoml", "serve", str(bundle), "--port", "0", "--no-verify"],
        env={**os.environ, "BENTOML_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"{bundle} is not signed: it has no SHA256SUMS.sig" in done.stderr
    assert "bundles.require_signature is on" in done.stderr


def test_signed_bundle_is_served_and_an_unsigned_one_does_not_follow_it(tmp_path: Path, private_key: Path) -> None:
    sign_bundle(saved(tmp_path, "v1"), private_key)
    with live_server(Path("Signed:latest"), home=tmp_path / "home", command="serve-gunicorn") as server:
        assert server.client.post("/version_of", json=0).json() == "v1"
        unsigned = saved(tmp_path, "v2")
        server.process.send_signal(signal.SIGHUP)
        end_s = time.monotonic() + 60
        while "goes on being served" not in server.output():
            assert time.monotonic() < end_s, server.output()
            time.sleep(0.02)  # between looks at the real thing, under a deadline
        assert f"{unsigned} is not signed" in server.output()
        assert server.client.post("/version_of", json=0).json() == "v1"
        sign_bundle(unsigned, private_key)
        server.process.send_signal(signal.SIGHUP)
        while server.client.post("/version_of", json=0).json() != "v2":
            assert time.monotonic() < end_s, server.output()
