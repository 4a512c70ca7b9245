"""Bundles at addresses: written and loaded, and what is left on the disk."""

from __future__ import annotations

import gc
import io
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bentoml._util.archives import pack_tar
from bentoml.exceptions import BadInput, BentoMLException, BundleIntegrityException, BundleSignatureException, NotFound
from bentoml.saved_bundle import (
    load,
    load_bento_service_metadata,
    load_saved_bundle_config,
    safe_retrieve,
    save_to_dir,
)
from bentoml.saved_bundle.remote import fetch_bundle
from bentoml.yatai.client import get_yatai_client
from bentoml.yatai.resolve import resolve_bundle_path
from tests.server.certificates import make_certificate
from tests.storage.web_server import WebServer, web_server

if TYPE_CHECKING:
    from tests.saved_bundle.conftest import Project


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary directory of this process and of those that it starts."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setenv("TMPDIR", str(directory))
    monkeypatch.setattr("tempfile.tempdir", None)
    return directory


@pytest.fixture
def server(tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("BENTOML__STORAGE__HTTP__ALLOWED_NETWORKS", "[127.0.0.1, '::1']")
    monkeypatch.setenv("BENTOML__STORAGE__HTTP__CA_FILE", str(certificate.certfile))
    with web_server(certificate.certfile, certificate.keyfile) as running:
        yield running


@pytest.fixture
def bundle(project: Project, bundle_dir: Path) -> Path:
    save_to_dir(project.greeter(), bundle_dir)
    return bundle_dir


def archive_of(bundle: Path) -> bytes:
    packed = io.BytesIO()
    pack_tar(bundle, "Greeter", packed)
    return packed.getvalue()


def left_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.parametrize(
    ("location", "path"),
    [("/models", "/models/Greeter.tar"), ("/models/", "/models/Greeter.tar"), ("/x.tar.gz?token=1", "/x.tar.gz")],
)
def test_save_to_an_address_and_load_from_there(
    project: Project,
    server: WebServer,
    temporary: Path,
    caplog: pytest.LogCaptureFixture,
    location: str,
    path: str,
) -> None:
    server.keep(path)
    service = project.greeter(version="1.0")
    with caplog.at_level("INFO", logger="bentoml"):
        service.save_to_dir(server.url(location), version="2.0")
    assert f"bundle 'Greeter:2.0' created at: {server.url(path)}" in caplog.text
    assert "token" not in caplog.text
    assert left_in(temporary) == []
    project.forget("greeter")

    loaded: Any = load(server.url(path))
    assert (loaded.tag, loaded.greet("you")) == ("Greeter:2.0", "hello you")
    (name,) = left_in(temporary)
    assert name.startswith("bentoml-bundle-")
    assert (temporary / name).stat().st_mode & 0o777 == 0o700
    assert sorted(entry.name for entry in (temporary / name).iterdir()) == ["lock", "unpacked"]


def test_save_replaces_what_is_at_an_address_only_when_it_is_asked_to(
    project: Project, server: WebServer, temporary: Path
) -> None:
    server.keep("/models/Greeter.tar")
    project.greeter(version="1.0").save_to_dir(server.url("/models"))
    with pytest.raises(BentoMLException, match=r"models/Greeter\.tar: there is something already.*replace=True"):
        project.greeter(version="2.0").save_to_dir(server.url("/models"))
    assert load_bento_service_metadata(server.url("/models/Greeter.tar")).version == "1.0"
    project.greeter(version="2.0").save_to_dir(server.url("/models"), replace=True)
    assert load_bento_service_metadata(server.url("/models/Greeter.tar")).version == "2.0"
    assert left_in(temporary) == []


def test_save_to_an_address_that_refuses_says_so(project: Project, server: WebServer, temporary: Path) -> None:
    with pytest.raises(NotFound, match="there is no such object"):
        project.greeter().save_to_dir(server.url("/models"))
    assert left_in(temporary) == []


def test_reading_a_description_leaves_nothing(bundle: Path, server: WebServer, temporary: Path) -> None:
    server.file("/x.tar", archive_of(bundle))
    assert load_bento_service_metadata(server.url("/x.tar")).name == "Greeter"
    assert load_saved_bundle_config(server.url("/x.tar")).service_version == "1.0"
    assert left_in(temporary) == []


def test_safe_retrieve_from_an_address(bundle: Path, server: WebServer, temporary: Path, tmp_path: Path) -> None:
    server.file("/x.tar", archive_of(bundle))
    assert load(safe_retrieve(server.url("/x.tar"), tmp_path / "copy")).tag == "Greeter:1.0"
    assert left_in(temporary) == []


def test_archive_without_a_directory_around_it_is_a_bundle(bundle: Path, server: WebServer) -> None:
    packed = io.BytesIO()
    pack_tar(bundle, ".", packed)
    server.file("/x.tar", packed.getvalue())
    assert load(server.url("/x.tar")).tag == "Greeter:1.0"


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "bad",
    [
        member("Greeter/../../escaped"),
        member("/tmp/escaped"),
        member("Greeter/link", tarfile.SYMTYPE, "/etc/passwd"),
        member("Greeter/link", tarfile.LNKTYPE, "Greeter/bentoml.yml"),
        member("Greeter/pipe", tarfile.FIFOTYPE),
        member("Greeter/BENTOML.yml"),
        member("Greeter/bentoml.yml"),
    ],
    ids=lambda info: f"{info.name}-{info.type!r}",
)
def test_hostile_archive_is_refused_and_leaves_nothing(
    bundle: Path, server: WebServer, temporary: Path, bad: tarfile.TarInfo
) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(bundle, "Greeter")
        archive.addfile(bad)
    server.file("/x.tar", packed.getvalue())
    with pytest.raises(BadInput, match="is no archive of a bundle"):
        load(server.url("/x.tar?token=secret"))
    assert left_in(temporary) == []


@pytest.mark.parametrize("content", [b"", b"<html>Sign in</html>", b"\x1f\x8b\0\0"], ids=["empty", "page", "broken"])
def test_something_else_at_an_address_is_refused(server: WebServer, temporary: Path, content: bytes) -> None:
    server.file("/x.tar", content)
    with pytest.raises(BadInput, match="is no archive of a bundle"):
        load(server.url("/x.tar"))
    assert left_in(temporary) == []


def test_archive_of_something_else_is_refused(tmp_path: Path, server: WebServer, temporary: Path) -> None:
    (tmp_path / "other").mkdir()
    server.file("/x.tar", archive_of(tmp_path / "other"))
    with pytest.raises(BadInput, match=r"no directory with bentoml\.yml"):
        load(server.url("/x.tar"))
    assert left_in(temporary) == []


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("MAX_ARCHIVE_BYTES", "is larger than 10 bytes"),
        ("MAX_UNPACKED_BYTES", "holds more than 10 bytes"),
        ("MAX_UNPACKED_FILES", "holds more than 10 files"),
    ],
)
@pytest.mark.parametrize("says_length", [True, False])
def test_limits_are_kept(
    bundle: Path,
    server: WebServer,
    temporary: Path,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    words: str,
    says_length: bool,
) -> None:
    monkeypatch.setenv(f"BENTOML__BUNDLES__{key}", "10")
    if says_length:
        server.file("/x.tar", archive_of(bundle))
    else:
        server.send("/x.tar", b"HTTP/1.0 200 OK\r\n\r\n", archive_of(bundle))
    with pytest.raises(BadInput, match=words):
        load(server.url("/x.tar"))
    assert left_in(temporary) == []


RUNS = "raise SystemExit('code of the bundle ran')\n"


def test_changed_bundle_is_refused_before_its_code_runs(bundle: Path, server: WebServer, temporary: Path) -> None:
    (bundle / "Greeter" / "greeter.py").write_text(RUNS)
    server.file("/x.tar", archive_of(bundle))
    with pytest.raises(BundleIntegrityException, match=r"greeter\.py was changed"):
        load(server.url("/x.tar"))
    assert left_in(temporary) == []
    with pytest.raises(SystemExit, match="ran"):
        load(server.url("/x.tar"), verify=False)
    assert left_in(temporary) == []


def test_unsigned_bundle_is_refused_before_its_code_runs_where_signatures_are_required(
    bundle: Path, server: WebServer, temporary: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    monkeypatch.setenv("BENTOML__BUNDLES__REQUIRE_SIGNATURE", "true")
    monkeypatch.setenv("BENTOML__BUNDLES__TRUSTED_KEYS", f"[{public}]")
    (bundle / "Greeter" / "greeter.py").write_text(RUNS)
    server.file("/x.tar", archive_of(bundle))
    with pytest.raises(BundleSignatureException, match="is not signed"):
        load(server.url("/x.tar"), verify=False)
    assert left_in(temporary) == []


def test_copy_outlives_load_and_goes_with_the_process(bundle: Path, server: WebServer, temporary: Path) -> None:
    """Artifacts that are read late and static content are still there; nothing is when the process has ended."""
    server.file("/x.tar", archive_of(bundle))
    code = (
        "import gc, os, sys, bentoml; from pathlib import Path\n"
        "service = bentoml.load(sys.argv[1]); gc.collect()\n"
        "assert (Path(service._bento_service_bundle_path) / 'bentoml.yml').is_file()\n"
        "pid = os.fork()\n"
        "if pid == 0: sys.exit(0)\n"
        "os.waitpid(pid, 0)\n"
        "assert (Path(service._bento_service_bundle_path) / 'bentoml.yml').is_file(), 'a child removed it'\n"
        "print(service.greet('you'), len(os.listdir(os.environ['TMPDIR'])))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, server.url("/x.tar")], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "hello you 1\n"), done.stderr
    assert left_in(temporary) == []


def test_copy_of_a_killed_process_is_removed_by_the_next(bundle: Path, server: WebServer, temporary: Path) -> None:
    server.file("/x.tar", archive_of(bundle))
    code = (
        "import sys; from bentoml.saved_bundle.remote import fetch_bundle\n"
        "print(fetch_bundle(sys.argv[1]), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, server.url("/x.tar")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        theirs = Path(process.stdout.readline().strip())
        fetch_bundle(server.url("/x.tar"))
        assert (theirs / "bentoml.yml").is_file(), "it is still used"
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    assert (theirs / "bentoml.yml").is_file()
    (temporary / "bentoml-bundle-link").symlink_to(bundle)
    fetch_bundle(server.url("/x.tar"))
    assert not theirs.exists()
    assert (bundle / "bentoml.yml").is_file()


def test_resolve_when_it_is_an_address_fetches_it(bundle: Path, server: WebServer) -> None:
    server.file("/x.tar", archive_of(bundle))
    path = resolve_bundle_path(server.url("/x.tar"))
    assert sorted(entry.name for entry in path.iterdir()) == sorted(entry.name for entry in bundle.iterdir())
    gc.collect()
    assert path.is_dir()


def test_repository_loads_from_an_address(bundle: Path, server: WebServer) -> None:
    server.file("/x.tar", archive_of(bundle))
    assert get_yatai_client().repository.load(server.url("/x.tar")).tag == "Greeter:1.0"


def test_addresses_of_this_network_are_refused_by_default(
    bundle: Path, server: WebServer, monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    monkeypatch.delenv("BENTOML__STORAGE__HTTP__ALLOWED_NETWORKS")
    with pytest.raises(BentoMLException, match=r"is not asked, because its address .* is of this machine"):
        load(server.url("/x.tar"))
    assert server.requests == []
    monkeypatch.setenv("BENTOML__STORAGE__HTTP__ALLOWED_NETWORKS", "[nonsense]")
    with pytest.raises(BentoMLException, match=r"storage\.http\.allowed_networks: "):
        load(server.url("/x.tar"))
    assert left_in(temporary) == []


@pytest.mark.parametrize("location", ["file:///etc", "ftp://host/x", "s3://a/x", "https://"])
def test_other_addresses_are_refused(project: Project, location: str) -> None:
    for use in (load, project.greeter().save_to_dir, resolve_bundle_path):
        with pytest.raises(BentoMLException, match=location):
            use(location)


def test_load_when_the_disk_is_full_leaves_nothing(bundle: Path, server: WebServer, temporary: Path) -> None:
    server.file("/x.tar", archive_of(bundle))
    code = (
        "import resource, signal, sys, bentoml\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "bentoml.load(sys.argv[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, server.url("/x.tar")],
        env={**os.environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert left_in(temporary) == []
