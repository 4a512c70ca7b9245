from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bentoml.exceptions import BentoMLConfigException, InvalidArgument, MissingDependencyException
from bentoml.yatai.client import YataiClient, get_yatai_client
from bentoml.yatai.remote import RemoteRegistry


def configure(home: Path, text: str) -> None:
    (home / "bentoml.yml").write_text(f"yatai:\n{text}")


def test_get_yatai_client_when_local_touches_nothing(bentoml_home: Path) -> None:
    client = get_yatai_client()
    assert isinstance(client, YataiClient)
    assert client.repository is client.repository
    assert list(bentoml_home.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://yatai:3000", "http://yatai:3000"),
        ("https://yatai/team/", "https://yatai/team"),
        ("grpc://yatai:50051", "http://yatai:50051"),
        ("grpcs://yatai:50051", "https://yatai:50051"),
        ("yatai:50051", "http://yatai:50051"),
    ],
)
def test_get_yatai_client_when_url_is_given_asks_nobody_yet(bentoml_home: Path, url: str, shown: str) -> None:
    assert get_yatai_client(url).repository.url == shown
    assert list(bentoml_home.iterdir()) == []


def test_get_yatai_client_when_url_is_no_address_says_so() -> None:
    with pytest.raises(InvalidArgument, match="ftp:// is no scheme of a registry"):
        get_yatai_client("ftp://yatai")


def test_get_yatai_client_when_url_is_configured_takes_it_unless_told_otherwise(bentoml_home: Path) -> None:
    configure(bentoml_home, "  remote:\n    url: http://yatai:3000\n")
    assert get_yatai_client().repository.url == "http://yatai:3000"
    assert get_yatai_client("http://other").repository.url == "http://other"
    assert get_yatai_client("").repository.url is None


@pytest.mark.parametrize(
    ("url", "is_sent"),
    [
        (None, True),
        ("yatai.example", True),
        ("http://yatai.example/other", True),
        ("https://yatai.example", False),
        ("http://yatai.example:81", False),
        ("http://elsewhere", False),
    ],
)
def test_a_token_goes_to_the_registry_that_it_is_configured_for_alone(
    bentoml_home: Path, caplog: pytest.LogCaptureFixture, url: str | None, is_sent: bool
) -> None:
    configure(bentoml_home, "  remote:\n    url: http://yatai.example\n    access_token: hush\n")
    registry = get_yatai_client(url).repository._registry
    assert isinstance(registry, RemoteRegistry)
    assert registry._settings.access_token == ("hush" if is_sent else None)
    assert ("is for http://yatai.example, so" in caplog.text) is not is_sent
    assert "hush" not in caplog.text


def test_a_token_without_a_configured_registry_goes_to_the_one_that_is_named(bentoml_home: Path) -> None:
    configure(bentoml_home, "  remote:\n    access_token: hush\n")
    registry = get_yatai_client("http://elsewhere").repository._registry
    assert isinstance(registry, RemoteRegistry)
    assert registry._settings.access_token == "hush"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("  repository:\n    type: s3\n", "'--s3-url' must be specified", id="s3"),
        pytest.param("  repository:\n    type: hdfs\n", "yatai.repository.type", id="hdfs"),
        pytest.param(
            "  repository:\n    type: gcs\n    gcs:\n      url: s3://bundles/y\n",
            "it begins with gs://",
            id="gcs-in-s3",
        ),
        pytest.param(
            "  repository:\n    type: azure\n    azure:\n      url: azure://?/bundles\n",
            "yatai.repository.azure.url",
            id="azure-without-container",
        ),
        pytest.param(
            "  repository:\n    type: s3\n    s3:\n      url: s3://bundles\n      signature_version: s3\n",
            "'s3' is not available; requests are signed as s3v4",
            id="old-signature",
        ),
        pytest.param("  database:\n    url: mysql://u:secret@db/x\n", "mysql://db/x", id="mysql"),
        pytest.param("  database:\n    url: 'sqlite://'\n", "sqlite:///relative/path.db", id="in-memory"),
        pytest.param(
            "  database:\n    url: 'sqlite:///:memory:'\n", "sqlite:///relative/path.db", id="named-in-memory"
        ),
    ],
)
def test_repository_when_storage_is_not_available_says_so(bentoml_home: Path, text: str, message: str) -> None:
    configure(bentoml_home, text)
    with pytest.raises(BentoMLConfigException) as caught:
        _ = get_yatai_client().repository
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_repository_in_a_bucket_without_its_library_says_what_to_install(
    bentoml_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(bentoml_home, "  repository:\n    type: s3\n    s3:\n      url: s3://bundles/team\n")
    for name in [name for name in sys.modules if name.partition(".")[0] == "obstore"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    with pytest.raises(MissingDependencyException, match=r"run: pip install bentoml\[storage\]"):
        _ = get_yatai_client().repository.list()


def test_import_of_the_client_loads_no_database_library(bentoml_home: Path) -> None:
    code = (
        "import sys, bentoml.yatai.client, bentoml.yatai.resolve, bentoml.yatai.models, bentoml.yatai.labels\n"
        "print([name for name in ('sqlalchemy', 'alembic', 'numpy', 'pandas', 'urllib3') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_repository_when_opened_by_a_forked_child_works(bentoml_home: Path) -> None:
    repository = get_yatai_client().repository
    repository.list()
    child = os.fork()
    if child == 0:
        os._exit(0 if repository.list() == [] else 1)
    assert os.waitpid(child, 0)[1] == 0
