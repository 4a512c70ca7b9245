"""The environment of a service and the files it writes."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bentoml.exceptions import InvalidArgument
from bentoml.service.env import BentoServiceEnv

PYTHON_IMAGE = f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"


def saved(env: BentoServiceEnv, directory: Path) -> dict[str, str]:
    """What `save` writes: name and text of each file."""
    env.save(directory)
    return {path.name: path.read_text(encoding="utf-8") for path in directory.iterdir()}


def test_save_when_nothing_is_declared_writes_the_defaults(tmp_path: Path) -> None:
    files = saved(BentoServiceEnv(), tmp_path)
    assert set(files) == {"environment.yml", "requirements.txt", "python_version"}
    assert yaml.safe_load(files["environment.yml"]) == {"name": "bentoml-default-conda-env", "dependencies": []}
    assert files["requirements.txt"] == ""
    assert files["python_version"] == platform.python_version()


def test_save_writes_index_lines_before_packages(tmp_path: Path) -> None:
    env = BentoServiceEnv(
        pip_packages=["b==2", "a"],
        pip_dependencies=["old"],
        pip_index_url="https://index/simple",
        pip_trusted_host="index",
        pip_extra_index_url="https://extra/simple",
    )
    assert saved(env, tmp_path)["requirements.txt"] == (
        "--index-url=https://index/simple\n--trusted-host=index\n--extra-index-url=https://extra/simple\nold\nb==2\na\n"
    )


def test_save_when_requirements_file_is_given_copies_it_verbatim(tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_bytes(b"# mine\r\npandas==2.0  # pinned\r\n")
    env = BentoServiceEnv(requirements_txt_file=str(own), pip_packages=["other"])
    target = tmp_path / "target"
    target.mkdir()
    env.save(target)
    assert (target / "requirements.txt").read_bytes() == own.read_bytes()
    assert env.to_dict()["requirements_txt"] == own.read_bytes().decode()
    assert "pip_packages" not in env.to_dict()


def test_save_when_requirements_file_is_missing_names_it(tmp_path: Path) -> None:
    env = BentoServiceEnv(requirements_txt_file="no-such-file.txt")
    with pytest.raises(InvalidArgument, match=r"no-such-file\.txt"):
        env.save(tmp_path)


@pytest.mark.parametrize(
    ("options", "warns"),
    [
        pytest.param({"pip_packages": ["a"]}, True, id="packages"),
        pytest.param({"infer_pip_packages": True}, True, id="inference"),
        pytest.param({"pip_index_url": "https://i"}, True, id="index"),
        pytest.param({"conda_dependencies": ["a"]}, False, id="conda only"),
    ],
)
def test_requirements_file_beside_other_pip_options_warns(
    options: dict[str, Any], warns: bool, caplog: pytest.LogCaptureFixture
) -> None:
    BentoServiceEnv(requirements_txt_file="r.txt", **options)
    assert len(caplog.records) == warns


INLINE_SCRIPTS = [
    pytest.param("#!/bin/sh\nset -e\napt-get update\n", id="lines"),
    pytest.param("true", id="one word"),
    pytest.param("echo " + "x" * 100_000, id="long line"),
    pytest.param("echo " + "x" * 300, id="longer than a file name"),
    pytest.param("echo \x00", id="no path at all"),
]


@pytest.mark.parametrize("script", INLINE_SCRIPTS)
def test_setup_sh_when_text_is_saved_as_it_stands(script: str, tmp_path: Path) -> None:
    saved(BentoServiceEnv(setup_sh=script), tmp_path)
    assert (tmp_path / "setup.sh").read_bytes().decode() == script
    assert os.access(tmp_path / "setup.sh", os.X_OK)


@pytest.mark.parametrize(("script", "warns"), [("./setp.sh", True), ("sh setp.sh", False), ("setp.sh\ntrue\n", False)])
def test_save_when_setup_sh_looks_like_a_missing_file_warns(
    script: str, warns: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    env = BentoServiceEnv(setup_sh=script)
    assert caplog.records == []
    env.save(tmp_path)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * warns
    assert ("no file" in caplog.text) is warns


@pytest.mark.parametrize("content", ["#!/bin/sh\necho from a file\n", ""], ids=["script", "empty"])
def test_setup_sh_when_path_of_a_file_is_read_at_once(content: str, tmp_path: Path) -> None:
    script = tmp_path / "prepare.sh"
    script.write_text(content, encoding="utf-8")
    env = BentoServiceEnv(setup_sh=str(script))
    script.unlink()
    assert env._setup_sh == content


CONDA_CASES = [
    pytest.param({"conda_dependencies": ["gdal"]}, None, {"dependencies": ["gdal"]}, id="dependencies"),
    pytest.param(
        {"conda_channels": ["conda-forge"], "conda_dependencies": ["gdal"]},
        None,
        {"channels": ["conda-forge"], "dependencies": ["gdal"]},
        id="channels",
    ),
    pytest.param(
        {"conda_channels": ["conda-forge"], "conda_override_channels": True},
        None,
        {"channels": ["conda-forge", "nodefaults"], "dependencies": []},
        id="override",
    ),
    pytest.param(
        {"conda_channels": ["conda-forge"], "conda_overwrite_channels": True},
        None,
        {"channels": ["conda-forge", "nodefaults"], "dependencies": []},
        id="old name of override",
    ),
    pytest.param(
        {"conda_channels": ["mine"], "conda_dependencies": ["gdal"]},
        {"name": "base", "channels": ["theirs"], "dependencies": ["python=3.11", {"pip": ["x"]}], "prefix": "/p"},
        {
            "name": "base",
            "channels": ["mine"],
            "dependencies": ["gdal", "python=3.11", {"pip": ["x"]}],
            "prefix": "/p",
        },
        id="file with additions",
    ),
    pytest.param(
        {"conda_override_channels": True},
        {"name": "base", "channels": ["theirs", "nodefaults"], "dependencies": None},
        {"name": "base", "channels": ["theirs", "nodefaults"], "dependencies": []},
        id="override with the channels of the file",
    ),
]


@pytest.mark.parametrize(("options", "file", "expected"), CONDA_CASES)
def test_save_writes_the_conda_environment(
    options: dict[str, Any], file: dict[str, Any] | None, expected: dict[str, Any], tmp_path: Path
) -> None:
    if file is not None:
        (tmp_path / "base.yml").write_text(yaml.safe_dump(file), encoding="utf-8")
        options = {**options, "conda_env_yml_file": str(tmp_path / "base.yml")}
    else:
        expected = {"name": "bentoml-default-conda-env", **expected}
    environment = yaml.safe_load(saved(BentoServiceEnv(**options), tmp_path)["environment.yml"])
    assert environment == expected


@pytest.mark.parametrize("content", [None, "a: [", "- 1\n"], ids=["missing", "no YAML", "no mapping"])
def test_save_when_conda_file_cannot_be_used_names_it(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "base.yml"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    env = BentoServiceEnv(conda_env_yml_file=str(path))
    with pytest.raises(InvalidArgument, match=r"conda_env_yml_file .*base\.yml"):
        env.save(tmp_path)


def test_override_channels_without_channels_raises(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="needs conda_channels"):
        BentoServiceEnv(conda_override_channels=True)
    (tmp_path / "base.yml").write_text("name: base\n", encoding="utf-8")
    env = BentoServiceEnv(conda_override_channels=True, conda_env_yml_file=str(tmp_path / "base.yml"))
    with pytest.raises(InvalidArgument, match="needs channels"):
        env.save(tmp_path)


def test_docker_base_image_by_default_is_a_slim_python() -> None:
    assert BentoServiceEnv()._docker_base_image == PYTHON_IMAGE


def test_docker_base_image_when_conda_is_needed_has_conda() -> None:
    env = BentoServiceEnv()
    env.add_conda_dependencies(["gdal", "gdal"])
    assert env._docker_base_image == "condaforge/miniforge3"
    assert env._conda_env.dependencies == ["gdal"]
    assert BentoServiceEnv(conda_channels=["conda-forge"])._docker_base_image == PYTHON_IMAGE


def test_docker_base_image_when_declared_wins() -> None:
    env = BentoServiceEnv(docker_base_image="mine:1", conda_dependencies=["gdal"])
    assert env._docker_base_image == "mine:1"
    env._docker_base_image = "other:2"
    assert env.to_dict()["docker_base_image"] == "other:2"


def test_docker_base_image_when_configured_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "c.yml").write_text("bento_bundle: {default_docker_base_image: 'ours:3'}\n", encoding="utf-8")
    monkeypatch.setenv("BENTOML_CONFIG", str(tmp_path / "c.yml"))
    assert BentoServiceEnv()._docker_base_image == "ours:3"


@pytest.mark.parametrize("option", ["docker_base_image", "pip_index_url", "pip_trusted_host", "pip_extra_index_url"])
@pytest.mark.parametrize("value", ["a\nRUN evil", "a b", "", "a\x1b[0m"], ids=["line", "space", "empty", "control"])
def test_option_of_one_word_when_it_could_add_lines_raises(option: str, value: str) -> None:
    with pytest.raises(InvalidArgument, match=f"{option} must be one word"):
        BentoServiceEnv(**{option: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("option", ["pip_packages", "conda_channels", "conda_dependencies", "zipimport_archives"])
def test_option_of_several_when_given_one_str_raises(option: str) -> None:
    with pytest.raises(InvalidArgument, match="expected a list"):
        BentoServiceEnv(**{option: "pandas"})  # type: ignore[arg-type]


def test_old_names_of_options_are_read() -> None:
    env = BentoServiceEnv(pip_dependencies=["a"], auto_pip_dependencies=True, zipimport_archives=["x.zip"])
    assert (env._pip_packages, env._infer_pip_packages, env._zipimport_archives) == (["a"], True, ["x.zip"])


def test_copy_shares_nothing() -> None:
    env = BentoServiceEnv(pip_packages=["a"], conda_dependencies=["c"])
    copy = env.copy()
    copy.add_pip_package("b")
    copy.add_conda_dependencies(["d"])
    copy.set_setup_sh("true")
    assert (env._pip_packages, env._conda_env.dependencies, env._setup_sh) == (["a"], ["c"], None)


def test_to_dict_holds_the_section_of_the_manifest() -> None:
    env = BentoServiceEnv(pip_packages=["a"], setup_sh="true", conda_dependencies=["c"], docker_base_image="i")
    assert env.to_dict() == {
        "setup_sh": "true",
        "pip_packages": ["a"],
        "conda_env": {"name": "bentoml-default-conda-env", "dependencies": ["c"]},
        "python_version": platform.python_version(),
        "docker_base_image": "i",
    }


def test_use_files_of_bundle_reads_what_was_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    for name, text in {"r.txt": "a==1\n", "e.yml": "name: mine\n", "s.sh": "#!/bin/sh\n"}.items():
        (home / name).write_text(text, encoding="utf-8")
    options = {"requirements_txt_file": "r.txt", "conda_env_yml_file": "e.yml", "conda_dependencies": ["c"]}
    bundle, again = tmp_path / "bundle", tmp_path / "again"
    bundle.mkdir()
    again.mkdir()
    first = saved(BentoServiceEnv(setup_sh="s.sh", **options), bundle)  # type: ignore[arg-type]
    monkeypatch.chdir(tmp_path)
    loaded = BentoServiceEnv(setup_sh="s.sh", **options)  # type: ignore[arg-type]
    loaded.use_files_of_bundle(bundle)
    assert saved(loaded, again) == first


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("conda_channels", ["conda-forge\n- evil"]),
        ("conda_channels", [3]),
        ("conda_dependencies", ["gdal\r- evil"]),
        ("conda_dependencies", [None]),
        ("conda_dependencies", [" "]),
        ("zipimport_archives", ["code\x00.zip"]),
        ("zipimport_archives", [b"code.zip"]),
    ],
)
def test_env_with_an_entry_that_is_not_one_line_of_text_names_the_option(option: str, value: Any) -> None:
    with pytest.raises(InvalidArgument, match=f"{option} has .*, which is not one line of text"):
        BentoServiceEnv(**{option: value})


@pytest.mark.parametrize("option", ["requirements_txt_file", "conda_env_yml_file"])
@pytest.mark.parametrize("value", [3, b"r.txt", "r\n.txt"], ids=str)
def test_env_with_a_file_that_is_no_path_names_the_option(option: str, value: Any) -> None:
    with pytest.raises(InvalidArgument, match=f"{option} must be the path of a file"):
        BentoServiceEnv(**{option: value})


def test_env_takes_paths_as_objects(tmp_path: Path) -> None:
    env: Any = BentoServiceEnv(
        requirements_txt_file=tmp_path / "r.txt",  # type: ignore[arg-type]
        conda_env_yml_file=tmp_path / "e.yml",  # type: ignore[arg-type]
        zipimport_archives=[tmp_path / "code.zip"],  # type: ignore[list-item]
    )
    assert env._requirements_txt_file == str(tmp_path / "r.txt")
    assert env._conda_env.env_yml_file == str(tmp_path / "e.yml")
    assert env._zipimport_archives == [str(tmp_path / "code.zip")]


@pytest.mark.parametrize("script", [3, b"true", ["true"]], ids=str)
def test_setup_sh_that_is_no_text_is_refused(script: Any) -> None:
    with pytest.raises(InvalidArgument, match="setup_sh must be the path or the text of a script"):
        BentoServiceEnv(setup_sh=script)
