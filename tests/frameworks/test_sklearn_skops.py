"""Estimators in files of skops: what is trusted, what is refused, and files that were tampered with."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import Birch, KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier, TweedieRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.frameworks.sklearn import SklearnModelArtifact

if TYPE_CHECKING:
    from pathlib import Path

FEATURES, TARGET = load_iris(return_X_y=True)
TABLE = pd.DataFrame({"length": FEATURES[:, 0], "width": FEATURES[:, 1], "kind": TARGET.astype(str)})
TEXTS = np.array(["red fish", "blue fish", "old dog", "new dog"])
KIND = f"{__name__}.Halve"


class Halve(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer of the user's own."""

    def fit(self, X: Any, y: Any = None) -> Any:  # noqa: N803 - the names of scikit-learn
        return self

    def transform(self, X: Any) -> Any:  # noqa: N803
        return X / 2


def skops_artifact(**arguments: Any) -> SklearnModelArtifact:
    return SklearnModelArtifact("model", format="skops", **arguments)


MODELS = [
    LogisticRegression(max_iter=500),
    SGDClassifier(random_state=0),
    SVC(),
    GaussianNB(),
    KMeans(n_clusters=3, random_state=0, n_init=1),
    DecisionTreeClassifier(max_depth=3, random_state=0),
    RandomForestClassifier(n_estimators=3, random_state=0),
    ExtraTreesRegressor(n_estimators=3, random_state=0),
    GradientBoostingClassifier(n_estimators=3, random_state=0),
    AdaBoostClassifier(n_estimators=3, random_state=0),
    BaggingClassifier(DecisionTreeClassifier(), n_estimators=3, max_features=2, random_state=0),
    IsolationForest(n_estimators=3, max_features=2, random_state=0),
    IsolationForest(n_estimators=3, random_state=0),
    VotingClassifier([("a", GaussianNB()), ("b", DecisionTreeClassifier())]),
    StackingClassifier([("a", GaussianNB()), ("b", DecisionTreeClassifier())]),
    KNeighborsClassifier(algorithm="brute"),
    GaussianProcessClassifier(random_state=0),
    MLPClassifier(hidden_layer_sizes=(4,), solver="lbfgs", max_iter=2000, random_state=0),
    CalibratedClassifierCV(GaussianNB()),
    TweedieRegressor(power=0),
    GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}),
    GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2]}),
    make_pipeline(SimpleImputer(), StandardScaler(), FunctionTransformer(np.abs), SelectKBest(chi2, k=2), GaussianNB()),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_models_of_scikit_learn_are_trusted_and_predict_the_same(model: Any, tmp_path: Path) -> None:
    model.fit(FEATURES, TARGET)
    skops_artifact().pack(model).save(str(tmp_path))
    loaded = skops_artifact().load(str(tmp_path)).get()
    np.testing.assert_array_equal(loaded.predict(FEATURES), model.predict(FEATURES))


def test_a_pipeline_for_tables_and_one_for_texts_predict_the_same(tmp_path: Path) -> None:
    columns = ColumnTransformer([("number", StandardScaler(), ["length"]), ("kind", OneHotEncoder(), ["kind"])])
    table = make_pipeline(columns, LogisticRegression()).fit(TABLE, TARGET)
    skops_artifact().pack(table).save(str(tmp_path))
    assert (skops_artifact().load(str(tmp_path)).get().predict(TABLE) == table.predict(TABLE)).all()
    texts = make_pipeline(TfidfVectorizer(), SGDClassifier(random_state=0)).fit(TEXTS, [0, 0, 1, 1])
    skops_artifact().pack(texts).save(str(tmp_path))
    assert (skops_artifact().load(str(tmp_path)).get().predict(TEXTS) == texts.predict(TEXTS)).all()


def test_pack_of_a_type_that_is_not_trusted_names_it_and_the_argument() -> None:
    model = make_pipeline(Halve(), GaussianNB()).fit(FEATURES, TARGET)
    artifact = skops_artifact()
    with pytest.raises(InvalidArgument) as caught:
        artifact.pack(model)
    assert f"skops does not trust {KIND}; " in str(caught.value)
    assert f"trusted_types=['{KIND}']" in str(caught.value)
    assert not artifact.is_ready


def test_types_that_the_user_trusts_are_packed_and_loaded(tmp_path: Path) -> None:
    model = make_pipeline(Halve(), GaussianNB()).fit(FEATURES, TARGET)
    skops_artifact(trusted_types=[KIND]).pack(model).save(str(tmp_path))
    loaded = skops_artifact(trusted_types=[KIND]).load(str(tmp_path)).get()
    assert (loaded.predict(FEATURES) == model.predict(FEATURES)).all()
    with pytest.raises(ArtifactLoadingException, match=f"types that are not trusted: {KIND}"):
        skops_artifact().load(str(tmp_path))


def test_fresh_copy_keeps_format_and_trust() -> None:
    model = make_pipeline(Halve(), GaussianNB()).fit(FEATURES, TARGET)
    assert skops_artifact(trusted_types=[KIND]).fresh_copy().pack(model).get() is model


@pytest.mark.parametrize(
    "model",
    [KNeighborsClassifier(algorithm="kd_tree"), make_pipeline(FunctionTransformer(eval), GaussianNB())],
    ids=["unchecked numbers", "a function that runs code"],
)
def test_pack_of_what_is_dangerous_in_a_file_is_refused(model: Any) -> None:
    if isinstance(model, KNeighborsClassifier):
        model.fit(FEATURES, TARGET)
    with pytest.raises(InvalidArgument, match="skops does not trust"):
        skops_artifact().pack(model)


def test_pack_of_what_skops_cannot_write_says_so() -> None:
    with pytest.raises(InvalidArgument, match=r"Birch are not supported yet.* Give format='joblib'"):
        skops_artifact().pack(Birch().fit(FEATURES))


@pytest.mark.parametrize(
    "arguments",
    [{"format": "pickle"}, {"trusted_types": ["a.B"]}, {"format": "skops", "trusted_types": "a.B"}],
    ids=["format", "trust without skops", "one text"],
)
def test_wrong_arguments_raise_invalid_argument(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="'model' must be"):
        SklearnModelArtifact("model", **arguments)


def tampered(tree: Any, features: int | None = None, **changes: Any) -> Any:
    """A copy of a tree in which values were changed: `node_count`, or fields of the first node."""
    class_, (n_features, n_classes, n_outputs), state = tree.__reduce__()
    state = {**state, "nodes": state["nodes"].copy(), "node_count": changes.pop("node_count", state["node_count"])}
    for field, value in changes.items():
        state["nodes"][field][0] = value
    copy = class_(n_features if features is None else features, n_classes, n_outputs)
    copy.__setstate__(state)
    return copy


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"left_child": 10**6}, "leads out of the tree", id="left child"),
        pytest.param({"right_child": 10**6}, "leads out of the tree", id="right child"),
        pytest.param({"left_child": -7}, "leads out of the tree", id="negative child"),
        pytest.param({"left_child": 0}, "leads out of the tree", id="endless walk"),
        pytest.param({"feature": 4}, "leads out of the tree", id="feature"),
        pytest.param({"feature": -2}, "leads out of the tree", id="negative feature"),
        pytest.param({"node_count": 0}, "says that it has 0 nodes", id="no node"),
        pytest.param({"features": 400, "feature": 399}, "looks at 400 features, and gets rows of 4", id="wide"),
    ],
)
@pytest.mark.parametrize("kind", ["tree", "forest"])
def test_load_of_a_tree_that_leads_out_of_its_arrays_is_refused(
    kind: str, changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    forest = RandomForestClassifier(n_estimators=2, max_depth=2, random_state=0).fit(FEATURES, TARGET)
    member = forest.estimators_[1]
    member.tree_ = tampered(member.tree_, **changes)
    skops_artifact().pack(member if kind == "tree" else forest).save(str(tmp_path))
    with pytest.raises(ArtifactLoadingException, match=message):
        skops_artifact().load(str(tmp_path))


def test_load_of_a_forest_whose_trees_are_wider_than_its_rows_is_refused(tmp_path: Path) -> None:
    forest = RandomForestClassifier(n_estimators=2, random_state=0).fit(FEATURES, TARGET)
    wide = DecisionTreeClassifier().fit(np.hstack([FEATURES[:, :1] * 0, FEATURES, FEATURES]), TARGET)
    forest.estimators_[1] = wide
    skops_artifact().pack(forest).save(str(tmp_path))
    with pytest.raises(ArtifactLoadingException, match="looks at 9 features, and gets rows of 4"):
        skops_artifact().load(str(tmp_path))


def hidden_in_a_pipeline(member: Any) -> Any:
    return make_pipeline(FunctionTransformer(np.abs), member.tree_)


def hidden_beside_its_estimator(member: Any) -> Any:
    model = make_pipeline(FunctionTransformer(np.abs), member)
    model.steps.append(("more", member.tree_))
    return model


def hidden_as_an_attribute(member: Any) -> Any:
    model = GaussianNB()
    model.tree_ = member.tree_
    return model


@pytest.mark.parametrize("hide", [hidden_in_a_pipeline, hidden_beside_its_estimator, hidden_as_an_attribute])
def test_load_of_a_tree_outside_of_its_estimator_is_refused(hide: Any, tmp_path: Path) -> None:
    member = DecisionTreeClassifier(max_depth=2).fit(FEATURES, TARGET)
    skops_artifact().pack(hide(member)).save(str(tmp_path))
    with pytest.raises(ArtifactLoadingException, match="stands where only its estimator may have one"):
        skops_artifact().load(str(tmp_path))


def test_load_of_a_forest_of_other_things_is_refused(tmp_path: Path) -> None:
    forest = RandomForestClassifier(n_estimators=2, random_state=0).fit(FEATURES, TARGET)
    forest.estimators_[1] = GaussianNB().fit(FEATURES, TARGET)
    skops_artifact().pack(forest).save(str(tmp_path))
    with pytest.raises(ArtifactLoadingException, match="has a member that is no decision tree"):
        skops_artifact().load(str(tmp_path))


@pytest.mark.parametrize("class_", [DecisionTreeClassifier, RandomForestClassifier, GradientBoostingClassifier])
def test_load_of_a_model_whose_check_of_rows_is_replaced_is_refused(class_: Any, tmp_path: Path) -> None:
    model = class_().fit(FEATURES[::10], TARGET[::10])
    model._validate_X_predict = np.positive  # lets rows of any width through
    model.predict = np.positive
    skops_artifact().pack(model).save(str(tmp_path))
    with pytest.raises(ArtifactLoadingException, match="has a value in the place of its method"):
        skops_artifact().load(str(tmp_path))


def test_load_of_a_model_that_was_not_fitted_works(tmp_path: Path) -> None:
    skops_artifact().pack(RandomForestClassifier()).save(str(tmp_path))
    assert isinstance(skops_artifact().load(str(tmp_path)).get(), RandomForestClassifier)


def test_load_of_a_boosted_model_with_more_trees_than_it_says_is_refused(tmp_path: Path) -> None:
    model = GradientBoostingClassifier(n_estimators=2, random_state=0).fit(FEATURES, TARGET)
    model.estimators_ = np.hstack([model.estimators_, model.estimators_])
    skops_artifact().pack(model).save(str(tmp_path))
    with pytest.raises(ArtifactLoadingException, match="another number of trees for each step"):
        skops_artifact().load(str(tmp_path))


def test_load_of_a_packed_file_is_refused(tmp_path: Path) -> None:
    skops_artifact().pack(GaussianNB().fit(FEATURES, TARGET)).save(str(tmp_path))
    path = tmp_path / "model.skops"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(ArtifactLoadingException, match="holds packed data"):
        skops_artifact().load(str(tmp_path))


def test_load_of_what_is_no_file_of_skops_names_the_artifact(tmp_path: Path) -> None:
    (tmp_path / "model.skops").write_bytes(b"no zip")
    with pytest.raises(ArtifactLoadingException, match=r"'model' can not be loaded from .*BadZipFile"):
        skops_artifact().load(str(tmp_path))
