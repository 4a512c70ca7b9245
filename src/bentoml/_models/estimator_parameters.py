"""How many numbers an estimator of scikit-learn was trained to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require

if TYPE_CHECKING:
    from collections.abc import Iterator

# Attributes of linear models, networks, support vector machines, naive Bayes, clusters and decompositions.
_WEIGHTS = (
    "coef_",
    "intercept_",
    "coefs_",
    "intercepts_",
    "dual_coef_",
    "support_vectors_",
    "feature_log_prob_",
    "class_log_prior_",
    "cluster_centers_",
    "components_",
)

# What ensembles and searches are given, and copy before they train it.
_TEMPLATES = {"estimator", "estimators", "transformers"}


def count_parameters(estimator: Any) -> int | None:
    """Count the weights of an estimator and of all that it consists of.

    Weights are the coefficients and intercepts of linear models and networks, support vectors with their coefficients,
    logarithms of probabilities of naive Bayes, centers of clusters, components of decompositions; and of a decision
    tree the threshold of each split and the values of each leaf.

    Returns:
        The number; None when none of these is in it.
    """
    total = sum(map(_own_parameters, _estimators(estimator)))
    return total or None


def _estimators(root: Any) -> Iterator[Any]:
    """An estimator and those that it holds, as steps, members or the best of a search; each once."""
    base = require("sklearn.base", "scikit-learn").BaseEstimator
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        obj = waiting.pop()
        if id(obj) in seen:
            continue
        seen.add(id(obj))
        if isinstance(obj, base):
            yield obj
            waiting += _parts(obj)
        elif isinstance(obj, (list, tuple)):
            waiting += obj
        elif getattr(getattr(obj, "dtype", None), "hasobject", False):  # gradient boosting keeps its trees in an array
            waiting += list(obj.flat)


def _parts(estimator: Any) -> list[Any]:
    """Values of the attributes, without templates where there is what was made of them."""
    values = vars(estimator)
    templates = _TEMPLATES if any(name.endswith("_") for name in values) else set()
    if "estimators_" in values:
        templates = templates | {"estimator_"}  # of bagging and AdaBoost the template again
    return [value for name, value in values.items() if name not in templates]


def _own_parameters(estimator: Any) -> int:
    values = vars(estimator)
    count = sum(_size(values[name]) for name in _WEIGHTS if name in values)
    tree = values.get("tree_")
    if tree is not None:
        count += int(tree.node_count - tree.n_leaves + tree.n_leaves * tree.value[0].size)
    # Trees of histograms: each node has a threshold, or a value.
    count += sum(len(predictor.nodes) for of_round in values.get("_predictors", ()) for predictor in of_round)
    return count


def _size(value: Any) -> int:
    if isinstance(value, (list, tuple)):
        return sum(map(_size, value))
    size = value.nnz if hasattr(value, "nnz") else getattr(value, "size", 1)  # of a sparse matrix what it keeps
    return int(size)
