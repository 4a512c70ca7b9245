"""What the page of a bundle says about its signature."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from bentoml.saved_bundle.integrity import write_digests
from bentoml.saved_bundle.signing import sign_bundle
from bentoml.yatai.server.web.files_of_bundle import BundleFiles
from bentoml.yatai.server.web.signature import signature_text
from bentoml.yatai.tree_reading import read_tree
from tests.saved_bundle.signing_keys import Keys
from tests.yatai.server.bundles import write_bundle

if TYPE_CHECKING:
    from bentoml.yatai.models import Bento


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path, "release")


@pytest.fixture
def signed(tmp_path: Path, keys: Keys) -> Path:
    bundle = write_bundle(tmp_path)
    write_digests(bundle / "Iris")
    write_digests(bundle)
    sign_bundle(bundle, keys.private)
    return bundle


def text_of(bundle: Path) -> str:
    bento = SimpleNamespace(tag="Iris:1")
    return signature_text(
        BundleFiles(cast("Bento", bento), read_tree(bundle), lambda entry: (bundle / entry.path).read_bytes())
    )


def trust(monkeypatch: pytest.MonkeyPatch, *keys: Path) -> None:
    monkeypatch.setenv("BENTOML__BUNDLES__TRUSTED_KEYS", str([str(key) for key in keys]))


def test_bundle_without_signature(tmp_path: Path) -> None:
    assert text_of(write_bundle(tmp_path)) == "none"


def test_signature_of_a_trusted_key(signed: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    assert text_of(signed) == "signed, not checked: no key is trusted here (bundles.trusted_keys)"
    trust(monkeypatch, Keys(signed.parent, "other").public, keys.public)
    assert text_of(signed) == "valid, signed with release.pub.pem"


def test_signature_of_another_key(signed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trust(monkeypatch, Keys(signed.parent, "other").public)
    assert text_of(signed) == "not valid: made with none of the trusted keys"


def test_bundle_with_a_file_more_than_was_signed(signed: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    trust(monkeypatch, keys.public)
    (signed / "Iris" / "more.py").touch()
    assert text_of(signed) == "not valid: Iris/more.py was added since it was signed with release.pub.pem"


def test_key_that_cannot_be_read_is_told_in_the_log(
    signed: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trust(monkeypatch, signed / "missing.pem")
    assert text_of(signed) == "signed, but it cannot be checked; the log of the server says why"
    assert "missing.pem cannot be read" in caplog.text
