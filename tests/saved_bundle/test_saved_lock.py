"""The lock and the bill of materials of a bundle that is saved with hashes, from a small index on this machine."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from bentoml.exceptions import BentoMLConfigException, BentoMLException, InvalidArgument
from bentoml.saved_bundle import load, save_to_dir
from bentoml.saved_bundle.integrity import replace_listed, verify_bundle
from bentoml.saved_bundle.library_wheel import WHEEL_NAME
from bentoml.saved_bundle.locking import lock_bundle
from bentoml.saved_bundle.requirements.closure import closure_of
from bentoml.saved_bundle.requirements.lock import Lock, lock_of, read_lock
from bentoml.saved_bundle.verified_files import file_digest
from bentoml.yatai.client import get_yatai_client
from tests.saved_bundle.conftest import SERVICE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.saved_bundle.conftest import Project
    from tests.saved_bundle.installed_files import SitePackages
    from tests.saved_bundle.package_index import Index

LIBRARY = f"bundled_pip_dependencies/{WHEEL_NAME}"


@pytest.fixture
def service(project: Project, site: SitePackages, index: Index) -> Any:
    """A service that needs alpha, from an index that has all that alpha and the library need, but not alpha."""
    site.add("alpha", "1.0")
    for pin in lock_of(closure_of(""), f"./{LIBRARY}").pins:
        index.add(pin.name, pin.source.removeprefix("=="))
    env = f"@bentoml.env(pip_packages=['alpha'], pip_index_url={index.url!r})"
    return project.greeter(source=SERVICE.replace("@bentoml.artifacts", f"{env}\n@bentoml.artifacts"))


def lock_in(bundle: Path) -> Lock:
    return read_lock((bundle / "requirements.lock").read_text())


def hashes_in_bill(bundle: Path) -> dict[str, set[str]]:
    document = json.loads((bundle / "sbom.cdx.json").read_text())
    return {
        one["name"]: {entry["content"] for entry in one.get("hashes", ())}
        for one in document["components"]
        if one["type"] == "library"
    }


def test_save_with_hashes_writes_them_into_lock_and_bill(service: Any, index: Index, bundle_dir: Path) -> None:
    files = {index.add("alpha", "1.0"), index.add("alpha", "1.0", "py3-none-macosx_11_0_arm64")}
    save_to_dir(service, bundle_dir, lock="hashes")
    lock = lock_in(bundle_dir)
    assert lock.library_hashes == (file_digest(bundle_dir / LIBRARY),)
    hashes = {pin.name: set(pin.hashes) for pin in lock.pins}
    assert hashes["alpha"] == files
    assert all(hashes.values())
    assert hashes_in_bill(bundle_dir) == {**hashes, "bentoml": set(lock.library_hashes)}
    verify_bundle(bundle_dir)
    assert load(bundle_dir).name == "Greeter"
    # What is added later is the same, byte for byte.
    names = ("requirements.lock", "sbom.cdx.json", "Dockerfile", "SHA256SUMS")
    before = [(bundle_dir / name).read_bytes() for name in names]
    lock_bundle(bundle_dir, "uv")
    assert [(bundle_dir / name).read_bytes() for name in names] == before


def test_lock_bundle_adds_the_hashes_to_the_bill(service: Any, index: Index, bundle_dir: Path) -> None:
    digest = index.add("alpha", "1.0")
    save_to_dir(service, bundle_dir)
    assert hashes_in_bill(bundle_dir)["alpha"] == set()
    dockerfile = (bundle_dir / "Dockerfile").read_text()
    number = json.loads((bundle_dir / "sbom.cdx.json").read_text())["serialNumber"]
    lock_bundle(bundle_dir)
    assert hashes_in_bill(bundle_dir)["alpha"] == {digest}
    assert json.loads((bundle_dir / "sbom.cdx.json").read_text())["serialNumber"] != number
    verify_bundle(bundle_dir)
    # The image is labelled with this very bill, and nothing else in its Dockerfile has changed.
    after = (bundle_dir / "Dockerfile").read_text()
    bill = (bundle_dir / "sbom.cdx.json").read_bytes()
    (packed,) = re.findall(r'org\.bentoml\.sbom="([^"]*)"', after)
    assert gzip.decompress(base64.b64decode(packed)) == bill
    assert f'org.bentoml.sbom.sha256="{hashlib.sha256(bill).hexdigest()}"' in after
    label = r'org\.bentoml\.sbom(\.sha256)?="[^"]*"'
    assert re.sub(label, "", after) == re.sub(label, "", dockerfile)


@pytest.mark.parametrize(
    "bill", [b"{", b"[]", b'{"components": [7]}', b'{"components": {"a": 1}}', b"\xff", b"[" * 100000]
)
def test_lock_bundle_with_a_bill_that_is_none_changes_nothing(
    service: Any, index: Index, bundle_dir: Path, bill: bytes
) -> None:
    index.add("alpha", "1.0")
    save_to_dir(service, bundle_dir)
    replace_listed(bundle_dir, "sbom.cdx.json", bill)
    with pytest.raises(BentoMLConfigException, match=r"sbom\.cdx\.json is no bill of a bundle: "):
        lock_bundle(bundle_dir)
    assert not lock_in(bundle_dir).has_hashes
    assert (bundle_dir / "sbom.cdx.json").read_bytes() == bill


def test_save_with_hashes_that_cannot_be_had_saves_nothing(service: Any, bundle_dir: Path) -> None:
    with pytest.raises(
        BentoMLException, match=r"cannot have hashes, so nothing was saved: (?s:.*)alpha(?s:.*)lock='try-hashes'"
    ):
        service.save_to_dir(str(bundle_dir), lock="hashes")
    assert list(bundle_dir.iterdir()) == []
    with pytest.raises(BentoMLException, match="cannot have hashes"):
        service.save(lock="hashes")
    assert get_yatai_client().repository.list() == []
    service.save(lock="versions")  # the same tag


def test_save_that_tries_hashes_warns_and_saves_versions(
    service: Any, bundle_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_to_dir(service, bundle_dir, lock="try-hashes")
    (message,) = [text for text in caplog.messages if "requirements.lock" in text]
    assert message.startswith("requirements.lock has no hashes: ")
    assert "alpha" in message
    assert message.endswith("To add them later: bentoml env lock BENTO")
    assert "alpha==1.0" in map(str, lock_in(bundle_dir).pins)
    assert not lock_in(bundle_dir).has_hashes
    assert load(bundle_dir).name == "Greeter"


def test_save_with_hashes_of_what_is_not_installed_is_refused(
    service: Any, site: SitePackages, bundle_dir: Path
) -> None:
    site.add("omega", "1.0", "Requires-Dist: nothere")
    service.env.add_pip_package("omega")
    with pytest.raises(BentoMLException, match=r"is not complete: omega needs nothere, which is not installed here"):
        save_to_dir(service, bundle_dir, lock="hashes")


def test_save_goes_by_the_configuration(
    service: Any, index: Index, bundle_dir: Path, bentoml_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    index.add("alpha", "1.0")
    (bentoml_home / "bentoml.yml").write_text("bento_bundle: {lock: hashes}\n")
    path = service.save()
    assert "--hash=sha256:" in (bundle_dir.parent / path / "requirements.lock").read_text()
    (bentoml_home / "bentoml.yml").write_text("bento_bundle: {lock: try-hashes, lock_timeout_s: 0.001}\n")
    save_to_dir(service, bundle_dir)
    assert "did not end within 0.001 seconds and was stopped" in caplog.text
    assert not lock_in(bundle_dir).has_hashes


def test_save_with_a_lock_that_does_not_exist_is_refused(service: Any, bundle_dir: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"lock is 'all', and must be one of 'versions', 'try-hashes', 'hashes'"):
        service.save(lock="all")
    assert list(bundle_dir.iterdir()) == []
