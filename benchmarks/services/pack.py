"""Saves the services to be measured into `$BENTOML_HOME`; the last line of output says where each lies, as JSON."""

import json
import sys

from iris_service import IrisClassifier
from sklearn import datasets, ensemble, svm

MODELS = {
    "svc": lambda: svm.SVC(gamma="scale"),
    "forest": lambda: ensemble.RandomForestClassifier(n_estimators=100, random_state=0),
}


def iris(name):
    data = datasets.load_iris()
    service = IrisClassifier()
    service.pack("model", MODELS[name]().fit(data.data, data.target))
    return service


if __name__ == "__main__":
    print(json.dumps({name: iris(name).save() for name in sys.argv[1:]}))
