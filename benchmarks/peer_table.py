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
        command=("{bin}/gunicorn", "--workers", "2", "--bind", "127.0.0.1:{port}", "app:app"),
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
)


def peer_named(name: str) -> Peer:
    """The peer that the command line calls so.

    Raises:
        KeyError: there is none.
    """
    return {peer.name: peer for peer in PEERS}[name]
