"""Estimators of scikit-learn in files that cannot run code: the format of skops, and which types are trusted in it.

A file names the classes of the objects in it. skops makes only objects of types that are trusted: its own defaults, the
ones that were reviewed here, and those that a caller adds. A trusted type does nothing when it is made and given its
state but keep it, and what it computes with later stays within the bounds of its arrays. Decision trees index into
memory by numbers from the file; they are trusted because their numbers are looked at, see `decision_trees`.
"""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

from bentoml._models.decision_trees import check_trees
from bentoml._util.optional import require

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_KERNELS = (
    "CompoundKernel",
    "ConstantKernel",
    "DotProduct",
    "ExpSineSquared",
    "Exponentiation",
    "Matern",
    "Product",
    "RBF",
    "RationalQuadratic",
    "Sum",
    "WhiteKernel",
)
REVIEWED_TYPES = frozenset(
    {
        "numpy.dtype",
        "numpy.mean",
        "sklearn._loss.loss.HalfTweedieLoss",
        "sklearn._loss.loss.HalfTweedieLossIdentity",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.feature_selection._mutual_info.mutual_info_classif",
        "sklearn.feature_selection._mutual_info.mutual_info_regression",
        "sklearn.feature_selection._univariate_selection.chi2",
        "sklearn.feature_selection._univariate_selection.f_classif",
        "sklearn.feature_selection._univariate_selection.f_regression",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        *(f"sklearn.gaussian_process.kernels.{kernel}" for kernel in _KERNELS),
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.model_selection._split.KFold",
        "sklearn.model_selection._split.StratifiedKFold",
        "sklearn.multiclass._ConstantPredictor",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
    }
)
"""Types that skops does not trust by itself, and we do."""


class UntrustedTypesError(Exception):
    """A file holds objects of types that nobody has said to trust.

    Attributes:
        names: full names of the types, sorted.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = list(names)


def write_skops(obj: Any, path: Path) -> None:
    """Write an object.

    Raises:
        TypeError: skops cannot write an object of that kind.
        MissingDependencyException: skops is not installed.
    """
    require("skops.io").dump(obj, path)


def check_types(path: Path, trusted: Iterable[str]) -> None:
    """Look at the types in a file; nothing is made of it.

    Args:
        path: the file.
        trusted: full names of types to trust beside those that are known.

    Raises:
        UntrustedTypesError: there are others.
        MissingDependencyException: skops is not installed.
    """
    found = require("skops.io").get_untrusted_types(file=path)
    refused = sorted(set(found) - REVIEWED_TYPES - set(trusted))
    if refused:
        raise UntrustedTypesError(refused)


def read_skops(path: Path, trusted: Iterable[str]) -> Any:
    """Read an object whose types are trusted.

    Args:
        path: the file.
        trusted: full names of types to trust beside those that are known.

    Raises:
        UntrustedTypesError: there are others.
        ValueError: the file is packed, or the numbers of a decision tree lead out of its arrays.
        MissingDependencyException: skops is not installed.
    """
    io = require("skops.io")
    with zipfile.ZipFile(path) as archive:
        # A packed file could be far larger in memory than on disk; ours never are.
        packed = [info.filename for info in archive.infolist() if info.compress_type != zipfile.ZIP_STORED]
    if packed:
        raise ValueError(f"{path} holds packed data ({packed[0]})")
    check_types(path, trusted)
    obj = io.load(path, trusted=sorted(REVIEWED_TYPES | set(trusted)))
    check_trees(obj)
    return obj
