import os

import joblib
from mosec import Server, Worker


class Predictor(Worker):
    def __init__(self):
        self.model = joblib.load(os.environ["MODEL_PATH"])

    def forward(self, data):
        labels = self.model.predict([rows[0] for rows in data]).tolist()
        return [[label] for label in labels]


if __name__ == "__main__":
    server = Server()
    server.append_worker(Predictor, num=1, max_batch_size=512, max_wait_time=1)
    server.run()
