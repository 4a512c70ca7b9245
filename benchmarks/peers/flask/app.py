import os

import joblib
from flask import Flask, jsonify, request

app = Flask(__name__)
model = joblib.load(os.environ["MODEL_PATH"])


@app.post("/predict")
def predict():
    return jsonify(model.predict(request.get_json()).tolist())
