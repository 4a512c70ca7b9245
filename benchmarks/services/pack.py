"""Saves the services to be measured into `$BENTOML_HOME`; the last line of output says where each lies, as JSON."""

import json
import sys

from iris_service import IrisClassifier
from length_service import LengthService
from sklearn import datasets, ensemble, svm
from slow_service import SlowIrisClassifier


def classifier(service, model):
    iris = datasets.load_iris()
    service.pack("model", model.fit(iris.data, iris.target))
    return service


SERVICES = {
    "svc": lambda: classifier(IrisClassifier(), svm.SVC(gamma="scale")),
    "forest": lambda: classifier(IrisClassifier(), ensemble.RandomForestClassifier(n_estimators=100, random_state=0)),
    "slow": lambda: classifier(SlowIrisClassifier(), svm.SVC(gamma="scale")),
    "length": LengthService,
}

if __name__ == "__main__":
    print(json.dumps({name: SERVICES[name]().save() for name in sys.argv[1:]}))
