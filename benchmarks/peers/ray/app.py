import os
import sys

import joblib
import ray
from ray import serve


@serve.deployment(max_ongoing_requests=1024)
class Iris:
    def __init__(self, path):
        self.model = joblib.load(path)

    @serve.batch(max_batch_size=64, batch_wait_timeout_s=0.002)
    async def predict(self, rows):
        return self.model.predict(rows).tolist()

    async def __call__(self, request):
        (row,) = await request.json()
        return [await self.predict(row)]


if __name__ == "__main__":
    ray.init(include_dashboard=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(Iris.bind(os.environ["MODEL_PATH"]), route_prefix="/predict", blocking=True)
