"""The objects of a deployment as a chart for Helm.

Templates are the objects themselves, with marks where a value of the chart goes; what users have written, such as
variables and the configuration, stands in `values.yaml` alone, where Helm takes nothing for an expression.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bentoml.deploy.kubernetes.names import DEPLOYMENT, INSTANCE
from bentoml.deploy.kubernetes.objects import file_of, objects_of
from bentoml.deploy.kubernetes.option_checks import read_toleration
from bentoml.deploy.kubernetes.pods import gpu_arguments
from bentoml.deploy.plans.yaml_text import yaml_text
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from bentoml.deploy.kubernetes.facts import Facts

_MANAGED_BY = "app.kubernetes.io/managed-by"
_VERSION = "0.1.0"
_VARIABLES = """\
env:
- name: BENTOML_PORT
  value: "5000"
{config}{{{{- range $name, $value := .Values.env }}}}
- name: {{{{ $name }}}}
  value: {{{{ $value | toString | replace "$(" "$$(" | toJson }}}}
{{{{- end }}}}"""
_CONFIG_VARIABLE = "- name: BENTOML_CONFIG\n  value: {path}\n"
_ARGUMENTS = """\
{{- with .Values.workers }}
args: ["--workers", {{ . | toString | quote }}]
{{- end }}"""
_GPU_ARGUMENTS = """\
args: ["--gpus", "{gpus}"{{{{- with .Values.workers }}}}, "--workers", {{{{ . | toString | quote }}}}{{{{- end }}}}]"""
_SECRETS = """\
{{- with .Values.secrets }}
envFrom:
{{- range . }}
- secretRef:
    name: {{ . | quote }}
{{- end }}
{{- end }}"""
_PULL_SECRETS = """\
{{- with .Values.pullSecrets }}
imagePullSecrets:
{{- range . }}
- name: {{ . | quote }}
{{- end }}
{{- end }}"""


@dataclass
class _Marks:
    """Words that stand for expressions while objects are written as YAML.

    Attributes:
        words: in a line, by the mark.
        blocks: in place of a whole line, by the mark; `@N` is the depth of what is below it.
    """

    words: dict[str, str] = field(default_factory=dict)
    blocks: dict[str, str] = field(default_factory=dict)

    def word(self, expression: str) -> str:
        """A mark for one value."""
        mark = self._next()
        self.words[mark] = f"{{{{ {expression} }}}}"
        return mark

    def block(self, text: str) -> str:
        """A mark for the value of a key, which is replaced together with the key."""
        mark = self._next()
        self.blocks[mark] = text
        return mark

    def _next(self) -> str:
        """No name and no label of an object has two slashes."""
        return f"z/{len(self.words) + len(self.blocks)}/z"

    def tree(self, name: str) -> str:
        """A mark for a key that is left out where its value is empty."""
        key = name.rpartition(".")[2]
        return self.block(f"{{{{- with .Values.{name} }}}}\n{key}:\n  {{{{- toYaml . | nindent @N }}}}\n{{{{- end }}}}")

    def filled(self, text: str) -> str:
        """A text with expressions in place of marks."""
        lines = []
        for line in text.splitlines():
            found = re.fullmatch(r"( *)[\w.-]+: (z/\d+/z)", line)
            if found and found[2] in self.blocks:
                depth = len(found[1])
                lines += [
                    f"{found[1]}{each}".replace("@N", str(depth + 2)) for each in self.blocks[found[2]].split("\n")
                ]
            else:
                lines.append(re.sub(r"z/\d+/z", lambda mark: self.words[mark[0]], line))
        return "\n".join(lines) + "\n"


def chart_files(facts: Facts) -> dict[str, str]:
    """The files of a chart, by name. Which objects it has, the options say; what is in them, its values.

    Args:
        facts: what the objects are made from; the namespace is that of the release.

    Raises:
        InvalidArgument: a name would be an expression.
    """
    marks = _Marks()
    marked = _marked(facts, marks)
    files = {
        "Chart.yaml": yaml_text(_chart(facts)),
        "values.yaml": yaml_text(_values(facts)),
    }
    for found in objects_of(marked):
        found["metadata"].pop("namespace")
        _mark_object(found, facts, marks)
        text = yaml_text(found)
        if "{{" in text:
            raise InvalidArgument(f"a chart cannot have `{{{{` in its {found['kind']}, where Helm reads an expression")
        files[f"templates/{file_of(found)}"] = marks.filled(text)
    return files


def _chart(facts: Facts) -> dict[str, Any]:
    bundle = facts.annotations["bentoml.org/bundle"]
    version = bundle.partition(":")[2]
    build = re.sub(r"[^0-9A-Za-z]+", "-", version).strip("-")
    return {
        "apiVersion": "v2",
        "name": facts.name,
        "description": f"Serves {bundle}",
        "type": "application",
        "version": f"{_VERSION}+{build}" if build else _VERSION,
        "appVersion": version,
    }


def _values(facts: Facts) -> dict[str, Any]:
    """As the options say; a key that has no object to stand in is left out."""
    options = facts.options
    resources: dict[str, Any] = {
        "requests": {"cpu": options.cpu_request, "memory": options.memory_request},
        "limits": {"memory": options.memory_limit or options.memory_request},
    }
    if options.cpu_limit is not None:
        resources["limits"]["cpu"] = options.cpu_limit
    if options.gpus:
        resources["limits"]["nvidia.com/gpu"] = str(options.gpus)
    values: dict[str, Any] = {"image": facts.image, "pullSecrets": list(options.pull_secrets)}
    values["replicas"] = options.replicas
    if options.scales:
        values["maxReplicas"] = options.max_replicas
    values |= {
        "resources": resources,
        "workers": options.workers,
        "env": dict(options.env),
        "secrets": list(options.secrets),
        "service": {"type": options.service_type, "port": options.port},
        "nodeSelector": dict(options.node_selector),
        "tolerations": [read_toleration(text) for text in options.tolerations],
    }
    if options.host is not None:
        values["host"] = options.host
    if options.config is not None:
        values["config"] = options.config
    return values


def _marked(facts: Facts, marks: _Marks) -> Facts:
    """The facts with marks where a text of them stands in objects."""
    name = marks.word(".Release.Name")
    labels = {**facts.labels, INSTANCE: name, _MANAGED_BY: marks.word(".Release.Service")}
    # The objects are those of the release, not of a deployment that the registry records.
    annotations = {key: value for key, value in facts.annotations.items() if key != DEPLOYMENT}
    image = marks.word(".Values.image | quote")
    return replace(facts, name=name, image=image, labels=labels, annotations=annotations)


def _mark_object(found: dict[str, Any], facts: Facts, marks: _Marks) -> None:
    """Put marks where other values stand."""
    kind, spec = found["kind"], found.get("spec", {})
    if kind == "ConfigMap":
        found["data"] = dict.fromkeys(found["data"], marks.word(".Values.config | toJson"))
    elif kind == "Service":
        spec["type"] = marks.word(".Values.service.type | quote")
        spec["ports"][0]["port"] = marks.word("int .Values.service.port")
    elif kind == "Ingress":
        host = marks.word(".Values.host | quote")
        spec["rules"][0]["host"] = host
        for each in spec.get("tls", []):
            each["hosts"] = [host]
    elif kind == "HTTPRoute":
        spec["hostnames"] = [marks.word(".Values.host | quote")]
        spec["rules"][0]["backendRefs"][0]["port"] = marks.word("int .Values.service.port")
    elif kind == "HorizontalPodAutoscaler":
        spec["minReplicas"] = marks.word("int .Values.replicas")
        spec["maxReplicas"] = marks.word("int .Values.maxReplicas")
    elif kind == "Deployment":
        if not facts.options.scales:
            spec["replicas"] = marks.word("int .Values.replicas")
        _mark_pod(spec["template"], facts, marks)


def _mark_pod(template: dict[str, Any], facts: Facts, marks: _Marks) -> None:
    spec = template["spec"]
    (container,) = spec["containers"]
    config = ""
    if facts.options.config is not None:
        path = next(each["value"] for each in container["env"] if each["name"] == "BENTOML_CONFIG")
        config = _CONFIG_VARIABLE.format(path=path)
        template["metadata"]["annotations"]["bentoml.org/config-sha256"] = marks.word(
            ".Values.config | sha256sum | quote"
        )
    container["env"] = marks.block(_VARIABLES.format(config=config))
    gpus = gpu_arguments(facts.options)
    container["args"] = marks.block(_GPU_ARGUMENTS.format(gpus=gpus[1]) if gpus else _ARGUMENTS)
    container["envFrom"] = marks.block(_SECRETS)
    container["resources"] = marks.tree("resources")
    spec["imagePullSecrets"] = marks.block(_PULL_SECRETS)
    spec["nodeSelector"] = marks.tree("nodeSelector")
    spec["tolerations"] = marks.tree("tolerations")
