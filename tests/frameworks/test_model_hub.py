"""Models that are fetched by their name on the hub, from a hub that runs here."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.environments.late_import import late_import
from tests.frameworks import tiny_transformers as tiny

pytestmark = pytest.mark.environment("torch")

torch = late_import("torch")

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "c" * 40
# It packs what the command line names, saves it, and says what came of it.
PACK = """
import json, sys
from bentoml.frameworks.transformers import TransformersModelArtifact
artifact = TransformersModelArtifact("model")
try:
    artifact.pack(sys.argv[1]).save(sys.argv[2])
except Exception as error:
    print(json.dumps([type(error).__name__, str(error)]))
else:
    print(json.dumps(sorted(artifact.get())))
"""


class Hub(ThreadingHTTPServer):
    """Has one model, `weather/tiny`, and answers as the hub of Hugging Face does; `asked` are the paths of requests."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files = files
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        files = self.server.files
        path, _, _ = self.path.partition("?")
        if path.startswith("/api/models/weather/tiny/tree/"):
            tree = [{"type": "file", "path": name, "size": len(body), "oid": COMMIT} for name, body in files.items()]
            self._send(json.dumps(tree).encode())
        elif path.startswith("/api/models/weather/tiny"):
            siblings = [{"rfilename": name} for name in files]
            self._send(json.dumps({"id": "weather/tiny", "sha": COMMIT, "siblings": siblings}).encode())
        elif path.startswith("/weather/tiny/resolve/") and path.rpartition("/")[2] in files:
            self._send(files[path.rpartition("/")[2]])
        else:
            self._send(b"{}", 404, ("X-Error-Code", "RepoNotFound"))

    do_HEAD = do_GET  # noqa: N815 - the name is that of the method

    def _send(self, body: bytes, status: int = 200, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        etag = hashlib.sha256(body).hexdigest()
        for name, value in [("ETag", f'"{etag}"'), ("X-Repo-Commit", COMMIT), *headers]:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    directory = tmp_path / "repository"
    tiny.text_classifier().save_pretrained(directory)
    tiny.tokenizer().save_pretrained(directory)
    files = {file.name: file.read_bytes() for file in directory.iterdir()}
    extra = {"README.md": b"# Weather", "code.py": b"1 / 0", "tf_model.h5": b"h5", "pytorch_model.bin": b"pickle"}
    with Hub(files | extra) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def pack(name: str, home: Path, **variables: str) -> Any:
    """What a process of its own says, whose cache lies in `home`; the model is saved there, too."""
    (home / "saved").mkdir(parents=True, exist_ok=True)
    kept = {key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE" and "proxy" not in key.lower()}
    done = subprocess.run(
        [sys.executable, "-c", PACK, name, str(home / "saved")],
        cwd=ROOT,
        env={**kept, "HF_HOME": str(home / "hf"), "PYTHONPATH": str(ROOT / "src"), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_model_is_fetched_when_it_is_packed_and_comes_from_the_cache_without_a_network(
    hub: Hub, tmp_path: Path
) -> None:
    assert pack("weather/tiny", tmp_path, HF_ENDPOINT=hub.url) == ["model", "tokenizer"]
    saved = {file.name for file in (tmp_path / "saved" / "model").iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "_model_type.txt"} <= saved
    fetched = {path.rpartition("/")[2] for path in hub.asked if "/resolve/" in path}
    assert fetched == {"model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"}
    hub.asked.clear()
    assert pack("weather/tiny", tmp_path, HF_ENDPOINT=hub.url, HF_HUB_OFFLINE="1") == ["model", "tokenizer"]
    assert hub.asked == []


def test_weights_that_are_pickles_are_fetched_where_there_are_no_others(hub: Hub, tmp_path: Path) -> None:
    del hub.files["model.safetensors"]
    torch.save(tiny.text_classifier().state_dict(), tmp_path / "weights")
    hub.files["pytorch_model.bin"] = (tmp_path / "weights").read_bytes()
    assert pack("weather/tiny", tmp_path, HF_ENDPOINT=hub.url) == ["model", "tokenizer"]
    assert {file.name for file in (tmp_path / "saved" / "model").glob("*model*")} >= {"model.safetensors"}
    assert not (tmp_path / "saved" / "model" / "pytorch_model.bin").exists()


def test_model_that_the_hub_does_not_have_is_not_found(hub: Hub, tmp_path: Path) -> None:
    kind, text = pack("weather/other", tmp_path, HF_ENDPOINT=hub.url)
    assert kind == "NotFound"
    assert "no model on the hub of Hugging Face that everybody may read" in text


def test_hub_that_cannot_be_reached_is_named(hub: Hub, tmp_path: Path) -> None:
    hub.shutdown()
    hub.server_close()
    kind, text = pack("weather/tiny", tmp_path, HF_ENDPOINT=hub.url)
    assert kind == "ArtifactLoadingException"
    assert "'weather/tiny' is no directory here, and cannot be fetched from the hub of Hugging Face" in text


def test_hub_that_must_not_be_reached_is_not_asked(hub: Hub, tmp_path: Path) -> None:
    kind, text = pack("weather/tiny", tmp_path, HF_ENDPOINT=hub.url, HF_HUB_OFFLINE="1")
    assert kind == "ArtifactLoadingException"
    assert "HF_HUB_OFFLINE is set, and it was not fetched before" in text
    assert hub.asked == []
