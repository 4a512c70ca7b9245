"""What is kept of requirements files, and what is refused before an installer sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bentoml.deploy.environment.requirement_lines import read_lines
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from pathlib import Path

WHEEL = "tiny-1.0-py3-none-any.whl"
HASH = "sha256:" + "a" * 64
OTHER_HASH = "sha256:" + "b" * 64


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A bundle with a wheel in a directory with a blank in its name."""
    wheels = tmp_path / "bundle" / "some wheels"
    wheels.mkdir(parents=True)
    (wheels / WHEEL).write_bytes(b"one")
    (tmp_path / "secret.whl").touch()
    (tmp_path / "bundle" / "out.whl").symlink_to(tmp_path / "secret.whl")
    return tmp_path / "bundle"


KEPT = [
    pytest.param("numpy==2.0", ["numpy==2.0"], id="pinned"),
    pytest.param("  numpy == 2.0   # why\n\n# nothing\n", ["numpy==2.0"], id="blanks and comments"),
    pytest.param("\ufeffnumpy\r\nscipy\r\n", ["numpy", "scipy"], id="as Windows writes it"),
    pytest.param("a[x,y]>=1,<2; python_version<'4'", ['a[x,y]<2,>=1; python_version < "4"'], id="extras and markers"),
    pytest.param(
        f"numpy==2.0 \\\n    --hash={HASH} \\\n    --hash={OTHER_HASH}\nscipy==1 --hash {HASH}",
        [f"numpy==2.0 --hash={HASH} --hash={OTHER_HASH}", f"scipy==1 --hash={HASH}"],
        id="hashes",
    ),
    pytest.param("a==1 \\\n# said meanwhile\nb==2", ["a==1", "b==2"], id="comment ends a continued line"),
    pytest.param("https://h.example/a-1-py3-none-any.whl", ["https://h.example/a-1-py3-none-any.whl"], id="address"),
    pytest.param("a @ git+https://h.example/a@v1", ["a @ git+https://h.example/a@v1"], id="repository"),
]


@pytest.mark.parametrize(("text", "lines"), KEPT)
def test_read_lines_keeps_packages(root: Path, text: str, lines: list[str]) -> None:
    assert [package.line for package in read_lines(text, root, "requirements.txt").packages] == lines


def test_read_lines_keeps_options_about_where_packages_are(root: Path) -> None:
    text = (
        "-i https://a.example/simple --pre\n--extra-index-url=https://b.example/simple\n--trusted-host b.example\n"
        "-f 'some wheels'\n--find-links https://c.example/wheels\n"
    )
    with pytest.raises(InvalidArgument, match="line 4: --find-links has no value, or one with blanks"):
        read_lines(text, root, "requirements.txt")
    (root / "wheels").mkdir()
    found = read_lines(text.replace("'some wheels'", "./wheels"), root, "requirements.txt")
    assert found.options == (
        ("--index-url", "https://a.example/simple"),
        ("--pre", None),
        ("--extra-index-url", "https://b.example/simple"),
        ("--trusted-host", "b.example"),
        ("--find-links", (root / "wheels").as_uri()),
        ("--find-links", "https://c.example/wheels"),
    )


@pytest.mark.parametrize("text", [f"./some wheels/{WHEEL}", f"tiny @ file:some%20wheels/{WHEEL}"])
def test_read_lines_of_a_file_of_the_bundle_gives_its_whole_address(root: Path, text: str) -> None:
    if text.startswith("./"):
        (root / "some wheels").rename(root / "wheels")
        text = text.replace("some wheels", "wheels")
    (package,) = read_lines(text, root, "requirements.txt").packages
    assert package.text.startswith("tiny @ file:///")
    assert package.file is not None
    assert package.file.read_bytes() == b"one"
    assert not package.is_built
    before = package.identity
    assert str(root) not in before
    package.file.write_bytes(b"two")
    assert package.identity != before


REFUSED = [
    ("-r other.txt", "names another file"),
    ("-r/etc/passwd", "is no option"),
    ("--requirement=/etc/passwd", "names another file"),
    ("-c constraints.txt", "names another file"),
    ("-e .", "no editable packages"),
    ("--editable=git+https://h.example/a", "no editable packages"),
    ("--index https://h.example", "is no option"),
    ("--index-url", "has no value"),
    ("--index-url --pre", "has no value"),
    ("--index-url=ssh://h.example", "is no address of an index"),
    ("--index-url=/etc", "is no address of an index"),
    ("--index-url 'https://h.example --target=/tmp'", "blanks or quotes"),
    ("--pre=yes", "takes no value"),
    ("--target=/tmp/x", "is no option"),
    ("--global-option=build", "is no option"),
    ("--use-feature=fast", "is no option"),
    ("--index-url 'https://h.example", "a quote without its end"),
    ("numpy --global-option=x", "has an option that is not --hash"),
    ("numpy==1 --config-settings=a=b", "has an option that is not --hash"),
    ("numpy==1 -t /tmp", "has an option that is not --hash"),
    (f"numpy==1 --hash={HASH} --target=/tmp", "is no digest"),
    ("numpy==1 --hash=../x", "is no digest"),
    ("numpy 1.0", "is no requirement"),
    ("$(touch /tmp/x)", "is no requirement"),
    (f"../{WHEEL}", "lies outside of the bundle"),
    ("/etc/passwd", "lies outside of the bundle"),
    ("file:///etc/passwd", "lies outside of the bundle"),
    ("a @ file:///etc/passwd", "lies outside of the bundle"),
    ("a @ file:../secret.whl", "lies outside of the bundle"),
    ("FILE:///etc/passwd", "lies outside of the bundle"),
    ("file://localhost/etc/passwd", "lies outside of the bundle"),
    ("out.whl", "lies outside of the bundle"),
    ("--find-links=..", "lies outside of the bundle"),
    ("nothing.whl", "no such file"),
    ("--index-url=https://h.example/${AWS_SECRET_ACCESS_KEY}", "stands for a variable of this machine"),
    ("a @ https://h.example/${HOME}/a.whl", "stands for a variable of this machine"),
    ("a @ https://${HO\\\nME}/a.whl", "stands for a variable of this machine"),
    ("numpy\x1b[2K==1", "has a control character"),
    ("numpy\u2028--target=/tmp", "has a control character"),
    ("numpy\r--target=/tmp", "has a control character"),
    ("numpy\x00", "has a control character"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED, ids=lambda value: ascii(value[:40]))
def test_read_lines_refuses_what_is_no_package_and_says_where(root: Path, text: str, reason: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"^requirements\.txt, line 2: .*{reason}"):
        read_lines(f"scipy\n{text}\n", root, "requirements.txt")


BUILT = [
    ("numpy==1", False),
    ("a @ https://h.example/a-1-py3-none-any.whl#sha256=ab", False),
    ("https://h.example/a-1-py3-none-any.whl", False),
    ("https://h.example/a-1.tar.gz", True),
    ("a @ https://h.example/a-1.zip?x=.whl", True),
    ("a @ git+https://h.example/a", True),
    ("git+https://h.example/a", True),
    ("./some-1.tar.gz", True),
    (".", True),
]


@pytest.mark.parametrize(("text", "is_built"), BUILT)
def test_package_knows_whether_its_code_runs_when_it_is_installed(root: Path, text: str, is_built: bool) -> None:
    (root / "some-1.tar.gz").touch()
    (package,) = read_lines(text, root, "requirements.txt").packages
    assert package.is_built is is_built
