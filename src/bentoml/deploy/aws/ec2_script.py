"""What an instance does when it starts for the first time: it runs the image, and says when the server is ready.

The script is for Amazon Linux 2023. What only the stack knows stands in variables at its head.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.balanced_options import AFTER_GRACE_S
from bentoml.deploy.aws.balancer import SEEN_AFTER_S, START_LIMIT_S
from bentoml.deploy.aws.network import PORT
from bentoml.deploy.aws.template_values import IMAGE, ref
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from bentoml.deploy.aws.ec2_options import Ec2Options

LOG = "Log"
"""The log group of the stack."""
LARGEST = 15_000
"""Bytes that leave room for the head: an instance gets 16 KiB at most."""
_SCRIPT = r"""
export PATH=$PATH:/opt/aws/bin

# The stack waits for this word, and takes the change back when it is not good.
say_how_it_went() {
  code=$?
  cfn-signal --exit-code "$code" --stack "$STACK" --resource "$RESOURCE" --region "$REGION" || true
  exit "$code"
}
trap say_how_it_went EXIT

again() {
  for wait in 5 10 20 40 80; do
    "$@" && return
    sleep "$wait"
  done
  "$@"
}

again dnf install -y aws-cfn-bootstrap docker
systemctl enable --now docker

# The password is that of the role of this instance, for some hours; the image is pulled once.
host=${IMAGE%%/*}
log_in() {
  aws ecr get-login-password --region "$(printf %s "$host" | cut -d . -f 4)" \
    | docker login --username AWS --password-stdin "$host"
}
case "$host" in
  *.dkr.ecr.*) again log_in ;;
esac
again docker pull "$IMAGE"
rm -f /root/.docker/config.json

docker rm --force server 2>/dev/null || true
docker run --detach --name server --restart always --publish @PORT@:@PORT@ \
  --read-only --tmpfs /tmp:mode=1777 --cap-drop ALL --security-opt no-new-privileges \
  --stop-timeout @STOP@ \
  --log-driver awslogs --log-opt "awslogs-region=$REGION" --log-opt "awslogs-group=$LOGS" \
  --env BENTOML_PORT=@PORT@ @ENV@"$IMAGE"

end=$((SECONDS + @START@))
until curl --silent --fail --output /dev/null --max-time 5 http://127.0.0.1:@PORT@/readyz; do
  if [ "$SECONDS" -ge "$end" ]; then
    docker logs --tail 50 server || true
    echo "the server is not ready after @START@ seconds" >&2
    exit 1
  fi
  sleep 2
done

# Old instances go when this one says that it is ready, so the load balancer has to know it by then.
sleep @SEEN@
"""


def head(resource: str) -> list[Any]:
    """The first lines, in pieces for `Fn::Join`.

    Args:
        resource: the group of instances, to which an instance says how it went.
    """
    values = {
        "STACK": ref("AWS::StackName"),
        "REGION": ref("AWS::Region"),
        "RESOURCE": resource,
        "LOGS": ref(LOG),
        "IMAGE": ref(IMAGE),
    }
    pieces: list[Any] = ["#!/bin/bash\nset -euo pipefail\n"]
    for name, value in values.items():
        pieces += [f"{name}='", value, "'\n"]
    return pieces


def script(options: Ec2Options) -> str:
    """All that follows.

    Raises:
        InvalidArgument: it is larger than an instance takes.
    """
    env = "".join(f"--env {shlex.quote(f'{name}={value}')} " for name, value in options.variables.items())
    text = _SCRIPT
    for name, value in (
        ("@PORT@", PORT),
        ("@STOP@", options.drain_s + AFTER_GRACE_S),
        ("@START@", START_LIMIT_S),
        ("@SEEN@", SEEN_AFTER_S),
        ("@ENV@", env),  # the last one, as a value may look like one of these names
    ):
        text = text.replace(name, str(value))
    if len(text.encode()) > LARGEST:
        raise InvalidArgument(
            f"the variables are longer than the {LARGEST} bytes that an instance takes: put long values into the image"
        )
    return text
