"""Trains the two models with the scikit-learn of the environment that runs it: `python train.py DIRECTORY`."""

import pathlib
import sys

import joblib
from sklearn import datasets, ensemble, svm

if __name__ == "__main__":
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    iris = datasets.load_iris()
    joblib.dump(svm.SVC(gamma="scale").fit(iris.data, iris.target), directory / "svc.joblib")
    forest = ensemble.RandomForestClassifier(n_estimators=100, random_state=0)
    joblib.dump(forest.fit(iris.data, iris.target), directory / "forest.joblib")
