"""The one table of what is compared: which packages each peer is installed from, and how it is started and asked.

Peers stand as their own documentation would write them, with dynamic batching on where the peer offers it; their files
are in `benchmarks/peers/`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL_PINS = ("joblib==1.6.0", "numpy==2.4.6", "scikit-learn==1.9.1", "scipy==1.17.1")
"""What every peer runs the models with; the versions are those that the project's own environment gets."""

ENVIRONMENTS: Mapping[str, tuple[str, ...]] = {
    "flask": ("flask==3.1.3", "gunicorn==27.0.1", *MODEL_PINS),
    "fastapi": ("fastapi[standard]==0.165.0", "pandas==3.1.1", "uvicorn[standard]==0.54.0", *MODEL_PINS),
    "mosec": ("mosec==0.9.8", *MODEL_PINS),
    "litserve": ("litserve==0.2.19", *MODEL_PINS),
    # MLServer 1.7.1 asks for an event loop before there is one; uvloop answers that with an error since 0.22.
    "mlserver": ("mlserver==1.7.1", "mlserver-sklearn==1.7.1", "uvloop==0.21.0", *MODEL_PINS),
    "ray": ("ray[serve]==2.60.0", *MODEL_PINS),
    "bentoml14": ("bentoml==1.4.40", *MODEL_PINS),
}
"""Requirements of each virtual environment, by its name."""


@dataclass(frozen=True)
class Peer:
    """One server that is compared.

    Attributes:
        name: What the command line calls it.
        title: What the tables call it.
        environment: The virtual environment that it runs in, a key of `ENVIRONMENTS`.
        distributions: The packages whose versions stand beside its title.
        command: Program and arguments. `{bin}` is the directory of the environment's programs, `{port}` the port,
            `{models}` the directory with the trained models and `{model}` the name of the one to serve.
        directory: Where it is started, below `benchmarks/peers/`.
        path: Where predictions are asked for.
        body: `rows` for `[[5.1,3.5,1.4,0.2]]`, `v2` for the same row as the Open Inference Protocol writes it.
        variables: Environment variables, with the same fields in braces as `command`.
        batching: How its dynamic batching is set, for the report; "" when it has none.
        only: The scenarios it takes part in, when these are not all.
        prepare: A script of its directory that runs once after the installation, with the directory of the models.
    """

    name: str
    title: str
    environment: str
    distributions: tuple[str, ...]
    command: tuple[str, ...]
    directory: str
    path: str = "/predict"
    body: str = "rows"
    variables: Mapping[str, str] = field(default_factory=dict)
    batching: str = ""
    only: tuple[str, ...] | None = None
    prepare: str | None = None


_UVICORN = ("{bin}/uvicorn", "app:app", "--host", "127.0.0.1", "--port", "{port}")

PEERS: tuple[Peer, ...] = (
    Peer(
        name="flask",
        title="Flask development server",
        environment="flask",
        distributions=("flask",),
        command=("{bin}/flask", "--app", "app", "run", "--host", "127.0.0.1", "--port", "{port}"),
        directory="flask",
    ),
    Peer(
        name="gunicorn",
        title="Flask on gunicorn, 2 workers",
        environment="flask",
        distributions=("flask", "gunicorn"),
        command=("{bin}/gunicorn", "--workers", "2", "--no-control-socket", "--bind", "127.0.0.1:{port}", "app:app"),
        directory="flask",
    ),
    Peer(
        name="fastapi",
        title="FastAPI on uvicorn",
        environment="fastapi",
        distributions=("fastapi", "uvicorn"),
        command=_UVICORN,
        directory="fastapi",
    ),
    Peer(
        name="fastapi-dataframe",
        title="FastAPI on uvicorn, building the DataFrame",
        environment="fastapi",
        distributions=("fastapi", "uvicorn"),
        command=_UVICORN,
        directory="fastapi",
        path="/predict-dataframe",
        only=("one-connection",),
    ),
    Peer(
        name="fastapi-dataframe-on-loop",
        title="FastAPI on uvicorn, building the DataFrame in an `async def`",
        environment="fastapi",
        distributions=("fastapi", "uvicorn"),
        command=_UVICORN,
        directory="fastapi",
        path="/predict-dataframe-on-loop",
        only=("one-connection",),
    ),
    Peer(
        name="mosec",
        title="mosec",
        environment="mosec",
        distributions=("mosec",),
        command=("{bin}/python", "server.py", "--address", "127.0.0.1", "--port", "{port}"),
        directory="mosec",
        path="/inference",
        batching="max_batch_size 512, max_wait_time 1 ms",
    ),
    Peer(
        name="litserve",
        title="LitServe",
        environment="litserve",
        distributions=("litserve",),
        command=("{bin}/python", "server.py", "{port}"),
        directory="litserve",
        batching="max_batch_size 64, batch_timeout 2 ms",
    ),
    Peer(
        name="mlserver",
        title="MLServer",
        environment="mlserver",
        distributions=("mlserver",),
        command=("{bin}/mlserver", "start", "."),
        directory="mlserver",
        path="/v2/models/iris/infer",
        body="v2",
        variables={
            "MLSERVER_HOST": "127.0.0.1",
            "MLSERVER_HTTP_PORT": "{port}",
            "MLSERVER_GRPC_PORT": "{port2}",
            "MLSERVER_METRICS_PORT": "{port3}",
            "MLSERVER_MODEL_URI": "{models}/{model}.joblib",
        },
        batching="max_batch_size 64, max_batch_time 2 ms",
    ),
    Peer(
        name="ray",
        title="Ray Serve",
        environment="ray",
        distributions=("ray",),
        command=("{bin}/python", "app.py", "{port}"),
        directory="ray",
        variables={"RAY_USAGE_STATS_ENABLED": "0"},
        batching="@serve.batch, max_batch_size 64, batch_wait_timeout 2 ms",
    ),
    Peer(
        name="bentoml14",
        title="BentoML 1.4",
        environment="bentoml14",
        distributions=("bentoml",),
        command=("{bin}/bentoml", "serve", "service:Iris", "--host", "127.0.0.1", "--port", "{port}"),
        directory="bentoml14",
        variables={"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": "{models}/home"},
        batching="batchable, max_batch_size 512, max_latency 60 s (its default)",
    ),
)
