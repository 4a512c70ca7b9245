"""Reading a bundle back."""

from __future__ import annotations

import logging
import platform
import shutil
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import bentoml
from bentoml.exceptions import (
    ArtifactLoadingException,
    BentoMLConfigException,
    BentoMLException,
    MissingDependencyException,
    NotFound,
)
from bentoml.saved_bundle import (
    load,
    load_bento_service_api,
    load_bento_service_class,
    load_bento_service_metadata,
    load_from_dir,
    load_saved_bundle_config,
    loader,
    save_to_dir,
)

if TYPE_CHECKING:
    from tests.saved_bundle.conftest import Project
    from tests.saved_bundle.installed_files import SitePackages


@pytest.fixture
def bundle(project: Project, bundle_dir: Path) -> Path:
    save_to_dir(project.greeter(), bundle_dir)
    return bundle_dir


def edit_manifest(bundle: Path, old: str, new: str) -> None:
    """Changes the manifest as a bundle made elsewhere would have it, without digests."""
    for directory in (bundle, bundle / "Greeter"):
        path = directory / "bentoml.yml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new).replace("format: 1\n", ""))
        (directory / "SHA256SUMS").unlink(missing_ok=True)


def test_load_gives_an_instance_ready_to_use(bundle: Path) -> None:
    service: Any = load(str(bundle))
    assert service.greet("you") == "hello you"
    assert (service.name, service.version, service.tag) == ("Greeter", "1.0", "Greeter:1.0")
    assert service._bento_service_bundle_path == str(bundle)
    assert service._bento_service_bundle_version == "1.0"
    assert load_from_dir is load
    assert bentoml.load is load


def test_load_from_a_relative_path_works_after_the_directory_changes(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(bundle)
    service_class = load_bento_service_class(".")
    monkeypatch.chdir(tmp_path)
    service: Any = service_class()
    assert service.greet("you") == "hello you"


def test_load_of_a_service_in_a_namespace_that_it_shares_with_installed_distributions(
    project: Project,
    site: SitePackages,
    bundle_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    site.add("acme-core", "1.0", files={"acme/core/__init__.py": "WORD = 'core'\n"})
    project.write(acme__shop__words="from acme.core import WORD\n")
    project.write_file(
        "svc.py",
        """
        import acme.core, bentoml
        from acme.shop.words import WORD
        from bentoml.adapters import JsonInput

        @bentoml.env(infer_pip_packages=True)
        class Shop(bentoml.BentoService):
            @bentoml.api(input=JsonInput())
            def say(self, _):
                import acme.core, acme.shop.words
                return WORD + acme.core.WORD
        """,
    )
    save_to_dir(project.import_("svc").Shop(), bundle_dir)
    assert "acme-core==1.0" in (bundle_dir / "requirements.txt").read_text().splitlines()
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(project.root)])
    project.forget("svc", "acme")
    loaded: Any = load(bundle_dir)
    assert loaded.say(None) == "corecore"
    (tmp_path / "again").mkdir()
    save_to_dir(loaded, tmp_path / "again")
    project.forget("svc", "acme")
    again: Any = load(tmp_path / "again")
    assert again.say(None) == "corecore"
    assert caplog.messages == []


def test_load_without_warnings_in_the_log(bundle: Path, caplog: pytest.LogCaptureFixture) -> None:
    load(bundle)
    assert caplog.records == []


def test_instances_of_a_loaded_class_have_artifacts_of_their_own(bundle: Path) -> None:
    service_class: Any = load_bento_service_class(bundle)
    one, two = service_class(), service_class()
    one.pack("model", "changed")
    assert (one.greet("you"), two.greet("you")) == ("changed you", "hello you")


def test_load_bento_service_metadata_does_not_import_the_service(bundle: Path) -> None:
    (bundle / "Greeter" / "greeter.py").write_text("raise SystemExit('imported')")
    metadata = load_bento_service_metadata(bundle)
    assert (metadata.name, metadata.version) == ("Greeter", "1.0")
    assert [(api.name, api.input_type, api.route) for api in metadata.apis] == [("greet", "JsonInput", "greet")]
    assert [artifact.artifact_type for artifact in metadata.artifacts] == ["PickleArtifact"]
    assert metadata.env.python_version == platform.python_version()
    assert metadata.created_at is not None
    assert abs((datetime.now(timezone.utc) - metadata.created_at).total_seconds()) < 600


def test_metadata_of_a_loaded_service_agrees_with_its_manifest(bundle: Path) -> None:
    service = load(bundle)
    live, stored = service.get_bento_service_metadata_pb(), load_bento_service_metadata(bundle)
    assert live.created_at == stored.created_at
    assert live.apis == stored.apis
    assert [(a.name, a.artifact_type, a.metadata) for a in live.artifacts] == [
        (a.name, a.artifact_type, a.metadata) for a in stored.artifacts
    ]


def test_load_saved_bundle_config_gives_the_manifest(bundle: Path) -> None:
    config = load_saved_bundle_config(bundle)
    assert config.as_dict()["metadata"]["module_name"] == "greeter"
    assert config.get_bento_service_metadata_pb() == load_bento_service_metadata(bundle)


def test_load_bento_service_api_by_name_or_without(bundle: Path) -> None:
    assert load_bento_service_api(bundle).name == "greet"
    assert load_bento_service_api(bundle, "greet").name == "greet"
    with pytest.raises(NotFound, match="Can't find API 'other' in service 'Greeter'"):
        load_bento_service_api(bundle, "other")


def test_load_of_what_is_no_bundle_says_so(tmp_path: Path) -> None:
    with pytest.raises(BentoMLException, match="nowhere' not found"):
        load(tmp_path / "nowhere")
    with pytest.raises(BentoMLConfigException, match=r"is not a saved bundle: it has no bentoml\.yml"):
        load(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(BentoMLException, match="file' not found"):
        load(tmp_path / "file")
    with pytest.raises(BentoMLException, match=r"not found; a tag .*repository\.load\('Greeter:latest'\)"):
        load("Greeter:latest")


def test_load_of_a_bundle_without_its_package_says_so(bundle: Path) -> None:
    shutil.rmtree(bundle / "Greeter")
    with pytest.raises(BentoMLConfigException, match="is not a whole bundle: it has no directory Greeter"):
        load(bundle, verify=False)


def test_load_of_the_package_alone_works(bundle: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """That is what `pip install` makes of a bundle."""
    installed = tmp_path / "site-packages" / "Greeter"
    shutil.copytree(bundle / "Greeter", installed)
    service: Any = load(installed)
    assert service.greet("you") == "hello you"
    assert service._bento_service_bundle_path == str(installed.parent)
    assert caplog.records == []


VERSIONS = [
    pytest.param("0.13.1", "was saved with bentoml 0.13.1", None, id="classic"),
    pytest.param("0.1", "was saved with bentoml 0.1", None, id="very old"),
    pytest.param("0+untagged.1.gabc", "was saved with bentoml 0+untagged.1.gabc", None, id="development build"),
    pytest.param("0+untagged", None, None, id="untagged"),
    pytest.param("1.0.0", None, "was saved with bentoml 1.0.0", id="other major"),
    pytest.param("10.0.0", None, "was saved with bentoml 10.0.0", id="other major of two digits"),
]


@pytest.mark.parametrize(("version", "warning", "error"), VERSIONS)
def test_load_of_another_version_warns_or_refuses(
    bundle: Path, caplog: pytest.LogCaptureFixture, version: str, warning: str | None, error: str | None
) -> None:
    edit_manifest(bundle, f"version: {bentoml.__version__}\n", f"version: {version}\n")
    if error is not None:
        with pytest.raises(BentoMLConfigException, match=error):
            load(bundle, verify=False)
        return
    load(bundle, verify=False)
    assert bool(caplog.messages) == bool(warning)
    assert (warning or "") in "".join(caplog.messages)


def test_load_of_a_classic_bundle_in_a_later_major_version_warns(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(loader, "__version__", "2.1.0")
    load(bundle)
    assert f"was saved with bentoml {bentoml.__version__}, but bentoml 2.1.0 is installed" in caplog.text


@pytest.mark.parametrize("version", ["3.1.0", "3.1", "2.7.18", "3.11.99"])
def test_load_with_another_python_warns(bundle: Path, caplog: pytest.LogCaptureFixture, version: str) -> None:
    edit_manifest(bundle, f"python_version: {platform.python_version()}", f"python_version: '{version}'")
    caplog.set_level(logging.WARNING)
    load(bundle, verify=False)
    assert [message for message in caplog.messages if "Python version mismatch" in message and version in message]


RENAMED = """
import bentoml
from bentoml.service.artifacts.common import PickleArtifact

class Base(bentoml.BentoService):
    pass

@bentoml.artifacts([PickleArtifact("model")])
class Greeter(Base):
    _bento_service_name = "Welcome"
"""


def test_load_of_a_class_with_another_name_than_its_service(project: Project, bundle_dir: Path) -> None:
    save_to_dir(project.greeter(source=RENAMED), bundle_dir)
    assert (bundle_dir / "Welcome" / "greeter.py").is_file()
    service = load(bundle_dir)
    assert (type(service).__name__, service.name, service.artifacts.model) == ("Greeter", "Welcome", "hello")


def test_load_of_a_classic_bundle_that_did_not_record_the_class(project: Project, bundle_dir: Path) -> None:
    save_to_dir(project.greeter(source=RENAMED), bundle_dir)
    manifest = bundle_dir / "bentoml.yml"
    manifest.write_text(manifest.read_text().replace("  class_name: Greeter\n", ""))
    assert type(load(bundle_dir, verify=False)).__name__ == "Greeter"


def test_load_when_the_module_has_no_such_class_says_so(bundle: Path) -> None:
    (bundle / "Greeter" / "greeter.py").write_text("import bentoml\nclass Greeter: pass\n")
    with pytest.raises(BentoMLConfigException, match="defines no BentoService class Greeter"):
        load(bundle, verify=False)


def test_load_when_a_library_is_missing_names_it(bundle: Path) -> None:
    module = bundle / "Greeter" / "greeter.py"
    module.write_text(f"import library_that_is_not_here\n{module.read_text()}")
    with pytest.raises(MissingDependencyException, match=r"library_that_is_not_here is not installed.*pip install -r"):
        load(bundle, verify=False)


def test_load_when_a_module_of_the_bundle_is_missing_says_that_the_bundle_is_broken(bundle: Path) -> None:
    (bundle / "Greeter" / "greeter.py").unlink()
    with pytest.raises(BentoMLConfigException, match=r"cannot be imported from .*No module named 'greeter'"):
        load(bundle, verify=False)


def test_load_when_an_artifact_is_missing_says_which(bundle: Path) -> None:
    (bundle / "Greeter" / "artifacts" / "model.pkl").unlink()
    with pytest.raises(ArtifactLoadingException, match="'model'"):
        load(bundle, verify=False)


CLASSIC = """
version: 0.13.1
kind: BentoService
metadata: {created_at: 2021-06-01 10:00:00.000000, service_name: Iris, service_version: 20210601100000_ABC123,
  module_name: shop.iris, module_file: iris.py}
env: {pip_packages: [bentoml==0.13.1], conda_env: {}, python_version: 3.7.10,
  docker_base_image: bentoml/model-server:0.13.1-py37}
apis:
- {name: predict, docs: Predicts., input_type: DataframeInput, output_type: DefaultOutput, mb_max_batch_size: 2000,
   mb_max_latency: 1000, batch: true, route: predict}
artifacts: []
"""


def test_load_of_a_bundle_of_the_classic_system_works_with_warnings(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "classic"
    shop = root / "Iris" / "shop"
    shop.mkdir(parents=True)
    (root / "Iris" / "artifacts").mkdir()
    for directory in (root, root / "Iris"):
        (directory / "bentoml.yml").write_text(CLASSIC)
    (root / "Iris" / "__init__.py").write_text("raise SystemExit('not imported by a load')")
    (shop / "__init__.py").touch()
    (shop / "iris.py").write_text(
        "import bentoml\nfrom bentoml.adapters import DataframeInput\nfrom .flowers import FLOWERS\n"
        "class Iris(bentoml.BentoService):\n"
        "    @bentoml.api(input=DataframeInput(), batch=True)\n"
        "    def predict(self, df):\n        return FLOWERS\n"
    )
    (shop / "flowers.py").write_text("FLOWERS = ['setosa']\n")
    service: Any = load(root)
    assert service.predict(None) == ["setosa"]
    assert service.version == "20210601100000_ABC123"
    for text in ("saved without SHA256SUMS", "was saved with bentoml 0.13.1", "Python version mismatch"):
        assert text in caplog.text
