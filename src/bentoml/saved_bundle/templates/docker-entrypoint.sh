#!/bin/sh
# Starts the server when the first argument is an option or there is none, and for SageMaker when it is `serve`;
# otherwise runs the given command.
set -eu

# Heroku, Cloud Run and others say in PORT where the server has to listen.
if [ -n "${PORT:-}" ]; then
    export BENTOML_PORT="$PORT"
fi

# SageMaker, and the owner of a model there, say the rest in variables.
prepare_for_sagemaker() {
    export BENTOML__BENTO_SERVER__SAGEMAKER__ENABLED=true
    if [ -n "${API_NAME:-}" ]; then
        export BENTOML__BENTO_SERVER__SAGEMAKER__API_NAME="$API_NAME"
    fi
    if [ -n "${BENTOML_GUNICORN_TIMEOUT:-}" ]; then
        export BENTOML__BENTO_SERVER__TIMEOUT="$BENTOML_GUNICORN_TIMEOUT"
    fi
    if [ -n "${BENTOML_GUNICORN_NUM_OF_WORKERS:-}" ]; then
        export BENTOML_GUNICORN_WORKERS="$BENTOML_GUNICORN_NUM_OF_WORKERS"
    fi
}

case "${1:--}" in
    serve)
        shift
        prepare_for_sagemaker
        exec bentoml serve-gunicorn --port "${SAGEMAKER_BIND_TO_PORT:-8080}" "$@" "$BUNDLE_PATH"
        ;;
    -*) exec bentoml serve-gunicorn "$@" "$BUNDLE_PATH" ;;
    *) exec "$@" ;;
esac
