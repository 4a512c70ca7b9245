from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from service import Nuclei, TumourClassifier

if __name__ == "__main__":
    data = load_breast_cancer(as_frame=True)
    features = data.data.rename(columns=lambda name: name.removeprefix("worst "))[list(Nuclei.model_fields)]
    is_malignant = data.target == 0
    features, held_out, is_malignant, held_out_is_malignant = train_test_split(
        features, is_malignant, stratify=is_malignant, random_state=0
    )

    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(features, is_malignant)
    accuracy = model.score(held_out, held_out_is_malignant)
    print(f"accuracy on {len(held_out)} tumours that the model has not seen: {accuracy:.3f}")

    service = TumourClassifier()
    service.pack("model", model, metadata={"accuracy": accuracy})
    print(service.save())
