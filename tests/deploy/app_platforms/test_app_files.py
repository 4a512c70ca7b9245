"""The files of apps on platforms that resemble Heroku."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bentoml.configuration.settings import environment_layer
from bentoml.deploy.app_platforms import PLATFORMS, AppOptions, app_of, app_plan
from bentoml.deploy.app_platforms.toml_text import toml_text
from bentoml.deploy.plans import settings_of_server
from bentoml.exceptions import InvalidArgument
from bentoml.service.metadata import ApiMetadata, BentoServiceMetadata
from tests.deploy.app_platforms import shapes

tomllib: Any = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")

HOSTILE = "a'b\"c\n---\nkind: Job\n$(HOME) `id` ${X} %s {{ .X }} \\ \u2028 é # : - \t\x7f"
IMAGE = "ghcr.io/team/iris"
BATCH = ApiMetadata("predict", "DataframeInput", batch=True)
SLOWEST = ApiMetadata("predict", "DataframeInput", batch=True, mb_max_latency=400_000)
SLOW = ApiMetadata("predict", "DataframeInput", batch=True, mb_max_latency=200_000)
ONE = ApiMetadata("predict", "JsonInput")

FORMS = {
    "heroku": ("heroku.yml", shapes.HEROKU),
    "fly": ("fly.toml", shapes.FLY),
    "render": ("render.yaml", shapes.RENDER),
    "digitalocean": (".do/app.yaml", shapes.DIGITAL_OCEAN),
    "cloud-foundry": ("manifest.yml", shapes.CLOUD_FOUNDRY),
}
MOST: dict[str, dict[str, Any]] = {
    "heroku": {"workers": 2, "env": {"TEXT": "a \"b\" \\ $HOME 'c'"}},
    "fly": {
        "region": "ams",
        "size": "performance-2x",
        "memory": "4Gi",
        "instances": 0,
        "workers": 2,
        "env": {"TEXT": HOSTILE},
    },
    "render": {
        "region": "frankfurt",
        "size": "pro plus",
        "instances": 2,
        "env": {"TEXT": HOSTILE, "NUMBER": "1e3", "WORD": "on"},
        "secrets": ("TOKEN", "BENTOML__BENTO_SERVER__AUTH__INFERENCE_TOKENS"),
    },
    "digitalocean": {
        "region": "fra",
        "size": "apps-s-1vcpu-1gb",
        "instances": 2,
        "env": {"TEXT": HOSTILE, "NUMBER": "1"},
    },
    "cloud-foundry": {"memory": "512Mi", "instances": 3, "env": {"TEXT": HOSTILE, "NO": "no"}, "secrets": ("TOKEN",)},
}
TABLE = [
    *(pytest.param(platform, {}, id=f"{platform} least") for platform in FORMS),
    *(pytest.param(platform, options, id=f"{platform} most") for platform, options in MOST.items()),
]


def texts(platform: str, *apis: ApiMetadata, name: str = "iris", image: str = IMAGE, **options: Any) -> Any:
    app = app_of(name, image, BentoServiceMetadata("IrisClassifier", "20240517_3FA", apis=apis or (BATCH,)))
    return app_plan(app, platform, AppOptions(**options)).files


def document(platform: str, *apis: ApiMetadata, **options: Any) -> Any:
    name = FORMS[platform][0]
    text = texts(platform, *apis, **options)[name]
    return tomllib.loads(text) if name.endswith(".toml") else yaml.safe_load(text)


def variables(platform: str, *apis: ApiMetadata, **options: Any) -> Any:
    """The variables that a file gives the server."""
    if platform == "heroku":
        lines = texts(platform, *apis, **options)["Dockerfile"].splitlines()
        return dict(line.removeprefix("ENV ").split("=", 1) for line in lines if line.startswith("ENV "))
    found = document(platform, *apis, **options)
    if platform == "fly":
        return found["env"]
    if platform == "cloud-foundry":
        return found["applications"][0]["env"]
    (service,) = found["services"]
    key = "envVars" if platform == "render" else "envs"
    return {each["key"]: each["value"] for each in service[key] if "value" in each}


def test_every_platform_has_a_form() -> None:
    assert set(FORMS) == set(PLATFORMS) == set(MOST)


@pytest.mark.parametrize(("platform", "options"), TABLE)
def test_file_has_keys_and_kinds_that_its_platform_knows(platform: str, options: dict[str, Any]) -> None:
    assert shapes.problems(document(platform, **options), FORMS[platform][1]) == []


@pytest.mark.parametrize(("platform", "options"), TABLE)
def test_server_is_set_up_for_its_platform(platform: str, options: dict[str, Any]) -> None:
    found = variables(platform, **options)
    assert found["BENTOML__LOGGING__FILE__ENABLED"].strip('"') == "false"
    assert found["BENTOML__BENTO_SERVER__WORKERS"].strip('"') == str(options.get("workers", 1))
    assert not {"PORT", "BENTOML_PORT"} & set(found)
    if platform != "heroku":
        assert found.items() >= options.get("env", {}).items(), "whatever stands in them"


@pytest.mark.parametrize("platform", [each for each in FORMS if each != "heroku"])
def test_settings_of_the_server_are_such_that_it_takes_them(platform: str) -> None:
    assert environment_layer(settings_of_server(variables(platform, workers=2))).problems == []


KILLS = [
    pytest.param("heroku", BATCH, 28, id="heroku"),
    pytest.param("cloud-foundry", BATCH, 8, id="cloud foundry"),
    pytest.param("fly", BATCH, 60, id="fly"),
    pytest.param("fly", SLOW, 200, id="fly, slow"),
    pytest.param("render", SLOWEST, 298, id="render, at most"),
    pytest.param("digitalocean", SLOW, 200, id="digitalocean, slow"),
]


@pytest.mark.parametrize(("platform", "api", "grace_s"), KILLS)
def test_server_ends_before_it_is_killed(platform: str, api: ApiMetadata, grace_s: int) -> None:
    assert variables(platform, api)["BENTOML__BENTO_SERVER__GRACE_S"].strip('"') == str(grace_s)
    found = document(platform, api)
    said = {
        "fly": lambda: found["kill_timeout"],
        "render": lambda: found["services"][0]["maxShutdownDelaySeconds"],
        "digitalocean": lambda: found["services"][0]["termination"]["grace_period_seconds"],
    }
    if platform in said:
        assert said[platform]() == grace_s + 2


def test_heroku_builds_on_the_image_alone() -> None:
    files = texts("heroku", **MOST["heroku"])
    lines = files["Dockerfile"].splitlines()
    assert lines[0].startswith("# IrisClassifier:20240517_3FA;")
    assert lines[1] == "FROM ghcr.io/team/iris:20240517_3FA"
    assert lines[-1] == r"""ENV TEXT="a \"b\" \\ \$HOME 'c'" """.rstrip()
    assert variables("heroku")["BENTOML__BENTO_SERVER__TIMEOUT"] == '"30"', "its router waits no longer"
    assert variables("heroku")["BENTOML__BENTO_SERVER__TRUSTED_PROXIES"] == r'"[\"10.0.0.0/8\"]"'


def test_fly_sends_requests_to_the_port_of_the_image_and_starts_machines_for_the_queue() -> None:
    found = document("fly", ONE, workers=2)
    assert found["http_service"]["internal_port"] == 5000
    assert found["http_service"]["concurrency"] == {"type": "requests", "soft_limit": 8, "hard_limit": 16}
    assert (found["kill_signal"], found["http_service"]["min_machines_running"]) == ("SIGTERM", 1)
    assert document("fly", **MOST["fly"])["http_service"]["min_machines_running"] == 0
    assert document("fly", **MOST["fly"])["vm"] == [{"size": "performance-2x", "memory": "4096mb"}]


def test_secrets_have_no_value_in_a_file() -> None:
    (service,) = document("render", **MOST["render"])["services"]
    assert {"key": "TOKEN", "sync": False} in service["envVars"]
    (app,) = document("cloud-foundry", **MOST["cloud-foundry"])["applications"]
    assert app["env"]["TOKEN"] == "((TOKEN))"
    assert "--vars-file" in texts("cloud-foundry", **MOST["cloud-foundry"])["manifest.yml"].splitlines()[0]


DIGEST = f"sha256:{'0' * 64}"
IMAGES = [
    pytest.param("registry.digitalocean.com/mine/a/iris:1", ("DOCR", "", "a/iris", "1"), id="own"),
    pytest.param("ghcr.io/team/iris", ("GHCR", "team", "iris", "20240517_3FA"), id="github"),
    pytest.param("team/iris:1", ("DOCKER_HUB", "team", "iris", "1"), id="hub"),
    pytest.param(f"docker.io/team/iris:1@{DIGEST}", ("DOCKER_HUB", "team", "iris", DIGEST), id="digest"),
]


@pytest.mark.parametrize(("image", "parts"), IMAGES)
def test_image_for_digitalocean_is_taken_apart(image: str, parts: tuple[str, ...]) -> None:
    found = document("digitalocean", image=image)["services"][0]["image"]
    which = "digest" if "@" in image else "tag"
    assert (found["registry_type"], found.get("registry", ""), found["repository"], found[which]) == parts
    assert len(found) == 4 - (parts[1] == "")


REFUSED = [
    pytest.param("heroku", {"name": "ab"}, "3 to 30", id="short name"),
    pytest.param("digitalocean", {"name": "i" * 33}, "2 to 32", id="long name"),
    pytest.param("fly", {"name": "My_App"}, "small letters", id="name"),
    pytest.param("heroku", {"size": "standard-2x"}, "heroku ps:type", id="size on heroku"),
    pytest.param("heroku", {"instances": 0}, "heroku ps:scale", id="instances on heroku"),
    pytest.param("heroku", {"secrets": ("A",)}, "heroku config:set", id="secret on heroku"),
    pytest.param("heroku", {"env": {"A": "1\n2"}}, "no Dockerfile can hold", id="lines on heroku"),
    pytest.param("fly", {"secrets": ("A",)}, "fly secrets set", id="secret on fly"),
    pytest.param("render", {"memory": "1Gi"}, "--size", id="memory on render"),
    pytest.param("digitalocean", {"secrets": ("A",)}, "type SECRET", id="secret on digitalocean"),
    pytest.param("digitalocean", {"image": "quay.io/team/iris"}, "cannot pull", id="registry"),
    pytest.param("digitalocean", {"image": "iris"}, "cannot pull", id="no owner"),
    pytest.param("cloud-foundry", {"region": "eu"}, "cf login", id="region of cloud foundry"),
    pytest.param("fly", {"memory": "1g"}, "2Gi", id="memory"),
    pytest.param("fly", {"region": "Ams;"}, "small letters", id="region"),
    pytest.param("fly", {"workers": 0}, "workers must be", id="workers"),
    pytest.param("fly", {"env": {"PORT": "1"}}, "leave PORT out", id="port"),
    pytest.param("render", {"secrets": ("PORT",)}, "leave PORT out", id="port in a secret"),
    pytest.param("render", {"secrets": ("a b",)}, "cannot be the name", id="secret"),
    pytest.param("render", {"secrets": ("A",), "env": {"A": "1"}}, "leave one of them out", id="twice"),
]


@pytest.mark.parametrize(("platform", "options", "words"), REFUSED)
def test_what_cannot_be_is_refused(platform: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        texts(platform, **options)


@given(st.dictionaries(st.text("abc_", min_size=1), st.text() | st.integers(-9, 9) | st.booleans()))
def test_toml_is_read_as_it_was_written(values: dict[str, str | int | bool]) -> None:
    table: dict[str, Any] = {**values, "below": {"values": values, "several": [values, values]}}
    assert tomllib.loads(toml_text(table)) == table
