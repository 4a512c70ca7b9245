"""One table: what the user types, the exit status, and both outputs.

`...` in an expected output stands for any text, `{path}` for the directory of `Scaler:2.0`, `{home}` for the home.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from bentoml._version import __version__
from bentoml.cli.main import commandline_interface

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.saved_home import SavedHome

APIS = "fail<JsonInput:DefaultOutput>, scale<JsonInput:DefaultOutput>, scale_column<DataframeInput:DefaultOutput>"
ARTIFACTS = "factor<PickleArtifact>"
PAD = " " * (len(APIS) - len("APIS"))
HEADER = f"BENTO_SERVICE  AGE...  APIS{PAD}  ARTIFACTS...  LABELS\n"
ROW_1 = f"Scaler:1.0     ...second...  {APIS}  {ARTIFACTS}  stage:test\n"
ROW_2 = f"Scaler:2.0     ...second...  {APIS}  {ARTIFACTS}  stage:prod\n"
NOT_FOUND = (
    'BentoService "{}" not found - either specify the file path of the BentoService saved bundle, '
    'or the BentoService id in the form of "name:version"\n'
)
PICKLES = (
    "BentoService Scaler:2.0 is not loaded, because pickles are not allowed here: 'factor' (PickleArtifact); "
    "pack them in a format that cannot run code...\n"
)
LOADED = """Loaded Scaler:2.0 from {path}

API           INPUT           OUTPUT         ROUTE
fail          JsonInput       DefaultOutput  /fail
scale         JsonInput       DefaultOutput  /scale
scale_column  DataframeInput  DefaultOutput  /scale_column

ARTIFACT  TYPE            OBJECT        VERSION  PICKLES  BYTES
factor    PickleArtifact  builtins.int           yes      ...
"""

EXPLAINED = f"""REQUIREMENT...  BECAUSE OF
bentoml=={__version__}  bentoml, the library that saved the bundle
pandas==...  API scale_column (DataframeInput)

LEFT OUT  PLACE... RULE
typing    scaler_service.py:...  standard library
bentoml   scaler_service.py:...  part of every environment
"""


def failed(command: str, text: str) -> str:
    return f"Error: bentoml-cli {command} failed: {text}"


def misused(text: str) -> str:
    return f"Usage: ...\n\nError: {text}\n"


CASES = [
    pytest.param("--version", 0, f"bentoml, version {__version__}\n", "", id="version"),
    pytest.param("--help", 0, "Usage: bentoml [OPTIONS] COMMAND [ARGS]...serve-gunicorn...", "", id="help"),
    pytest.param("list --help", 0, "Usage: bentoml list [OPTIONS]...--labels QUERY...", "", id="help-of-a-command"),
    pytest.param("publish Scaler:1.0", 2, "", misused("No such command 'publish'..."), id="unknown-command"),
    pytest.param("list --colour", 2, "", misused("No such option...--colour..."), id="unknown-option"),
    # list
    pytest.param("list -q", 0, HEADER + ROW_2 + ROW_1, "", id="list"),
    pytest.param("list", 0, HEADER + ROW_2 + ROW_1, "", id="list-has-no-log-lines"),
    pytest.param("list --ascending-order", 0, HEADER + ROW_1 + ROW_2, "", id="list-ascending"),
    pytest.param("list --limit 1", 0, HEADER + ROW_2, "", id="list-limit"),
    pytest.param("list --offset 1", 0, HEADER + ROW_1, "", id="list-offset"),
    pytest.param("list --labels stage=test", 0, HEADER + ROW_1, "", id="list-labels"),
    pytest.param(
        "list --labels stage=none", 0, "BENTO_SERVICE  AGE  APIS  ARTIFACTS  LABELS\n", "", id="list-nothing"
    ),
    pytest.param(
        "list -o wide --limit 1",
        0,
        f"BENTO_SERVICE  CREATED_AT        APIS{PAD}  ARTIFACTS...  LABELS      URI\n"
        f"Scaler:2.0     20...-...-... ...:...  {APIS}  {ARTIFACTS}  stage:prod  {{path}}\n",
        "",
        id="list-wide",
    ),
    pytest.param("list --order-by size", 2, "", misused("Invalid value for '--order-by'..."), id="list-bad-order"),
    pytest.param("list --limit -1", 2, "", misused("Invalid value for '--limit'..."), id="list-bad-limit"),
    pytest.param("list -o xml", 2, "", misused("Invalid value for '-o' / '--output'..."), id="list-bad-output"),
    pytest.param("list --labels a=b=c", 1, "", failed("list", "...Too many '=' operator in query...\n"),
                 id="list-bad-query"),
    pytest.param(
        "list --yatai-url http://127.0.0.1:1",
        1,
        "",
        failed("list", "The registry at http://127.0.0.1:1 cannot be reached: Connection refused...\n"),
        id="list-remote",
    ),
    # get
    pytest.param("get Scaler", 0, HEADER + ROW_2 + ROW_1, "", id="get-versions"),
    pytest.param("get Scaler --limit 1 -o table", 0, HEADER + ROW_2, "", id="get-versions-limit"),
    pytest.param("get Scaler --labels stage=test", 0, HEADER + ROW_1, "", id="get-versions-labels"),
    pytest.param("get Scaler:2.0 --print-location", 0, "{path}\n", "", id="get-location"),
    pytest.param("get Scaler:latest --print-location", 0, "{path}\n", "", id="get-location-of-latest"),
    pytest.param("get Scaler:2.0 -o wide", 0, '{\n  "name": "Scaler",\n  "version": "2.0",...}\n', "", id="get-wide"),
    pytest.param("get Scaler:9", 1, "", failed("get", "BentoService Scaler:9 not found - ...\n"), id="get-unknown"),
    pytest.param("get", 2, "", misused("Missing argument 'NAME[:VERSION]'."), id="get-without-name"),
    # delete
    pytest.param("delete -y", 2, "", misused("Nothing to delete: give a target, --labels or --all."),
                 id="delete-nothing"),
    pytest.param("delete --all Scaler -y", 2, "", misused("--all cannot be combined..."), id="delete-all-and-target"),
    pytest.param("delete a:b:c -y", 2, "", misused("Invalid value for TARGETS: Bad formatting. Please present a valid "
                 'bento bundle name or "name:version" tag...'), id="delete-bad-target"),
    pytest.param("delete Scaler:1.0, -y", 2, "", misused("...Bad formatting..."), id="delete-trailing-comma"),
    pytest.param("delete Scaler:1.0 --labels a=b -y", 2, "", misused("--labels selects versions..."),
                 id="delete-version-and-labels"),
    pytest.param("delete Scaler:9 -y -q", 1, "", failed("delete", "BentoService Scaler:9 not found - ...\n"),
                 id="delete-unknown"),
    pytest.param("delete Nothing -y -q", 1, "", failed("delete", "BentoService Nothing not found - ...\n"),
                 id="delete-unknown-name"),
    # retrieve
    pytest.param("retrieve Scaler", 1, "", failed("retrieve", "BentoService Scaler invalid - specify name:version\n"),
                 id="retrieve-without-version"),
    pytest.param("retrieve Scaler:9", 1, "", failed("retrieve", "BentoService Scaler:9 not found - ...\n"),
                 id="retrieve-unknown"),
    # info, open-api-spec
    pytest.param("info {path}", 0, '{\n  "name": "Scaler",\n  "version": "2.0",\n  "created_at": "...}\n', "",
                 id="info-of-a-directory"),
    pytest.param("info Scaler:2.0", 0, '{..."carries_pickle": true,..."class": "builtins.int"\n..."factor.pkl",...', "",
                 id="info-shows-what-is-recorded-of-artifacts"),
    pytest.param("load Scaler:2.0", 0, LOADED, "", id="load"),
    pytest.param("load Scaler:2.0 --no-pickle", 1, "", failed("load", PICKLES), id="load-no-pickle"),
    pytest.param("load Nothing:1", 1, "", failed("load", NOT_FOUND.format("Nothing:1")), id="load-unknown"),
    pytest.param("run Scaler:2.0 scale --input 1 --no-pickle", 1, "", failed("run", PICKLES), id="run-no-pickle"),
    pytest.param("open-api-spec Scaler:2.0 --no-pickle", 1, "", failed("open-api-spec", PICKLES),
                 id="open-api-spec-no-pickle"),
    pytest.param("serve Scaler:2.0 --port 0 --no-pickle", 1, "", failed("serve", PICKLES), id="serve-no-pickle"),
    pytest.param("serve-gunicorn Scaler:2.0 --port 0 --no-pickle", 1, "", failed("serve-gunicorn", PICKLES),
                 id="serve-gunicorn-no-pickle"),
    pytest.param("info Nothing:1", 1, "", failed("info", NOT_FOUND.format("Nothing:1")), id="info-unknown"),
    pytest.param("info {home}", 1, "", failed("info", "...\n"), id="info-of-no-bundle"),
    pytest.param("open-api-spec Scaler:latest -q", 0, '{\n  "openapi": "3.0.0",\n...}\n', "", id="open-api-spec"),
    # run
    pytest.param("run -q Scaler:2.0 scale --input 2", 0, "6\n", "", id="run"),
    pytest.param("run Scaler:2.0 scale --input 2", 0, "6\n", "", id="run-has-no-log-lines"),
    pytest.param("run {path} scale --input 2 3 -q", 0, "6\n9\n", "", id="run-two-values"),
    pytest.param("run Scaler:2.0 scale --input=-2 --no-verify -q", 0, "-6\n", "", id="run-without-verification"),
    pytest.param('run -q Scaler:2.0 scale_column --input [{"a":2}]', 0, '[{"a":6}]\n', "", id="run-table"),
    pytest.param("run -q Scaler:2.0 scale_column --input-file {csv}", 0, '[{"a":3},{"a":6}]\n', "", id="run-csv-file"),
    pytest.param("run -q Scaler:2.0 scale --input {bad", 1, "", "...Not a valid JSON format...\n", id="run-bad-input"),
    pytest.param("run -q Scaler:2.0 fail --input 2", 1, "", "...no luck today...\n", id="run-failing-function"),
    pytest.param("run -q Scaler:2.0 scale", 2, "", "Error: ...--input-file is required\n", id="run-without-input"),
    pytest.param("run -q Scaler:2.0 scale --inptu 3", 2, "",
                 "Error: ...--input-file is required, given only: --inptu 3\n", id="run-misspelt-option"),
    pytest.param("run Scaler:2.0 --input 3", 2, "", "...Error: Missing argument 'API'...\n", id="run-without-api"),
    pytest.param("run Scaler:2.0 nothing --input 1", 1, "",
                 failed("run", "Can't find API 'nothing' in service 'Scaler'...\n"), id="run-unknown-api"),
    pytest.param("run Nothing scale --input 1", 1, "", failed("run", NOT_FOUND.format("Nothing")), id="run-unknown"),
    # containerize
    pytest.param("containerize Nothing:1", 1, "", failed("containerize", NOT_FOUND.format("Nothing:1")),
                 id="containerize-unknown"),
    pytest.param("containerize Scaler:2.0 --engine rkt", 1, "Found Bento: {path}\nContainerizing Scaler:2.0 with ...\n",
                 failed("containerize", "there is no container engine 'rkt'; take one of docker, podman, buildah\n"),
                 id="containerize-unknown-engine"),
    pytest.param("containerize Scaler:2.0 --dry-run -t Scaler! -q", 1, "",
                 failed("containerize", "Provided Docker Image tag 'Scaler!' is invalid. Name components...\n"),
                 id="containerize-bad-tag"),
    pytest.param("containerize Scaler:2.0 --build-arg A", 2, "", misused("...'A' has no value; write NAME=VALUE"),
                 id="containerize-bad-build-arg"),
    pytest.param("containerize Scaler:2.0 --platform arm64", 1, "",
                 failed("containerize", "'arm64' is no platform...\n"), id="containerize-bad-platform"),
    pytest.param("containerize Scaler:2.0 --netrc {home}", 2, "", misused("Invalid value for '--netrc'..."),
                 id="containerize-secret-that-is-no-file"),
    pytest.param("containerize Scaler:2.0 --yatai-url ftp://r", 1, "",
                 failed("containerize", "ftp:// is no scheme of a registry...\n"), id="containerize-remote"),
    # healthcheck
    pytest.param("healthcheck --port 1 -q", 1, "", failed("healthcheck", "no server answers on port 1: ...\n"),
                 id="healthcheck-without-server"),
    pytest.param("healthcheck --port 0", 2, "", misused("Invalid value for '-p' / '--port'..."),
                 id="healthcheck-bad-port"),
    # env
    pytest.param("env --help", 0, "Usage: bentoml env [OPTIONS] COMMAND...lock...", "", id="env-help"),
    pytest.param("env lock Nothing:1", 1, "", failed("env lock", NOT_FOUND.format("Nothing:1")), id="env-lock-unknown"),
    pytest.param("env lock Scaler:2.0 --tool x", 2, "", misused("Invalid value for '--tool': 'x' is not one of..."),
                 id="env-lock-bad-tool"),
    pytest.param("env lock Scaler:2.0 --platform x", 2, "",
                 misused("Invalid value for '--platform': 'x' is not one of..."),
                 id="env-lock-unknown-platform"),
    pytest.param("env lock https://h.example/b.tar", 1, "",
                 failed("env lock", "https://h.example/b.tar: lock the bundle before it is put there...\n"),
                 id="env-lock-address"),
    # token
    pytest.param("token", 0, "token:  ...\ndigest: sha256:...\n", "", id="token"),
    pytest.param("token -o yaml", 2, "", misused("Invalid value for '-o' / '--output'..."), id="token-bad-output"),
    # metrics
    pytest.param("metrics --help", 0, "Usage: bentoml metrics [OPTIONS] COMMAND...alerts...dashboard...", "",
                 id="metrics-help"),
    pytest.param("metrics dashboard", 0, '{\n  "title": "BentoML",..."expr": "...${service}_...}\n', "",
                 id="metrics-dashboard"),
    pytest.param("metrics dashboard --service Iris --namespace shop -q", 0,
                 '{\n  "title": "BentoML: Iris",..."expr": "...shop_Iris_mb_request_total...}\n', "",
                 id="metrics-dashboard-of-a-service"),
    pytest.param("metrics alerts", 0, 'groups:\n- name: bentoml\n  rules:\n...__name__=~"BENTOML_.+_workers"...', "",
                 id="metrics-alerts"),
    pytest.param("metrics alerts --service Iris", 0, "groups:...(BENTOML_Iris_workers) == 0\n...", "",
                 id="metrics-alerts-of-a-service"),
    pytest.param("metrics reports", 2, "", "Usage: ...No such command 'reports'...", id="metrics-unknown"),
    # env
    pytest.param("env --help", 0, "Usage: bentoml env [OPTIONS] COMMAND...explain...", "", id="env-help"),
    pytest.param("env explain Scaler:2.0", 0, EXPLAINED, "", id="env-explain"),
    pytest.param("env explain {path} -o json -q", 0, '{\n  "bento": "Scaler:2.0",\n  "recorded": true,...'
                 '"kind": "adapter",\n          "name": "scale_column",\n          "detail": "DataframeInput"...'
                 '"rule": "part of every environment"...}\n', "", id="env-explain-json"),
    pytest.param("env explain Nothing:1", 1, "", failed("env explain", NOT_FOUND.format("Nothing:1")),
                 id="env-explain-unknown"),
    pytest.param("env explain {home}", 1, "", failed("env explain", "...is not a saved bundle...\n"),
                 id="env-explain-no-bundle"),
    pytest.param("env explain Scaler:2.0 -o yaml", 2, "", misused("Invalid value for '-o' / '--output'..."),
                 id="env-explain-bad-output"),
    # serve
    pytest.param("serve Nothing:1", 1, "", failed("serve", NOT_FOUND.format("Nothing:1")), id="serve-unknown"),
    pytest.param("serve Scaler:2.0 --port 70000", 2, "", misused("Invalid value for '-p' / '--port'..."),
                 id="serve-bad-port"),
    pytest.param("serve-gunicorn Scaler:2.0 --workers -1", 2, "", misused("Invalid value for '-w' / '--workers'..."),
                 id="serve-bad-workers"),
    pytest.param("serve-gunicorn Scaler:2.0 --gpus 0,x", 2, "", misused("Invalid value for '--gpus': 'x' is no GPU..."),
                 id="serve-bad-gpu"),
    pytest.param("serve-gunicorn Scaler:2.0 --gpus 0,1 --workers 3", 1, "",
                 failed("serve-gunicorn", "3 workers cannot be shared out evenly among 2 GPUs...\n"),
                 id="serve-uneven-gpus"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "status", "stdout", "stderr"), CASES)
def test_bentoml_when_typed_exits_and_prints(
    line: str, status: int, stdout: str, stderr: str, saved: SavedHome, tmp_path: Path
) -> None:
    table = tmp_path / "rows.csv"
    table.write_text("a,b\n1,x\n2,y\n")
    names = {"{path}": str(saved.bundle), "{home}": str(saved.home), "{csv}": str(table)}
    argv = [_filled(word, names) for word in line.split()]
    result = CliRunner(env=saved.env).invoke(commandline_interface, argv, prog_name="bentoml")
    assert result.exit_code == status, result.output
    assert like(_filled(stdout, names), result.stdout), result.stdout
    assert like(_filled(stderr, names), result.stderr), result.stderr


def _filled(text: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(name, value)
    return text


def like(expected: str, actual: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in expected.split("..."))
    return re.fullmatch(pattern, actual, re.DOTALL) is not None
