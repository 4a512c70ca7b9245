import numpy as np
import xgboost
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

from service import PATIENT, DiabetesProgression

if __name__ == "__main__":
    data = load_diabetes(as_frame=True, scaled=False)
    patients, held_out, progression, held_out_progression = train_test_split(
        data.data.astype(PATIENT), data.target, random_state=0
    )

    model = xgboost.train(
        {
            "objective": "reg:quantileerror",
            "quantile_alpha": [0.1, 0.5, 0.9],
            "max_depth": 2,
            "eta": 0.05,
        },
        xgboost.DMatrix(patients, progression),
        num_boost_round=100,
    )
    low, median, high = model.predict(xgboost.DMatrix(held_out)).T
    metrics = {
        "mean_absolute_error": round(float(np.abs(median - held_out_progression).mean()), 1),
        "share_in_range": round(float(((low <= held_out_progression) & (held_out_progression <= high)).mean()), 2),
    }
    print(f"for {len(held_out)} patients that the model has not seen: {metrics}")

    service = DiabetesProgression()
    service.pack("model", model, metadata={"held_out": metrics, "patients": len(patients)})
    print(service.save())
