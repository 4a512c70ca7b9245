"""A service whose APIs are models of the Open Inference Protocol, and one that is none."""

SERVICE = '''
import sys
import time

import bentoml
from bentoml.adapters import DataframeInput, JsonInput, NumpyNdarrayInput, NumpyNdarrayOutput


class Tensors(bentoml.BentoService):
    """Adds up."""

    @bentoml.api(input=DataframeInput(), batch=True)
    def echo(self, df):
        return df

    @bentoml.api(input=DataframeInput(http_input_example=[[1.5, 2.5]]), batch=True)
    def predict(self, df):
        return df.sum(axis=1).to_numpy()

    @bentoml.api(input=DataframeInput(columns=["a", "b"], dtype={"a": "float32", "b": "int64"}), batch=True)
    def columns(self, df):
        return df

    @bentoml.api(input=DataframeInput(), batch=False)
    async def single(self, df):
        return {"rows": len(df), "kinds": [str(one) for one in df.dtypes]}

    @bentoml.api(input=DataframeInput(), batch=True, mb_max_latency=300)
    def slow(self, df):
        time.sleep(1)
        return df

    @bentoml.api(input=NumpyNdarrayInput(), output=NumpyNdarrayOutput(), batch=True)
    def together(self, array):
        time.sleep(0.3)
        return array * 0 + len(array)

    @bentoml.api(input=DataframeInput(), batch=True)
    def fails(self, df):
        raise ValueError("no luck")

    @bentoml.api(input=DataframeInput(), batch=True)
    def leaves(self, df):
        sys.exit(3)

    @bentoml.api(input=JsonInput(), batch=True)
    def words(self, objs):
        return objs

    @bentoml.api(input=DataframeInput(), batch=False)
    def pieces(self, df):
        yield "a"
'''
