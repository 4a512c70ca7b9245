"""Signed bundles: what a signature vouches for, and a policy that lets nothing else in."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from bentoml.exceptions import (
    BentoMLConfigException,
    BundleIntegrityException,
    BundleSignatureException,
    InvalidArgument,
    MissingDependencyException,
)
from bentoml.saved_bundle import load, load_bento_service_class, safe_retrieve, save_to_dir
from bentoml.saved_bundle.signing import sign_bundle, verify_signature
from tests.saved_bundle.signing_keys import Keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.saved_bundle.conftest import Project


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path, "release")


@pytest.fixture
def bundle(project: Project, bundle_dir: Path) -> Path:
    save_to_dir(project.greeter(), bundle_dir, version="1.0")
    return bundle_dir


@pytest.fixture
def signed(bundle: Path, keys: Keys) -> Path:
    sign_bundle(bundle, keys.private)
    return bundle


def greeting(bundle: Path) -> Any:
    """What the service in a bundle answers."""
    service: Any = load(bundle)
    return service.greet("you")


def trust(monkeypatch: pytest.MonkeyPatch, *keys: Path) -> None:
    """Only bundles that one of the keys has signed, from here on."""
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)  # a load sets it
    monkeypatch.setenv("BENTOML__BUNDLES__REQUIRE_SIGNATURE", "true")
    monkeypatch.setenv("BENTOML__BUNDLES__TRUSTED_KEYS", str([str(key) for key in keys]))


def test_signed_bundle_is_verified_and_loads_as_before(signed: Path, keys: Keys, tmp_path: Path) -> None:
    other = Keys(tmp_path, "other")
    manifest, key = verify_signature(signed, [other.public, keys.public])
    assert (manifest.service_name, manifest.service_version, key) == ("Greeter", "1.0", keys.public)
    assert greeting(signed) == "hello you"
    with pytest.raises(BundleSignatureException, match=r"with none of the trusted keys \(tried .*other"):
        verify_signature(signed, [other.public])


def test_signature_is_one_that_openssl_understands(signed: Path, keys: Keys) -> None:
    arguments = ["-in", str(signed / "SHA256SUMS"), "-sigfile", str(signed / "SHA256SUMS.sig")]
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(keys.public), "-rawin", *arguments]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.startswith("Signature Verified")


def test_package_that_pip_installs_carries_its_own_signature(signed: Path, keys: Keys, tmp_path: Path) -> None:
    installed = tmp_path / "site-packages" / "Greeter"
    shutil.copytree(signed / "Greeter", installed)
    assert verify_signature(installed, [keys.public])[0].service_name == "Greeter"


def test_bundle_that_is_saved_from_a_signed_one_is_not_signed(signed: Path, keys: Keys, tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    save_to_dir(load(signed), again)
    with pytest.raises(BundleSignatureException, match="is not signed"):
        verify_signature(again, [keys.public])


def edit_module(bundle: Path) -> None:
    (bundle / "Greeter" / "greeter.py").write_text("raise SystemExit('mine')\n", encoding="utf-8")


def edit_with_digests(bundle: Path) -> None:
    edit_module(bundle)
    from bentoml.saved_bundle.integrity import write_digests

    for directory in (bundle / "Greeter", bundle):
        (directory / "SHA256SUMS.sig").rename(directory / "kept")
        write_digests(directory)
        (directory / "kept").rename(directory / "SHA256SUMS.sig")


def add_module(bundle: Path) -> None:
    (bundle / "Greeter" / "typing.py").write_text("", encoding="utf-8")


def add_signature_of_nothing(bundle: Path) -> None:
    (bundle / "Greeter" / "artifacts" / "SHA256SUMS.sig").write_bytes(b"")


def link_out(bundle: Path) -> None:
    (bundle / "Greeter" / "extra").symlink_to("/etc")


@pytest.mark.parametrize(
    ("tamper", "error"),
    [
        (edit_module, BundleIntegrityException),
        (edit_with_digests, BundleSignatureException),
        (add_module, BundleIntegrityException),
        (add_signature_of_nothing, BundleIntegrityException),
        (link_out, BundleIntegrityException),
        (lambda bundle: (bundle / "Greeter" / "greeter.py").unlink(), BundleIntegrityException),
        (lambda bundle: (bundle / "SHA256SUMS.sig").unlink(), BundleSignatureException),
        (lambda bundle: (bundle / "SHA256SUMS.sig").write_bytes(b""), BundleSignatureException),
        (lambda bundle: (bundle / "SHA256SUMS.sig").write_bytes(bytes(64)), BundleSignatureException),
        (lambda bundle: (bundle / "SHA256SUMS").unlink(), BundleSignatureException),
        (lambda bundle: (bundle / "SHA256SUMS").write_bytes(b""), BundleSignatureException),
    ],
)
def test_bundle_that_was_tampered_with_is_refused_by_all_doors_before_its_code_runs(
    signed: Path,
    keys: Keys,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tamper: Callable[[Path], object],
    error: type[Exception],
) -> None:
    tamper(signed)
    trust(monkeypatch, keys.public)
    for door in (
        lambda: verify_signature(signed, [keys.public]),
        lambda: load(signed),
        lambda: load(signed, verify=False),
        lambda: load_bento_service_class(signed, verify=False),
        lambda: safe_retrieve(signed, tmp_path / "copy"),
    ):
        with pytest.raises(error):
            door()
    assert not (tmp_path / "copy").exists()


def test_policy_lets_in_what_a_trusted_key_has_signed(
    signed: Path, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(monkeypatch, Keys(tmp_path, "other").public, keys.public)
    assert greeting(signed) == "hello you"
    assert greeting(safe_retrieve(signed, tmp_path / "copy")) == "hello you"


def test_policy_refuses_what_nobody_has_signed(bundle: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    trust(monkeypatch, keys.public)
    with pytest.raises(BundleSignatureException, match=r"is not signed.*bundles.require_signature is on"):
        load(bundle, verify=False)


def test_policy_does_not_advise_to_load_without_verification(
    signed: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (signed / "bentoml.yml").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    with pytest.raises(BundleIntegrityException, match=r"restore the bundle .* or load it without verification"):
        load(signed)
    trust(monkeypatch, keys.public)
    with pytest.raises(BundleIntegrityException, match=r"restore the bundle from where it was saved$"):
        load(signed, verify=False)


def test_policy_without_keys_lets_nothing_in(signed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trust(monkeypatch)
    with pytest.raises(BentoMLConfigException, match=r"bundles.trusted_keys is empty"):
        load(signed)


def test_policy_with_a_key_that_is_gone_lets_nothing_in(
    signed: Path, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(monkeypatch, keys.public, tmp_path / "gone.pem")
    with pytest.raises(BentoMLConfigException, match=r"bundles.trusted_keys: the key .*gone.pem cannot be read"):
        load(signed)


def test_policy_without_the_library_lets_nothing_in(signed: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    trust(monkeypatch, keys.public)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.ed25519", None)
    with pytest.raises(MissingDependencyException, match=r"run: pip install cryptography"):
        load(signed)


def test_encrypted_key_needs_its_password(bundle: Path, tmp_path: Path) -> None:
    keys = Keys(tmp_path, "locked", b"open sesame")
    for wrong, text in ((None, "encrypted"), (b"hello", "the password is wrong")):
        with pytest.raises(InvalidArgument, match=text):
            sign_bundle(bundle, keys.private, wrong)
    sign_bundle(bundle, keys.private, b"open sesame")
    assert verify_signature(bundle, [keys.public])[1] == keys.public


def test_files_that_are_no_keys_are_refused_with_what_to_do(bundle: Path, keys: Keys, tmp_path: Path) -> None:
    elliptic = Keys(tmp_path, "elliptic", key=generate_private_key(SECP256R1()))
    for key, text in (
        (keys.public, "no private key in PEM"),
        (elliptic.private, "no Ed25519 key; make one with: openssl genpkey"),
        (tmp_path / "gone", "cannot be read"),
        (tmp_path, "cannot be read"),
    ):
        with pytest.raises(InvalidArgument, match=text):
            sign_bundle(bundle, key)
    sign_bundle(bundle, keys.private)
    for key, text in ((keys.private, "no public key in PEM; get it with"), (elliptic.public, "no Ed25519 key")):
        with pytest.raises(InvalidArgument, match=text):
            verify_signature(bundle, [key])


def test_sign_refuses_what_is_not_as_it_was_saved(bundle: Path, keys: Keys) -> None:
    edit_module(bundle)
    with pytest.raises(BundleIntegrityException, match=r"greeter.py was changed"):
        sign_bundle(bundle, keys.private)
    assert not (bundle / "SHA256SUMS.sig").exists()


def test_sign_again_replaces_the_signature(signed: Path, keys: Keys, tmp_path: Path) -> None:
    other = Keys(tmp_path, "other")
    sign_bundle(signed, other.private)
    assert verify_signature(signed, [keys.public, other.public])[1] == other.public
