"""A base image without a registry: the Python that runs the tests, with a shell and tools, copied from this machine.

It stands for `python:X.Y-slim`, and is called so; it has no apt, no compiler, and no more shared libraries than Python
and the tools need. The certificates of the machine are in it, so that pip works wherever it works here.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

PACKAGES = ("coreutils", "dash", "bash", "grep", "sed", "findutils")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
# They are opened by name at run time, so that nothing says who needs them.
BY_NAME = (
    "libnss_files.so.2",
    "libnss_dns.so.2",
    "libresolv.so.2",
    "libstdc++.so.6",
    "libgcc_s.so.1",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libutil.so.1",
)
DIRECTORIES = (
    "usr/bin usr/sbin usr/lib/ssl usr/lib64 usr/local/bin usr/local/lib tmp root proc sys dev run home etc/ssl/certs "
    "var/tmp var/cache"
)
PATH_LINE = "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"


def base_image_name() -> str:
    """The name by which Dockerfiles ask for it."""
    return f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"


def write_root(root: Path) -> None:
    """Write the file system of the image into an empty directory."""
    for name in DIRECTORIES.split():
        (root / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    (root / "tmp").chmod(0o1777)
    (root / "var/tmp").chmod(0o1777)
    python = _python_files()
    tools = [Path("/bin/sh"), *_tools()]
    for path in {*tools, *_libraries([*tools, *python])}:
        _copy(path, root)
    _write_python(root)
    _write_etc(root)
    subprocess.run(["ldconfig", "-r", str(root)], check=True)
    subprocess.run(["chroot", str(root), "python3", "-m", "ensurepip"], check=True, capture_output=True)


def write_debian_root(root: Path) -> None:
    """Write a Debian with apt, and the same Python in it, into an empty directory.

    Raises:
        subprocess.CalledProcessError: no mirror of Debian can be reached.
    """
    release = Path("/etc/os-release").read_text()
    found = re.search(r"^VERSION_CODENAME=(\w+)$", release, re.MULTILINE)
    assert found is not None, release
    sources = [path for path in (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))
               if path.is_file()]  # fmt: skip
    argv = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates"]
    subprocess.run([*argv, found[1], str(root), str(sources[0])], check=True)
    python = _python_files()
    for path in _libraries(python):
        if not (root / path.relative_to("/")).exists():
            _copy(path, root)
    _write_python(root)
    _copy(Path(CERTIFICATES), root)
    (root / "etc/pip.conf").write_text(f"[global]\ncert = {CERTIFICATES}\n")
    subprocess.run(["ldconfig", "-r", str(root)], check=True)
    subprocess.run(["chroot", str(root), "python3", "-m", "ensurepip"], check=True, capture_output=True)


def copy_program(program: Path, root: Path) -> None:
    """Copy a program of this machine and its libraries into a directory that is copied over the base image.

    Args:
        program: its path.
        root: stands for `/`; made here.
    """
    for path in (program, *_libraries([program])):
        # In the image, as on every Debian, /lib and the like are links.
        inside = path.relative_to("/")
        target = root / (inside if inside.parts[0] == "usr" else Path("usr") / inside)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)


def _tools() -> list[Path]:
    listed = subprocess.run(["dpkg", "-L", *PACKAGES], check=True, capture_output=True, text=True).stdout.split("\n")
    return [Path(line) for line in listed if re.match(r"(/usr)?/s?bin/.", line)]


def _python_files() -> list[Path]:
    dynload = Path(sysconfig.get_path("stdlib")) / "lib-dynload"
    return [_python(), *(path for path in dynload.glob("*.so") if not path.name.startswith("_tkinter"))]


def _python() -> Path:
    return Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")


def _libraries(programs: list[Path]) -> list[Path]:
    said = subprocess.run(["ldd", *map(str, programs)], check=False, capture_output=True, text=True).stdout
    found = {path for path in re.findall(r"(/[^ ()]+)", said) if not path.endswith(":")}
    cache = subprocess.run(["ldconfig", "-p"], check=True, capture_output=True, text=True).stdout
    found |= {line.split()[-1] for line in cache.splitlines() if line.split() and line.split()[0] in BY_NAME}
    inside = "" if sys.base_prefix == "/usr" else f"{sys.base_prefix}/"
    return [Path(path) for path in found if not inside or not path.startswith(inside)]


def _copy(path: Path, root: Path) -> None:
    if path.is_file():
        target = root / path.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)


def _write_python(root: Path) -> None:
    """Debian's own Python knows that it lives in /usr; every other one is put into /usr/local."""
    prefix = root / ("usr" if sys.base_prefix == "/usr" else "usr/local")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = Path(sysconfig.get_path("stdlib"))
    left_out = shutil.ignore_patterns("test", "site-packages", "dist-packages", "__pycache__", "*.a", "_tkinter*",
                                      "EXTERNALLY-MANAGED")  # fmt: skip
    shutil.copytree(library, prefix / "lib" / version, ignore=left_out, symlinks=False)
    (prefix / "lib" / version / "site-packages").mkdir()
    shutil.copy2(_python(), prefix / "bin" / version)
    for shared in Path(sys.base_prefix, "lib").glob("libpython*.so*"):
        shutil.copy2(shared, prefix / "lib", follow_symlinks=False)
    (prefix / "bin" / "python3").symlink_to(version)
    (prefix / "bin" / "python").symlink_to("python3")


def _write_etc(root: Path) -> None:
    etc = root / "etc"
    _copy(Path(CERTIFICATES), root)
    (root / "usr/lib/ssl/cert.pem").symlink_to(CERTIFICATES)
    (etc / "pip.conf").write_text(f"[global]\ncert = {CERTIFICATES}\n")
    (etc / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (etc / "group").write_text("root:x:0:\n")
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    (etc / "ld.so.conf").write_text("/usr/local/lib\n")
