"""From a live service to the registry and back."""

from __future__ import annotations

import importlib
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bentoml.exceptions import BentoMLException, InvalidArgument
from bentoml.service import BentoService
from bentoml.yatai.repository import BentoRepository

CheckAgreement = Callable[[], set[str]]

SERVICE = """\
import bentoml
from bentoml.adapters import JsonInput
from bentoml.service.artifacts.common import PickleArtifact


@bentoml.artifacts([PickleArtifact("model")])
class Doubler(bentoml.BentoService):
    @bentoml.api(input=JsonInput())
    def predict(self, value):
        return value * self.artifacts.model
"""

SAVE_AS_NOBODY = """
import os, sys
import doubler
service = doubler.Doubler().pack("model", 2)
service.save(version="rehearsal")  # what is imported late is imported now; nobody may not read root's Python
os.environ["BENTOML_HOME"] = sys.argv[1]
os.setgid(65534)
os.setuid(65534)
try:
    service.save(version="1")
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with a service module that can be imported."""
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / "doubler.py").write_text(SERVICE)
    monkeypatch.syspath_prepend(str(directory))
    yield directory
    sys.modules.pop("doubler", None)


@pytest.fixture
def service(project: Path) -> BentoService:
    made = importlib.import_module("doubler").Doubler().pack("model", 2)
    assert isinstance(made, BentoService)
    return made


def test_save_registers_and_load_answers(
    service: BentoService, repository: BentoRepository, bentoml_home: Path, check_agreement: CheckAgreement
) -> None:
    path = service.save(labels={"team": "vision"})
    assert Path(path) == bentoml_home / "repository" / "Doubler" / service.version
    assert check_agreement() == {service.tag}
    bento = repository.get("Doubler:latest")
    assert bento.version == service.version
    assert bento.bento_service_metadata.labels == {"team": "vision"}
    for source in ("Doubler:latest", bento, path, Path(path)):
        loaded = repository.load(source)
        assert loaded.artifacts.model == 2
        assert loaded.version == service.version


def test_save_logs_where_and_with_what_tag(service: BentoService, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="bentoml"):
        path = service.save()
    assert [message for message in caplog.messages if "saved to" in message] == [
        f"BentoService bundle '{service.tag}' saved to: {path}"
    ]


def test_save_when_version_is_given_sets_it(service: BentoService, repository: BentoRepository) -> None:
    service.save(version="1.2.3")
    assert service.version == "1.2.3"
    assert repository.get("Doubler:1.2.3").version == "1.2.3"


def test_save_when_saved_before_refuses_until_a_new_version_is_set(
    service: BentoService, repository: BentoRepository
) -> None:
    service.save()
    with pytest.raises(BentoMLException, match=r"already registered in repository\. Reset BentoService version with"):
        service.save()
    service.set_version()
    service.save()
    assert len(repository.list()) == 2


@pytest.mark.parametrize("version", ["..", ".", "latest", "a/b", ""])
def test_save_when_version_is_no_name_writes_nothing(
    service: BentoService, repository: BentoRepository, bentoml_home: Path, version: str
) -> None:
    with pytest.raises(InvalidArgument):
        service.save(version=version)
    assert repository.list() == []
    assert not [*bentoml_home.glob("repository/[!.]*"), *bentoml_home.glob("repository/.*/*")]


def test_save_when_artifact_cannot_be_written_leaves_nothing(
    service: BentoService, repository: BentoRepository, bentoml_home: Path
) -> None:
    service.pack("model", (number for number in range(3)))  # a generator cannot be pickled
    with pytest.raises(Exception, match="pickle"):
        service.save()
    assert repository.list() == []
    assert not [*bentoml_home.glob("repository/[!.]*"), *bentoml_home.glob("repository/.*/*")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_save_when_home_is_read_only_says_what_to_do(project: Path) -> None:
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory) / "home"
        home.mkdir(mode=0o555)
        Path(directory).chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", SAVE_AS_NOBODY, str(home)],
            env={**os.environ, "PYTHONPATH": str(project)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert "YataiRepositoryException The bundle repository" in done.stdout, done.stderr
    assert "home/repository cannot be written: Permission denied" in done.stdout
    assert "BENTOML_HOME" in done.stdout
