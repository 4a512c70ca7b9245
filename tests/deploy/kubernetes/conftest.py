"""A look-alike of a cluster that kubectl finds by its configuration, and a registry with bundles."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import own_saved
from tests.deploy.kubernetes.lookalike import LookAlike, http_server
from tests.deploy.plans.conftest import registry, write_bundle

__all__ = ["cluster", "own_saved", "registry", "write_bundle"]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LookAlike]:
    """It is the context `test` of a kubectl of its own."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    found = LookAlike()
    server = http_server(found)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    configuration = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": ""}}],
        "current-context": "test",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(configuration))
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.setenv("KUBECACHEDIR", str(tmp_path / "kube-cache"))
    yield found
    server.shutdown()
    server.server_close()
    thread.join()
