"""The distributions that a bundle needs: who needs whom, what is left out, and what cannot be followed."""

from __future__ import annotations

import importlib.metadata
import sys
from typing import TYPE_CHECKING, Any

import pytest

from bentoml._version import __version__
from bentoml.saved_bundle.requirements.closure import Closure, closure_of
from bentoml.saved_bundle.requirements.installed import find_installed
from bentoml.saved_bundle.requirements.requirement_text import canonical_name

if TYPE_CHECKING:
    from tests.saved_bundle.installed_files import SitePackages

DIGEST = "ab" * 32


def needs(closure: Closure) -> dict[str, tuple[str, ...]]:
    """Who needs whom, without the library and what it needs."""
    of_library = {one.name for one in closure_of("").distributions}
    return {one.name: one.needs for one in closure.distributions if one.name not in of_library}


def test_closure_of_nothing_is_the_library_with_what_it_needs() -> None:
    closure = closure_of("./bundled_pip_dependencies/bentoml-1.0-py3-none-any.whl\nbentoml==0.1\n")
    library, *others = closure.distributions
    assert (library.name, library.version) == ("bentoml", __version__)
    assert closure.direct == ("bentoml",)
    assert closure.missing == ()
    assert {"click", "sqlalchemy", "uvicorn"} <= set(library.needs)
    assert [one.name for one in others] == sorted(one.name for one in others)
    assert {name for one in closure.distributions for name in one.needs} == {one.name for one in others}


def test_closure_follows_requirements_of_requirements(site: SitePackages) -> None:
    site.add("Alpha.One", "1.0", "Requires-Dist: beta>=2")
    site.add("beta", "2.1", "Requires-Dist: gamma", "Requires-Dist: Alpha_One")
    site.add("gamma", "0.1+cpu")
    closure = closure_of("alpha-one==1.0\n")
    assert needs(closure) == {"alpha-one": ("beta",), "beta": ("alpha-one", "gamma"), "gamma": ()}
    assert closure.direct == ("alpha-one", "bentoml")
    assert {one.name: one.version for one in closure.distributions}["gamma"] == "0.1+cpu"


def test_closure_agrees_with_the_metadata_of_a_real_distribution() -> None:
    closure = closure_of("scikit-learn\n")
    found = {one.name: one for one in closure.distributions}
    assert {"numpy", "scipy", "joblib", "threadpoolctl"} <= set(found["scikit-learn"].needs)
    for name in found["scikit-learn"].needs:
        assert found[name].version == importlib.metadata.version(name)


def test_closure_takes_extras_and_markers_of_this_machine(site: SitePackages) -> None:
    site.add(
        "alpha",
        "1.0",
        'Requires-Dist: beta; extra == "some-extra"',
        'Requires-Dist: gamma; extra == "other"',
        f'Requires-Dist: delta; sys_platform == "{sys.platform}"',
        'Requires-Dist: epsilon; sys_platform == "amiga"',
    )
    for name in ("beta", "gamma", "delta"):
        site.add(name, "1")
    assert needs(closure_of("alpha")) == {"alpha": ("delta",), "delta": ()}
    assert needs(closure_of("alpha[some_extra]"))["alpha"] == ("beta", "delta")
    # The second one asks for an extra of what was followed already.
    assert needs(closure_of("alpha\nalpha[other]"))["alpha"] == ("delta", "gamma")
    assert needs(closure_of('alpha; sys_platform == "amiga"')) == {}


def test_closure_names_what_is_missing_and_leaves_it_out(site: SitePackages) -> None:
    site.add("alpha", "1.0", "Requires-Dist: beta>=2", "Requires-Dist: nothere[x]>1", "Requires-Dist: ???")
    site.add("beta", "1.9")
    closure = closure_of("alpha\nbeta==2.0\n")
    assert needs(closure) == {"alpha": ()}
    assert closure.missing == (
        "alpha needs '???', which cannot be read",
        "the bundle needs beta==2.0, but version 1.9 is installed here",
        "alpha needs beta>=2, but version 1.9 is installed here",
        "alpha needs nothere[x]>1, which is not installed here",
    )


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("-r other.txt", "line '-r other.txt'"),
        ("-e .", "line '-e .'"),
        ("./alpha-1.0.whl", "line './alpha-1.0.whl'"),
        ("https://example.com/alpha.whl", "line 'https://example.com/alpha.whl'"),
        ("alpha @ https://u:secret@example.com/alpha.whl", "alpha from an address that what is installed"),
    ],
)
def test_closure_of_lines_that_cannot_be_followed_says_so(site: SitePackages, line: str, missing: str) -> None:
    site.add("alpha", "1.0")
    closure = closure_of(f"{line}\n")
    assert len(closure.missing) == 1
    assert missing in closure.missing[0]
    assert "secret" not in closure.missing[0]


def test_closure_reads_a_requirements_file_as_pip_does(site: SitePackages) -> None:
    site.add("alpha", "1.0")
    site.add("beta", "2")
    text = (
        "# comment\n\n--extra-index-url=https://a.example  # ours\n-i https://b.example\r\n--trusted-host a.example\n"
        f"alpha==1.0 \\\n    --hash=sha256:{DIGEST} \\\n    --hash=sha256:{DIGEST}  # checked\n"
        "beta;python_version>'3' #x\n"
    )
    closure = closure_of(text)
    assert closure.missing == ()
    assert closure.options == (
        "--extra-index-url=https://a.example",
        "-i https://b.example",
        "--trusted-host a.example",
    )
    assert set(needs(closure)) == {"alpha", "beta"}


@pytest.mark.parametrize(
    ("url", "asked", "is_from"),
    [
        ("https://example.com/a.whl", "https://example.com/a.whl", True),
        ("https://example.com/a.whl", "https://u:p@example.com/a.whl#sha256=00", True),
        ("https://example.com/a.whl", "https://example.com/b.whl", False),
        ("file:///tmp/a.whl", "file:///tmp/a.whl", False),
    ],
)
def test_distribution_that_came_from_an_address_is_told_from_others(
    site: SitePackages, url: str, asked: str, is_from: bool
) -> None:
    site.add("alpha", "1.0", origin={"url": url, "archive_info": {"hashes": {"sha256": DIGEST}}})
    found = find_installed("alpha")
    assert found is not None
    assert found.is_from(asked) is is_from
    assert found.origin is not None
    assert found.origin.sha256 == DIGEST


def test_distribution_from_a_repository_is_told_by_its_address(site: SitePackages) -> None:
    origin = {"url": "https://example.com/a.git", "vcs_info": {"vcs": "git", "commit_id": "0" * 40}}
    site.add("alpha", "1.0", origin=origin)
    found = find_installed("alpha")
    assert found is not None
    assert found.is_from("git+https://example.com/a.git@v1.0")
    assert not found.is_from("git+https://example.com/b.git@v1.0")


@pytest.mark.parametrize(
    "origin",
    ["{", "[]", '"x"', "{}", '{"url": 3}', '{"url": "https://[", "archive_info": {"hashes": {"sha256": "../"}}}',
     '{"url": "https://e/a b", "archive_info": []}', '{"url": "https://e/\\n--index-url=x", "archive_info": {}}'],
)  # fmt: skip
def test_origin_that_says_nothing_of_use_counts_as_unknown(site: SitePackages, origin: str) -> None:
    site.add("alpha", "1.0", origin=origin)
    found = find_installed("alpha")
    assert found is not None
    assert found.origin is not None
    assert (found.origin.url, found.origin.sha256) == ("", None)


@pytest.mark.parametrize(
    "metadata", [b"", b"Name: alpha\n", b"Name: alpha\nVersion: one\n", b"Name: \xff\nVersion: 1\n"]
)
def test_distribution_with_broken_metadata_counts_as_missing(site: SitePackages, metadata: bytes) -> None:
    site.add("alpha", "1.0")
    (site.directory / "alpha-1.0.dist-info" / "METADATA").write_bytes(metadata)
    assert find_installed("alpha") is None
    assert closure_of("alpha").missing == ("the bundle needs alpha, which is not installed here",)


def test_distribution_with_an_older_form_of_metadata_is_followed(site: SitePackages) -> None:
    info = site.directory / "old_one.egg-info"
    info.mkdir()
    (info / "PKG-INFO").write_text("Metadata-Version: 1.1\nName: old-one\nVersion: 3\n\ntext\n")
    (info / "requires.txt").write_text("click\n\n[more]\npackaging\n")
    found: Any = find_installed("old-one")
    assert [canonical_name(line.split(";")[0]) for line in found.requires] == ["click", "packaging"]
    assert needs(closure_of("old-one")) == {"old-one": ("click",)}


def test_description_of_a_distribution_is_no_metadata(site: SitePackages) -> None:
    site.add("alpha", "1.0", description="Requires-Dist: nothere\n\nVersion: 7\n")
    assert closure_of("alpha").missing == ()


def test_what_is_missing_is_named_without_its_password() -> None:
    closure = closure_of("git+https://user:hidden@example.com/one.git\n")
    assert closure.missing == (
        "requirements.txt has the line 'git+https://***@example.com/one.git', which does not name a distribution",
    )


def test_comment_does_not_go_on_in_the_next_line(site: SitePackages) -> None:
    site.add("alpha", "1.0")
    assert "alpha" in closure_of("# such as beta \\\nalpha==1.0\n").direct
