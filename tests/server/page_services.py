"""Services whose pages are looked at in a browser."""

from __future__ import annotations

import json
from pathlib import Path

FLOWERS = '''
import time

import bentoml
from bentoml.adapters import DataframeInput, JsonInput


class FlowerClassifier(bentoml.BentoService):
    """# Flower classifier

    Tells the species of a flower from **four lengths** in centimetres.

    | species | number |
    |---|---|
    | setosa | 0 |
    | virginica | 2 |

    ```python
    requests.post("http://localhost:5000/predict", json=[[5.1, 3.5, 1.4, 0.2]])
    ```
    """

    @bentoml.api(input=DataframeInput(http_input_example=[[5.1, 3.5, 1.4, 0.2]]), batch=True)
    def predict(self, df):
        """The number of the species of each flower."""
        return (df[0] > 6).astype(int).to_numpy()

    @bentoml.api(
        input=DataframeInput(columns=["width", "kind"], dtype={"width": "float64", "kind": "object"}), batch=True
    )
    def widest(self, df):
        """The same as a table; also takes a CSV file."""
        return df["width"].round(1).to_numpy()

    @bentoml.api(input=JsonInput(http_input_example={"text": "it's a rose"}), batch=False, route="v1/describe")
    def describe(self, obj, task):
        return {"seen": obj, "custom": task.http_headers.get("X-Custom"), "cookie": task.http_headers.get("Cookie")}

    @bentoml.api(input=JsonInput(), batch=False)
    def fail(self, obj):
        """Always fails."""
        raise ValueError("<b>not today</b>")

    @bentoml.api(input=JsonInput(), batch=False)
    def count(self, number):
        """Counts, as a stream."""
        for i in range(number):
            yield i

    @bentoml.api(input=JsonInput(), batch=True, mb_max_latency=1000)
    def hurried(self, objs):
        time.sleep(max(objs))
        return objs
'''

# What it says about itself is as bad as it can be.
HOSTILE = r"""
import bentoml
from bentoml.adapters import JsonInput

EVIL = (
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    "[link](javascript:document.title='owned') [data](data:text/html,<script>alert(1)</script>) "
    "![pic](https://evil.example/pixel.png) <https://evil.example> "
    "<iframe src='javascript:alert(1)'></iframe><form action='https://evil.example'><button>send</button></form>"
    "<style>body{display:none}</style> \u202egnp.exe\u2066 {{7*7}} ${7*7}"
)


class Hostile(bentoml.BentoService):
    @bentoml.api(
        input=JsonInput(
            http_input_example={EVIL: EVIL, "'; rm -rf / #": "\u202e'$(reboot)'"},
            request_schema={
                "application/json": {"schema": {"$ref": "https://evil.example/schema.json"}},
                EVIL: {"schema": {"type": "object", "properties": {EVIL: {"type": "string", "description": EVIL}}}},
            },
        ),
        api_doc=EVIL,
        route="a$~!@%^&*()[]|;:,.b",
    )
    def predict(self, obj):
        return EVIL


Hostile.__doc__ = EVIL + "\n\n" + "long " * 15000 + "\n\n" + "[" * 5000 + "\n\n" + "> " * 500
"""


def make_document_hostile(path: Path) -> None:
    """Put into an OpenAPI document what no service of ours says, but a bundle from elsewhere may."""
    document = json.loads(path.read_text())
    script = "javascript:document.title='owned'"
    document["info"] |= {
        "termsOfService": script,
        "contact": {"name": "us", "url": script, "email": "x@evil.example'onclick='alert(1)"},
        "license": {"name": "<b>", "url": "data:text/html,<script>alert(1)</script>"},
    }
    document["externalDocs"] = {"description": "more", "url": script}
    document["servers"] = [{"url": "https://evil.example/collect", "description": "<img src=x onerror=alert(1)>"}]
    document["paths"]["/odd"] = None
    document["paths"]["/odder"] = {"post": {"summary": "<u>", "description": 7, "requestBody": {"content": []}}}
    path.write_text(json.dumps(document))
