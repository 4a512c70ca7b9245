"""Decision trees of scikit-learn from files that nobody vouches for.

A tree walks its nodes by the numbers that stand in them, without looking whether they are in range: numbers that are
not make `predict` read memory that is not the model's. So they are looked at once, after the file was read.
"""

from __future__ import annotations

import gc
import types
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require

if TYPE_CHECKING:
    from collections.abc import Iterator

# Not parts of a model, but of the program.
_PROGRAM = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType)
_LEAF = -1


def check_trees(model: Any) -> None:
    """Look at every tree in a model, and at whether it fits what holds it.

    Raises:
        ValueError: a number leads out of the arrays of a tree, or of the rows that it is asked about; or a tree stands
            where nothing looks at the rows before it gets them.
    """
    tree_class = require("sklearn.tree._tree", "scikit-learn").Tree
    estimator_class = require("sklearn.tree", "scikit-learn").BaseDecisionTree
    for obj, parts in _parts(model, estimator_class):
        trees = [part for part in parts if isinstance(part, tree_class)]
        if trees and not isinstance(obj, estimator_class):
            raise ValueError("a decision tree stands where only its estimator may have one")
        for tree in trees:
            _check_nodes(tree)
    # When all trees are sound themselves, they can be asked about their features.
    for obj, _ in _parts(model, estimator_class):
        _check_holder(obj, estimator_class)


def _parts(model: Any, estimator_class: type[Any]) -> Iterator[tuple[Any, list[Any]]]:
    """Every object that belongs to a model, each once, with what it refers to.

    An estimator of a tree comes with the values of its attributes, not with the dict that they are in.
    """
    numpy = require("numpy")
    seen: set[int] = set()
    waiting = [model]
    while waiting:
        obj = waiting.pop()
        if id(obj) in seen or isinstance(obj, _PROGRAM):
            continue
        seen.add(id(obj))
        if isinstance(obj, estimator_class):
            parts = list(vars(obj).values())
        elif isinstance(obj, numpy.ndarray):
            parts = list(obj.flat) if obj.dtype.hasobject else []
        else:
            parts = gc.get_referents(obj)
        yield obj, parts
        waiting.extend(parts)


def _check_nodes(tree: Any) -> None:
    count = tree.node_count
    # An array of the nodes is as long as their count says; the capacity is what there is memory for.
    if not 1 <= count <= tree.capacity:
        raise ValueError(f"a decision tree says that it has {count} nodes, and has {tree.capacity}")
    numpy = require("numpy")
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    inner = left != _LEAF
    above = numpy.arange(count)[inner]
    # Children stand behind their parent, so a walk comes to an end.
    is_sound = (
        numpy.all((above < left[inner]) & (left[inner] < count))
        and numpy.all((above < right[inner]) & (right[inner] < count))
        and numpy.all((feature[inner] >= 0) & (feature[inner] < tree.n_features))
    )
    if not is_sound:
        raise ValueError("a decision tree has a node that leads out of the tree")


def _check_holder(obj: Any, estimator_class: type[Any]) -> None:
    """Whether a tree looks at as many features as its holder lets through."""
    forest = require("sklearn.ensemble._forest", "scikit-learn").BaseForest
    boosting = require("sklearn.ensemble._gb", "scikit-learn").BaseGradientBoosting
    isolation = require("sklearn.ensemble", "scikit-learn").IsolationForest
    # The last three give rows to their trees without letting them look at the shape.
    if not isinstance(obj, (estimator_class, forest, boosting, isolation)):
        return
    hidden = [name for name in vars(obj) if callable(getattr(type(obj), name, None))]
    if hidden:
        raise ValueError(f"a {type(obj).__name__} has a value in the place of its method {hidden[0]}")
    if isinstance(obj, estimator_class):
        if hasattr(obj, "tree_"):
            _demand(obj, obj.n_features_in_)
        return
    if not hasattr(obj, "estimators_"):
        return
    if isinstance(obj, boosting) and obj.estimators_.shape[1:] != (obj.n_trees_per_iteration_,):
        raise ValueError("a boosted model has another number of trees for each step than it says")
    features = obj.estimators_features_ if isinstance(obj, isolation) else None
    for index, member in enumerate(obj.estimators_.flat if isinstance(obj, boosting) else obj.estimators_):
        if not isinstance(member, estimator_class):
            raise ValueError(  # noqa: TRY004 - what is wrong is the file
                f"a {type(obj).__name__} has a member that is no decision tree"
            )
        _demand(member, obj.n_features_in_ if features is None else len(features[index]))


def _demand(estimator: Any, features: int) -> None:
    """Raise unless the tree of an estimator looks at that many features."""
    found = estimator.tree_.n_features
    if found != features:
        raise ValueError(f"a decision tree looks at {found} features, and gets rows of {features}")
