from sklearn.covariance import EllipticEnvelope
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from service import WineClassifier

if __name__ == "__main__":
    data = load_wine(as_frame=True)
    wines, held_out, cultivars, held_out_cultivars = train_test_split(
        data.data, data.target, stratify=data.target, random_state=0
    )

    gate = EllipticEnvelope(contamination=0.02, random_state=0).fit(wines)
    model = RandomForestClassifier(random_state=0).fit(wines, cultivars)
    accepted = (gate.predict(held_out) == 1).mean()
    accuracy = model.score(held_out, held_out_cultivars)
    print(f"of {len(held_out)} wines that the models have not seen, {accepted:.0%} pass the gate")
    print(f"accuracy: {accuracy:.3f}")
    held_out.to_csv("wines.csv", index=False)

    service = WineClassifier()
    service.pack("gate", gate, metadata={"accepted": accepted})
    service.pack("model", model, metadata={"accuracy": accuracy})
    print(service.save())
