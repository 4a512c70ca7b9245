"""The image of a function: that of the bundle, with the client of the runtime of Lambda in front of it."""

from __future__ import annotations

CONTEXT = "image"
"""Directory of the plan that the image is built from."""
DOCKERFILE = f"{CONTEXT}/Dockerfile"
HANDLER = "bentoml.deploy.aws.lambda_handler.handler"


def dockerfile(base: str) -> str:
    """What makes the image of a function out of that of a bundle.

    Lambda runs it as a user of its own, who has to be able to read the bundle, and may write to /tmp alone.
    """
    return f"""FROM {base}
USER root
RUN python -m pip install --no-cache-dir 'awslambdaric>=2.2'
RUN find . /home/bentoml /opt/bentoml \\( -type d ! -perm -005 -o -type f ! -perm -004 \\) -exec chmod a+rX {{}} +
ENV HOME=/tmp BENTOML_HOME=/tmp/bentoml
USER bentoml
ENTRYPOINT ["python", "-m", "awslambdaric"]
CMD ["{HANDLER}"]
"""
