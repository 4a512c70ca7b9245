#!/bin/sh
# Starts the server when the first argument is an option or there is none; otherwise runs the given command.
set -eu

# Heroku, Cloud Run and others say in PORT where the server has to listen.
if [ -n "${PORT:-}" ]; then
    export BENTOML_PORT="$PORT"
fi

case "${1:--}" in
    -*) exec bentoml serve-gunicorn "$@" "$BUNDLE_PATH" ;;
    *) exec "$@" ;;
esac
