"""Bundles in buckets: written and loaded, by the library and by commands."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bentoml.exceptions import BentoMLException, MissingDependencyException, NotFound
from bentoml.saved_bundle import load, load_bento_service_metadata, safe_retrieve
from bentoml.storage.address import parse_address
from bentoml.storage.stores import download, write_object
from tests.storage.emulators import Emulator, azurite, running_azure, running_gcs, running_s3

if TYPE_CHECKING:
    from tests.saved_bundle.conftest import Project

SERVERS = {"s3": running_s3, "gs": running_gcs, "azure": running_azure}
NEEDS_AZURITE = [
    pytest.mark.may_skip("Azurite needs Node"),
    pytest.mark.skipif(azurite() is None, reason="there is no Azurite; see want_azurite in scripts/test"),
]
in_environment = pytest.mark.environment("storage")


@pytest.fixture(scope="module", params=["s3", "gs", pytest.param("azure", marks=NEEDS_AZURITE)])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with SERVERS[request.param](tmp_path_factory.mktemp(request.param)) as emulator:
        yield emulator


@pytest.fixture
def emulator(running: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Emulator:
    for name in list(os.environ):
        if name.startswith(("AWS_", "GOOGLE_", "AZURE_")):
            monkeypatch.delenv(name)
    for name, value in running.variables.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    return running


@in_environment
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("location", "name"), [("team/a", "team/a/Greeter.tar"), ("", "Greeter.tar"), ("b/x.tar.gz", "b/x.tar.gz")]
)
def test_save_to_a_bucket_and_load_from_there(
    project: Project, emulator: Emulator, tmp_path: Path, location: str, name: str
) -> None:
    project.greeter(version="1.0").save_to_dir(emulator.url(location))
    with pytest.raises(BentoMLException, match=f"{name}: there is something already, and nothing was written"):
        project.greeter(version="2.0").save_to_dir(emulator.url(location))
    assert load_bento_service_metadata(emulator.url(name)).version == "1.0"
    project.greeter(model="good day", version="2.0").save_to_dir(emulator.url(location), replace=True)
    assert list((tmp_path / "temporary").iterdir()) == []
    project.forget("greeter")
    service: Any = load(emulator.url(name))
    assert (service.tag, service.greet("you")) == ("Greeter:2.0", "good day you")
    assert load(safe_retrieve(emulator.url(name), tmp_path / "copy")).tag == "Greeter:2.0"


@in_environment
@pytest.mark.timeout(180)
def test_commands_take_addresses_in_a_bucket(project: Project, emulator: Emulator, tmp_path: Path) -> None:
    project.greeter(version="1.0").save_to_dir(emulator.url("commands"))
    run = [
        sys.executable,
        "-m",
        "bentoml",
        "run",
        emulator.url("commands/Greeter.tar"),
        "greet",
        "-q",
        "--input",
        '"you"',
    ]
    done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, '"hello you"\n'), done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []


@in_environment
@pytest.mark.timeout(180)
def test_archive_that_was_cut_off_leaves_nothing(project: Project, emulator: Emulator, tmp_path: Path) -> None:
    project.greeter().save_to_dir(emulator.url("cut"))
    whole = tmp_path / "whole"
    download(parse_address(emulator.url("cut/Greeter.tar")), whole, 1 << 30)
    with whole.open("rb") as file:
        size_bytes = whole.stat().st_size // 2
        write_object(parse_address(emulator.url("cut/half.tar")), file, size_bytes)
    with pytest.raises(Exception, match="is no archive of a bundle"):
        load(emulator.url("cut/half.tar"))
    with pytest.raises(NotFound, match="there is no such object"):
        load(emulator.url("cut"))
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("url", ["s3://bucket/x", "gs://bucket/x", "azure://container/x"])
def test_without_the_library_an_address_says_what_to_install(url: str) -> None:
    code = "import sys; sys.modules['obstore'] = None; import bentoml; bentoml.load(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, check=False, timeout=60)
    assert "pip install bentoml[storage]" in done.stderr
    assert MissingDependencyException.__name__ in done.stderr
