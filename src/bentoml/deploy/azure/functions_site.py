"""What the container of a function app has beside the image of a bundle: the Functions host, and what this starts.

The host takes all requests, checks their keys, and hands them on to a custom handler, which is the server itself:
https://learn.microsoft.com/azure/azure-functions/functions-custom-handlers
"""

from __future__ import annotations

import json
from typing import Any

PORT = 8080
"""Where the host listens; a user who is not root can open it, and Azure looks for it."""
DIRECTORY = "image"
"""Of the plan's files, which has what the image is built from."""
_HOST_IMAGE = "mcr.microsoft.com/azure-functions/dotnet:4"
_ROOT = "/home/site/wwwroot"
# The host tells the port of the handler, and Azure in PORT that of the host.
_HANDLER = """\
#!/bin/sh
# The Functions host starts the server with this, and hands requests on to it.
set -eu
unset PORT
exec bentoml serve-gunicorn --host 127.0.0.1 --port "$FUNCTIONS_CUSTOMHANDLER_PORT" "$BUNDLE_PATH"
"""
# Azure builds it without BuildKit.
_DOCKERFILE = """\
ARG IMAGE
ARG HOST_IMAGE={host_image}
FROM ${{HOST_IMAGE}} AS host
FROM ${{IMAGE}}
USER root
COPY --from=host /azure-functions-host /azure-functions-host
COPY --from=host /usr/share/dotnet /usr/share/dotnet
COPY site {root}
RUN chmod -R a+rX {root} && chmod 755 {root}/handler.sh && mkdir -p /home/LogFiles /home/data && \\
    chown -R bentoml {root} /home/LogFiles /home/data
ENV AzureWebJobsScriptRoot={root} FUNCTIONS_WORKER_RUNTIME=custom ASPNETCORE_URLS=http://+:{port}
ENV DOTNET_ROOT=/usr/share/dotnet DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
ENV AzureFunctionsJobHost__Logging__Console__IsEnabled=true
EXPOSE {port}
USER bentoml
HEALTHCHECK NONE
ENTRYPOINT []
CMD ["/azure-functions-host/Microsoft.Azure.WebJobs.Script.WebHost"]
"""
_PROBES = ("livez", "readyz")


def site_files(auth_level: str) -> dict[str, str]:
    """The files, by their names in the plan.

    Args:
        auth_level: which key requests need; `/livez` and `/readyz` need none, as the platform asks them without.
    """
    functions = {"server": _function("{*path}", auth_level)}
    functions |= {name: _function(name, "anonymous") for name in _PROBES}
    site = {f"{name}/function.json": _text(found) for name, found in functions.items()}
    site |= {"host.json": _text(_host()), "handler.sh": _HANDLER}
    dockerfile = _DOCKERFILE.format(host_image=_HOST_IMAGE, root=_ROOT, port=PORT)
    return {f"{DIRECTORY}/Dockerfile": dockerfile} | {f"{DIRECTORY}/site/{name}": text for name, text in site.items()}


def _host() -> dict[str, Any]:
    """Requests keep their path, and go to the handler as they are."""
    return {
        "version": "2.0",
        "extensions": {"http": {"routePrefix": ""}},
        "customHandler": {
            "description": {"defaultExecutablePath": "handler.sh", "workingDirectory": "", "arguments": []},
            "enableForwardingHttpRequest": True,
        },
    }


def _function(route: str, auth_level: str) -> dict[str, Any]:
    trigger = {"type": "httpTrigger", "direction": "in", "name": "request", "route": route, "authLevel": auth_level}
    return {"bindings": [trigger, {"type": "http", "direction": "out", "name": "response"}]}


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"
