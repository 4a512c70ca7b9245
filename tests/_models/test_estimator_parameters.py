"""Counting what was trained, on estimators whose numbers are known from their shapes."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from bentoml._models.estimator_parameters import count_parameters

FEATURES, TARGET = load_iris(return_X_y=True)  # (150, 4), three species
STUMP = DecisionTreeClassifier(max_depth=1)  # one threshold, two leaves with three classes each


def support_vectors() -> int:
    return int(SVC().fit(FEATURES, TARGET).n_support_.sum())


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        pytest.param(LogisticRegression(max_iter=500), 3 * 4 + 3, id="linear"),
        pytest.param(Ridge(), 4 + 1, id="one intercept, a float"),
        pytest.param(make_pipeline(StandardScaler(), PCA(2), Ridge()), 2 * 4 + 2 + 1, id="pipeline"),
        pytest.param(MLPClassifier((5,), solver="lbfgs", tol=1.0, random_state=0), 4 * 5 + 5 + 5 * 3 + 3, id="network"),
        pytest.param(SVC(), support_vectors() * 4 + 2 * support_vectors() + 3, id="support vectors"),
        pytest.param(KMeans(3, n_init=1), 3 * 4, id="clusters"),
        pytest.param(STUMP, 1 + 2 * 3, id="tree"),
        pytest.param(RandomForestClassifier(10, max_depth=1), 10 * 7, id="forest"),
        pytest.param(AdaBoostClassifier(STUMP, n_estimators=3), 3 * 7, id="boosted"),
        pytest.param(GradientBoostingClassifier(n_estimators=2, max_depth=1), 2 * 3 * 3, id="gradient boosting"),
        pytest.param(HistGradientBoostingRegressor(max_iter=2, max_leaf_nodes=2), 2 * 3, id="histograms"),
        pytest.param(VotingClassifier([("a", STUMP), ("b", STUMP)]), 2 * 7, id="members"),
        pytest.param(GridSearchCV(STUMP, {"max_depth": [1]}), 7, id="the best of a search, not what it began with"),
        pytest.param(KNeighborsClassifier(), None, id="nothing is trained"),
    ],
)
def test_count(estimator: Any, expected: int | None) -> None:
    assert count_parameters(clone(estimator).fit(FEATURES, TARGET)) == expected


def test_count_when_the_template_was_trained_before_is_of_the_copies_only() -> None:
    trained = clone(STUMP).fit(FEATURES, TARGET)
    assert count_parameters(AdaBoostClassifier(trained, n_estimators=3).fit(FEATURES, TARGET)) == 3 * 7


def test_count_of_an_unfitted_estimator_is_not_known() -> None:
    assert count_parameters(make_pipeline(StandardScaler(), Ridge())) is None


def test_count_of_sparse_coefficients_is_of_what_is_kept() -> None:
    model = LogisticRegression(max_iter=500).fit(FEATURES, TARGET)
    model.coef_[0, :2] = 0
    assert count_parameters(model.sparsify()) == 3 * 4 - 2 + 3
