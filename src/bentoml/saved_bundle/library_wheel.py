"""A wheel of the running library, so that a bundle installs the very version that made it, without an index.

It is packed from the files that are running, whether they were installed normally or in editable mode. The same files
give the same bytes.
"""

from __future__ import annotations

import base64
import csv
import email
import hashlib
import importlib.metadata
import io
import zipfile
from email.generator import Generator
from email.policy import Compat32
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml._version import __version__
from bentoml.exceptions import BentoMLException

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DISTRIBUTION = "bentoml"
WHEEL_NAME = f"{DISTRIBUTION}-{__version__}-py3-none-any.whl"
_PACKAGE_DIR = Path(__file__).resolve().parent.parent
_INFO_DIR = f"{DISTRIBUTION}-{__version__}.dist-info"
_EARLIEST_TIME = (1980, 1, 1, 0, 0, 0)
_FILE_MODE = 0o100644
_UNIX = 3
_WHEEL_FILE = f"Wheel-Version: 1.0\nGenerator: {DISTRIBUTION} {__version__}\nRoot-Is-Purelib: true\nTag: py3-none-any\n"

# The wheel that this process packed last, and its record.
_packed: dict[str, bytes] = {}


def write_library_wheel(directory: Path) -> Path:
    """Write the wheel into an existing directory.

    Returns:
        Its path; the name is `WHEEL_NAME`.

    Raises:
        BentoMLException: the library runs from a copy that was never installed, so that what it needs is not known.
    """
    members = {**dict(_package_files()), **_metadata_files()}
    record = _record(members)
    # Compressing takes longer than all the rest of saving a small service; the record names every byte of the result.
    if _packed.get("record") != record:
        _packed.update(record=record, wheel=_pack({**members, f"{_INFO_DIR}/RECORD": record}))
    path = directory / WHEEL_NAME
    path.write_bytes(_packed["wheel"])
    return path


def _pack(members: Mapping[str, bytes]) -> bytes:
    """The members as a zip archive, in their order: RECORD stands last, as the format of wheels asks for."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, _EARLIEST_TIME)
            entry.external_attr = _FILE_MODE << 16
            entry.create_system = _UNIX
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return output.getvalue()


def _package_files() -> Iterator[tuple[str, bytes]]:
    for path in sorted(_PACKAGE_DIR.rglob("*"), key=lambda path: path.relative_to(_PACKAGE_DIR).as_posix()):
        relative = path.relative_to(_PACKAGE_DIR)
        if "__pycache__" in relative.parts or path.suffix in {".pyc", ".pyo"} or not path.is_file():
            continue
        yield f"{DISTRIBUTION}/{relative.as_posix()}", path.read_bytes()


def _metadata_files() -> dict[str, bytes]:
    try:
        distribution = importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError as error:
        raise BentoMLException(
            f"{DISTRIBUTION} runs from {_PACKAGE_DIR} but is not installed, so a bundle cannot record what it needs; "
            "run: pip install -e . (in its source directory)"
        ) from error
    files = {
        f"{_INFO_DIR}/METADATA": _metadata_text(distribution.read_text("METADATA") or "").encode(),
        f"{_INFO_DIR}/WHEEL": _WHEEL_FILE.encode(),
    }
    entry_points = distribution.read_text("entry_points.txt")
    if entry_points:
        files[f"{_INFO_DIR}/entry_points.txt"] = entry_points.encode()
    for license_name in distribution.metadata.get_all("License-File") or []:
        for place in (f"licenses/{license_name}", license_name):
            text = distribution.read_text(place)
            if text is not None:
                files[f"{_INFO_DIR}/{place}"] = text.encode()
                break
    return files


def _metadata_text(text: str) -> str:
    """The metadata with the version that runs; an editable installation keeps the one it was made with."""
    message = email.message_from_string(text)
    if message["Version"] == __version__:
        return text
    del message["Version"]
    message["Version"] = __version__
    output = io.StringIO()
    Generator(output, mangle_from_=False, policy=Compat32(max_line_length=None)).flatten(message)
    return output.getvalue()


def _record(members: dict[str, bytes]) -> bytes:
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    for name, content in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        writer.writerow([name, f"sha256={digest}", len(content)])
    writer.writerow([f"{_INFO_DIR}/RECORD", "", ""])
    return output.getvalue().encode()
