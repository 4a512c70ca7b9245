import os

import joblib
import pandas as pd
from fastapi import FastAPI

app = FastAPI()
model = joblib.load(os.environ["MODEL_PATH"])


@app.post("/predict")
def predict(rows: list[list[float]]) -> list[int]:
    return model.predict(rows).tolist()


@app.post("/predict-dataframe")
def predict_dataframe(rows: list[list[float]]) -> list[int]:
    return model.predict(pd.DataFrame(rows)).tolist()


@app.post("/predict-dataframe-on-loop")
async def predict_dataframe_on_loop(rows: list[list[float]]) -> list[int]:
    return model.predict(pd.DataFrame(rows)).tolist()
