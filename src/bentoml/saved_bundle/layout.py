"""Every path name inside a bundle.

```
<root>/
  bentoml.yml  SHA256SUMS  README.md  docs.json  Dockerfile  docker-entrypoint.sh  bentoml-init.sh
  environment.yml  requirements.txt  requirements.lock  python_version  setup.sh  setup.py  MANIFEST.in  sbom.cdx.json
  bundled_pip_dependencies/   the wheel of the library that saved the bundle
  <Service>/                  the service's own modules, as a Python package
    __init__.py  bentoml.yml  SHA256SUMS
    artifacts/  web_static_content/  zipimports/
```

`SHA256SUMS.sig` is added beside each `SHA256SUMS` when the bundle is signed. `pip install <root>` copies `<Service>/`
alone, so it carries its own manifest and digests and loads by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.exceptions import BentoMLConfigException

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "bentoml.yml"
DIGESTS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.sig"
README = "README.md"
OPENAPI_DOCUMENT = "docs.json"
DOCKERFILE = "Dockerfile"
DOCKER_ENTRYPOINT = "docker-entrypoint.sh"
INIT_SCRIPT = "bentoml-init.sh"
CONDA_ENVIRONMENT = "environment.yml"
REQUIREMENTS = "requirements.txt"
LOCK = "requirements.lock"
PYTHON_VERSION = "python_version"
SBOM = "sbom.cdx.json"
SETUP_SH = "setup.sh"
SETUP_PY = "setup.py"
SDIST_MANIFEST = "MANIFEST.in"
LIBRARY_DIR = "bundled_pip_dependencies"
PACKAGE_INIT = "__init__.py"
ARTIFACTS_DIR = "artifacts"
STATIC_CONTENT_DIR = "web_static_content"
ZIPIMPORTS_DIR = "zipimports"

# Directories of <Service>/ that hold data, unless they are Python packages.
DATA_DIRS = frozenset({ARTIFACTS_DIR, STATIC_CONTENT_DIR, ZIPIMPORTS_DIR, "__pycache__"})


@dataclass(frozen=True)
class BundleLayout:
    """Paths of one bundle on disk.

    Args:
        root: directory that holds `<Service>/`: the bundle, or `site-packages` when it was installed with pip.
        service_name: name of the service.
    """

    root: Path
    service_name: str

    @classmethod
    def of(cls, path: Path, service_name: str) -> BundleLayout:
        """The layout of a bundle, or of the package that pip installed from one.

        Args:
            path: directory that holds `bentoml.yml`.
            service_name: name of the service, as the manifest says.

        Raises:
            BentoMLConfigException: the package with the service's modules is missing.
        """
        resolved = path.resolve()
        if (resolved / service_name / MANIFEST).is_file():
            return cls(resolved, service_name)
        if resolved.name == service_name:
            return cls(resolved.parent, service_name)
        if (resolved / service_name).is_dir():
            return cls(resolved, service_name)
        raise BentoMLConfigException(f"{path} is not a whole bundle: it has no directory {service_name}")

    @property
    def service_dir(self) -> Path:
        """The package with the service's modules."""
        return self.root / self.service_name

    @property
    def library_dir(self) -> Path:
        """Where the library's wheel is."""
        return self.root / LIBRARY_DIR

    @property
    def static_content_dir(self) -> Path:
        """Static web pages."""
        return self.service_dir / STATIC_CONTENT_DIR

    @property
    def zipimports_dir(self) -> Path:
        """Zip archives with Python code."""
        return self.service_dir / ZIPIMPORTS_DIR

    @property
    def module_roots(self) -> list[Path]:
        """Where top-level modules of the bundle are searched: the package directory, then each zip archive by name."""
        return [self.service_dir, *sorted(self.zipimports_dir.glob("*.zip"))]
