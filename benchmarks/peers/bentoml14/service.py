import os

import bentoml
import joblib
import numpy as np


@bentoml.service
class Iris:
    def __init__(self):
        self.model = joblib.load(os.environ["MODEL_PATH"])

    @bentoml.api(batchable=True, max_batch_size=512, max_latency_ms=60000)
    def predict(self, rows: np.ndarray, /) -> np.ndarray:
        return self.model.predict(rows)
