"""The pages of one bundle: overview, environment, files; its labels and aliases, edited in place; its deletion."""

from __future__ import annotations

import shlex
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from bentoml.configuration import get_config
from bentoml.exceptions import BentoMLException, InvalidArgument, NotFound
from bentoml.saved_bundle import layout
from bentoml.types import Tag
from bentoml.yatai.server.roles import Role
from bentoml.yatai.server.web.bundle_details import (
    Provenance,
    about,
    components_of,
    environment_facts,
    reasons_of,
    view_artifact,
)
from bentoml.yatai.server.web.bundle_rows import BundleRow
from bentoml.yatai.server.web.deployment_pages import TURNED_ON, deployments_of_bundle
from bentoml.yatai.server.web.file_tree import LARGEST_SHOWN_BYTES, directory_entries, text_lines
from bentoml.yatai.server.web.files_of_bundle import files_of
from bentoml.yatai.server.web.foreign_values import mapping
from bentoml.yatai.server.web.request_examples import view_api
from bentoml.yatai.server.web.signature import signature_text
from bentoml.yatai.server.web.site import address_of, go_to, is_fragment, page
from bentoml.yatai.server.web.templating import path_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from bentoml.yatai.bundle_tree import TreeEntry
    from bentoml.yatai.models import Bento
    from bentoml.yatai.server.call import Call
    from bentoml.yatai.server.web.files_of_bundle import BundleFiles

_SECTION = "Repository"
_NO_PROBLEM = {"alias_problem": "", "alias_value": "", "label_problem": "", "label_key": "", "label_value": ""}


def overview(call: Call) -> Response:
    """What it is, how it is used, where it comes from."""
    return _overview(call, _find(call))


def environment(call: Call) -> Response:
    """What it needs installed."""
    bento = _find(call)
    env = bento.bento_service_metadata.env
    requirements = env.pip_packages or tuple(env.requirements_txt.splitlines())
    with files_of(call, bento) as found:
        return page(
            call,
            "environment.html",
            _SECTION,
            bundle=_head(call, bento),
            facts=environment_facts(env, lock=_lock(found)),
            requirements=reasons_of(found.manifest(), requirements),
            components=components_of(found.find(layout.SBOM)),
        )


def files(call: Call) -> Response:
    """Its directories, and its files."""
    bento = _find(call)
    tree = call.core.trees.of(bento)
    path = call.path("path").strip("/") if "path" in call.request.path_params else ""
    entries = directory_entries(((entry.path, entry.size_bytes) for entry in tree), path)
    entry = tree.find(path)
    if not entries and entry is None:
        raise NotFound(f"{bento.tag} has no file {path}")
    parts = path.split("/") if path else []
    return page(
        call,
        "files.html",
        _SECTION,
        bundle=_head(call, bento),
        trail=[(part, path_text("/".join(parts[: place + 1]))) for place, part in enumerate(parts)],
        entries=entries,
        count=len(tree),
        total_bytes=tree.size_bytes,
        file=None if entry is None else _shown(call, bento, entry),
    )


def set_label(call: Call) -> Response:
    """Give it a label, or another value of one."""
    bento, form = _find(call), call.form
    key, value = form.get("key", "").strip(), form.get("value", "").strip()
    return _edited(
        call,
        bento,
        "labels.html",
        lambda: call.registry.change_labels(_tag(bento), {key: value}),
        {"label_key": key, "label_value": value},
        "label_problem",
    )


def remove_label(call: Call) -> Response:
    """Take a label away."""
    bento, key = _find(call), call.form.get("key", "")
    return _edited(
        call, bento, "labels.html", lambda: call.registry.change_labels(_tag(bento), {}, [key]), {}, "label_problem"
    )


def set_alias(call: Call) -> Response:
    """Point an alias to it."""
    bento, alias = _find(call), call.form.get("alias", "").strip().removeprefix("@")
    return _edited(
        call,
        bento,
        "aliases.html",
        lambda: call.registry.set_alias(_tag(bento), alias),
        {"alias_value": alias},
        "alias_problem",
    )


def remove_alias(call: Call) -> Response:
    """Forget an alias of it."""
    bento, alias = _find(call), call.form.get("alias", "")
    return _edited(
        call, bento, "aliases.html", lambda: call.registry.remove_alias(bento.name, alias), {}, "alias_problem"
    )


def ask_before_deletion(call: Call) -> Response:
    """Ask whether it shall be deleted."""
    bento = _find(call)
    keep_days = get_config().yatai.repository.keep_deleted_days
    return page(
        call,
        "delete.html",
        _SECTION,
        tab="",
        bundle=_head(call, bento),
        keep_days=keep_days,
        deployments=deployments_of_bundle(call, _tag(bento), TURNED_ON),
    )


def delete(call: Call) -> Response:
    """Delete it."""
    bento = _find(call)
    call.registry.delete(_tag(bento))
    return go_to(call, "/repository", deleted=bento.tag)


def _find(call: Call) -> Bento:
    return call.registry.find(Tag(call.path("name"), call.path("version")))


def _tag(bento: Bento) -> Tag:
    return Tag(bento.name, bento.version)


def _head(call: Call, bento: Bento) -> Any:
    """What stands above all pages of a bundle."""
    row = BundleRow.of(bento)
    principal = call.principal
    return SimpleNamespace(
        name=row.name,
        version=row.version,
        tag=row.tag,
        path=row.path,
        name_path=row.name_path,
        labels=row.labels,
        aliases=row.aliases,
        use=_use(call, row),
        may_write=principal.role >= Role.WRITE and principal.covers(bento.name),
    )


def _use(call: Call, row: BundleRow) -> Any:
    """The commands that use the bundle on another machine."""
    address, tag = address_of(call), shlex.quote(row.tag)
    login = ' -H "Authorization: Bearer $TOKEN"' if call.core.options.requires_login else ""
    archive = f"{row.name}-{row.version}"
    return SimpleNamespace(
        serve=f"bentoml serve {tag} --yatai-url {address}",
        pull=f"bentoml pull {tag} --yatai-url {address}",
        fetch=f"curl -f{login} {shlex.quote(f'{address}/api/v1/bundles/{row.path}/archive')} | tar -xz\n"
        f"bentoml serve {shlex.quote('./' + archive)}",
        token="export BENTOML__YATAI__REMOTE__ACCESS_TOKEN=bnt_..." if login else "",
    )


def _overview(call: Call, bento: Bento, *, status: int = 200, **changed: str) -> Response:
    metadata = bento.bento_service_metadata
    with files_of(call, bento) as found:
        document, provenance = found.openapi(), _provenance(bento, found)
    return page(
        call,
        "bundle.html",
        _SECTION,
        status=status,
        bundle=_head(call, bento),
        apis=[view_api(api, document) for api in metadata.apis],
        artifacts=[view_artifact(artifact) for artifact in metadata.artifacts],
        about=about(provenance, bento.created_at, metadata.created_at),
        deployments=deployments_of_bundle(call, _tag(bento)),
        **_edit_values(call, bento, changed),
    )


def _edit_values(call: Call, bento: Bento, changed: Mapping[str, str]) -> dict[str, Any]:
    known = [alias.alias for alias in call.registry.list_aliases(bento.name)]
    return {**_NO_PROBLEM, "known_aliases": sorted({*known, "production", "staging"}), **changed}


def _edited(call: Call, bento: Bento, fragment: str, change: Any, values: Mapping[str, str], problem: str) -> Response:
    """Make a change; the answer is the part of the page for a script, and the whole page for a form."""
    try:
        change()
    except (InvalidArgument, NotFound) as error:
        told = {**values, problem: str(error)}
        if is_fragment(call):
            return page(call, fragment, _SECTION, bundle=_head(call, bento), **_edit_values(call, bento, told))
        return _overview(call, bento, status=400, **told)
    if not is_fragment(call):
        return go_to(call, f"/repository/{BundleRow.of(bento).path}")
    after = _find(call)
    return page(call, fragment, _SECTION, bundle=_head(call, after), **_edit_values(call, after, {}))


def _provenance(bento: Bento, bundle_files: BundleFiles) -> Provenance:
    return Provenance(
        uri=bento.uri.uri,
        digest=bento.tree_digest or "",
        size_bytes=bento.size_bytes,
        created_by=bento.created_by,
        signature=signature_text(bundle_files),
        commit=_commit(mapping(bundle_files.manifest().get("source"))),
    )


def _commit(source: Mapping[str, Any]) -> str:
    commit, branch = str(source.get("commit") or "")[:12], str(source.get("branch") or "")
    text = f"{commit} on {branch}" if commit and branch else commit
    return f"{text}, with changes" if text and source.get("modified") is True else text


def _lock(bundle_files: BundleFiles) -> str:
    content = bundle_files.find(layout.LOCK)
    if content is None:
        return ""
    lines = content.decode(errors="replace").splitlines()
    pins = sum(1 for line in lines if "==" in line and not line.startswith("#"))
    hashed = any("--hash=" in line for line in lines)
    return f"{pins} distributions, {'with' if hashed else 'without'} hashes"


def _shown(call: Call, bento: Bento, entry: TreeEntry) -> Any:
    lines, why_not = None, ""
    if entry.size_bytes > LARGEST_SHOWN_BYTES:
        why_not = "It is too large to be shown"
    else:
        try:
            with files_of(call, bento) as found:
                lines = text_lines(found.read(entry.path))
        except BentoMLException as error:
            why_not = str(error)
        if lines is None:
            why_not = why_not or "It is no text"
    return SimpleNamespace(
        path=entry.path, size_bytes=entry.size_bytes, sha256=entry.sha256, lines=lines, why_not=why_not
    )
