"""Temporary files of an engine are removed, and what it keeps for the next build stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bentoml.deploy.container.scratch import engine_scratch


@pytest.mark.parametrize("engine", ["podman", "buildah"])
def test_engine_scratch_is_removed_but_for_the_files_of_cache_mounts(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    names = ("buildah-cache", f"buildah-cache-{os.getuid()}")
    for number in range(2):
        with engine_scratch(engine) as env:
            scratch = Path(env["TMPDIR"])
            assert scratch.parent == tmp_path
            (scratch / "buildah1" / "mnt").mkdir(parents=True)
            for name in names:
                assert (scratch / name / "downloaded").is_file() == bool(number)
                (scratch / name / "downloaded").touch()
        assert {path.name for path in tmp_path.iterdir()} == set(names)


def test_engine_scratch_leaves_docker_alone() -> None:
    with engine_scratch("docker") as env:
        assert env == {}
