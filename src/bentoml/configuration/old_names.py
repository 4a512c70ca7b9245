"""Keys of the releases before 0.12, and what became of them."""

from __future__ import annotations

_RENAMED = {
    "core.bentoml_deploy_version": "bento_bundle.deployment_version",
    "core.default_docker_base_image": "bento_bundle.default_docker_base_image",
    "apiserver.default_port": "bento_server.port",
    "apiserver.default_max_request_size": "bento_server.max_request_size",
    "apiserver.default_timeout": "bento_server.timeout",
    "apiserver.default_gunicorn_workers_count": "bento_server.workers",
    "apiserver.enable_metrics": "bento_server.metrics.enabled",
    "apiserver.enable_feedback": "bento_server.feedback.enabled",
    "instrument.default_namespace": "bento_server.metrics.namespace",
    "yatai_service.url": "yatai.remote.url",
    "yatai_service.db_url": "yatai.database.url",
    "yatai_service.repository_base_url": "yatai.repository.file_system.directory",
    "yatai_service.default_namespace": "yatai.namespace",
}
_GONE = {
    "core.debug": "set the environment variable BENTOML_DEBUG instead",
    "core.usage_tracking": "nothing is tracked, so it can go",
}
_SECTIONS = {
    "core": "bento_bundle",
    "apiserver": "bento_server",
    "marshal_server": "bento_server.microbatch",
    "instrument": "bento_server.metrics",
    "yatai_service": "yatai",
}


def new_name(name: str) -> str | None:
    """The present name of a key; None for one that was not renamed."""
    return _RENAMED.get(name)


def hint(name: str) -> str | None:
    """What to do with an old key or section; None when the name is not an old one."""
    if name in _RENAMED:
        return f"it is now '{_RENAMED[name]}'"
    if name in _GONE:
        return _GONE[name]
    section = name.partition(".")[0]
    return f"the section '{section}' is now '{_SECTIONS[section]}'" if section in _SECTIONS else None


def all_old_names() -> dict[str, str]:
    """Every old key, and what to do with it."""
    return {name: hint(name) or "" for name in [*_RENAMED, *_GONE]}
