from sklearn import datasets, svm

from bento_service import IrisClassifier

if __name__ == "__main__":
    iris = datasets.load_iris()
    model = svm.SVC(gamma="scale")
    model.fit(iris.data, iris.target)

    service = IrisClassifier()
    service.pack("model", model, metadata={"algorithm": "svm.SVC", "samples": len(iris.target)})
    print(service.save())
