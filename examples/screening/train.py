import json
from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from service import TumourScreening

if __name__ == "__main__":
    rows, is_benign = load_breast_cancer(return_X_y=True)
    rows, held_out, is_benign, held_out_is_benign = train_test_split(
        rows.astype(np.float32), is_benign, stratify=is_benign, random_state=0
    )
    forest = RandomForestClassifier(random_state=0).fit(rows, is_benign)
    model = to_onnx(forest, rows[:1], options={"zipmap": False}, target_opset=17)

    service = TumourScreening()
    service.pack("model", model, metadata={"accuracy": forest.score(held_out, held_out_is_benign)})
    difference = np.abs(service.screen(held_out) - forest.predict_proba(held_out)[:, 0]).max()
    print(f"on {len(held_out)} tumours that the model has not seen, ONNX and scikit-learn differ by {difference:.3f}")

    Path("rows.json").write_text(json.dumps(held_out[:3].tolist()), encoding="utf-8")
    print(service.save())
