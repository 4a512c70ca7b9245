"""Everybody who takes part, ours and the peers, as something that can be launched with one of the two models."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.environment import PEER_FILES, SetupError, ensure_environment
from benchmarks.live_server import Launch
from benchmarks.probe import Ask
from benchmarks.processes import own_variables

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.environment import Environment
    from benchmarks.peer_table import Peer

SERVICES = Path(__file__).with_name("services")
OURS = "ours"
OURS_LOGS_OFF = "ours-logs-off"
LOGS_OFF = """\
logging:
  console: {enabled: false}
  file: {enabled: false}
  access: {enabled: false}
  prediction: {enabled: false}
  feedback: {enabled: false}
"""
"""Configuration without any log. A log of the server that gets a switch of its own is to be switched off here."""
MODELS = ("svc", "forest")
PACK_LIMIT_S = 120.0


@dataclass(frozen=True)
class Contestant:
    """One server of the comparison.

    Attributes:
        name: What the command line and the raw numbers call it.
        title: What the tables call it, with its version.
        launch: Says how it is started with a model, `svc` or `forest`.
        only: The scenarios it takes part in, when these are not all.
    """

    name: str
    title: str
    launch: Callable[[str], Launch]
    only: tuple[str, ...] | None = None

    def takes_part(self, scenario: str) -> bool:
        """Whether it is measured there."""
        return self.only is None or scenario in self.only


def save_bundles(home: Path, names: tuple[str, ...]) -> dict[str, Path]:
    """Save our services with the models in them into a repository of their own.

    Args:
        home: the `$BENTOML_HOME` to use.
        names: those of `benchmarks/services/pack.py`.

    Returns:
        Where each bundle lies.

    Raises:
        SetupError: saving failed.
    """
    home.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "pack.py", *names],
        cwd=SERVICES,
        env={**own_variables(), "BENTOML_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=PACK_LIMIT_S,
        check=False,
    )
    if done.returncode != 0:
        raise SetupError(f"our services could not be saved: {(done.stdout + done.stderr).strip()[-1500:]}")
    return {name: Path(path) for name, path in json.loads(done.stdout.strip().splitlines()[-1]).items()}


def our_launch(bundle: Path, home: Path, *arguments: str, path: str = "/predict", config: Path | None = None) -> Launch:
    """`bentoml serve` of a saved bundle, with its defaults but for what is given."""
    argv = (sys.executable, "-m", "bentoml", "serve", str(bundle), "--port", "{port}", *arguments)
    variables = {"BENTOML_HOME": str(home)}
    if config is not None:
        variables["BENTOML_CONFIG"] = str(config)
    return Launch(OURS, argv, home, Ask(path), variables)


def ours(bundles: dict[str, Path], home: Path, version: str) -> list[Contestant]:
    """Our own server with the service of the quickstart: with all defaults, and without logs."""
    quiet = home / "logs-off.yml"
    quiet.write_text(LOGS_OFF, encoding="utf-8")
    title = f"bentoml {version} (this one)"
    return [
        Contestant(OURS, title, lambda model: our_launch(bundles[model], home)),
        Contestant(
            OURS_LOGS_OFF,
            f"{title}, logs off",
            lambda model: our_launch(bundles[model], home, config=quiet),
            only=("svc-64",),
        ),
    ]


def peer_contestant(peer: Peer, environment: Environment) -> Contestant:
    """A peer in its environment."""

    def launch(model: str) -> Launch:
        fields = {"bin": str(environment.bin), "models": str(environment.models), "model": model}

        def fill(text: str) -> str:
            for name, value in fields.items():
                text = text.replace("{" + name + "}", value)
            return text

        variables = {"MODEL_PATH": "{models}/{model}.joblib", **peer.variables}
        return Launch(
            peer.name,
            tuple(map(fill, peer.command)),
            PEER_FILES / peer.directory,
            Ask(peer.path, peer.body),
            {name: fill(value) for name, value in variables.items()},
        )

    version = ", ".join(f"{name} {environment.versions[name]}" for name in peer.distributions)
    return Contestant(peer.name, f"{peer.title} ({version})", launch, peer.only)


def set_up_peers(peers: list[Peer], cache: Path) -> tuple[list[Contestant], dict[str, str]]:
    """Make the environments that are not there yet.

    Returns:
        Those that can be started, and for each of the others the reason why not.
    """
    ready, unavailable = [], {}
    for peer in peers:
        made = _environment_or_reason(peer, cache)
        if isinstance(made, str):
            unavailable[peer.name] = made
            print(f"{peer.name}: {made}", file=sys.stderr, flush=True)
        else:
            ready.append(peer_contestant(peer, made))
    return ready, unavailable


def _environment_or_reason(peer: Peer, cache: Path) -> Environment | str:
    try:
        return ensure_environment(peer.environment, cache)
    except SetupError as error:
        return f"not installed: {error}"
