import os
import sys

import joblib
import litserve
import numpy as np


class IrisAPI(litserve.LitAPI):
    def setup(self, device):
        self.model = joblib.load(os.environ["MODEL_PATH"])

    def decode_request(self, request):
        return np.asarray(request[0])

    def batch(self, inputs):
        return np.stack(inputs)

    def predict(self, rows):
        return self.model.predict(rows)

    def unbatch(self, output):
        return list(output)

    def encode_response(self, output):
        return [int(output)]


if __name__ == "__main__":
    api = IrisAPI(max_batch_size=64, batch_timeout=0.002)
    server = litserve.LitServer(api, accelerator="cpu")
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False)
