# shellcheck shell=bash
# Shared set-up of the scripts beside it: finds a Python, makes the virtual environment, installs the project into it.
# It is sourced, never run. Two variables steer it:
#   PYTHON        the interpreter to use (default: the one of an existing environment, else python3)
#   BENTOML_VENV  the directory of the environment (default: .venv)

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=${BENTOML_VENV:-$ROOT/.venv}

say() { printf '%s\n' "$*"; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Prints "3.11" when $1 is a CPython that the project supports; fails silently when it is anything else.
supported_minor() {
  "$1" - 2>/dev/null <<'PY'
import sys, sysconfig
fit = sys.implementation.name == "cpython" and (3, 10) <= sys.version_info[:2] <= (3, 13)
if not fit or sysconfig.get_config_var("Py_GIL_DISABLED"):
    raise SystemExit(1)
print("%d.%d" % sys.version_info[:2])
PY
}

# Prints every Python command worth a look on this machine, one a line, most ordinary first.
candidate_pythons() {
  local minor
  printf '%s\n' python3 python
  for minor in 3.13 3.12 3.11 3.10; do
    printf '%s\n' "python$minor"
  done
  if [ -d "${PYENV_ROOT:-$HOME/.pyenv}/versions" ]; then
    find "${PYENV_ROOT:-$HOME/.pyenv}/versions" -mindepth 3 -maxdepth 3 -path '*/bin/python' | sort -r
  fi
}

# Prints the Python that the environment is made with.
choose_python() {
  local candidate
  if [ -n "${PYTHON:-}" ]; then
    supported_minor "$PYTHON" >/dev/null || fail "PYTHON=$PYTHON is not a CPython 3.10 to 3.13"
    printf '%s\n' "$PYTHON"
    return
  fi
  if [ -x "$VENV/bin/python" ] && supported_minor "$VENV/bin/python" >/dev/null; then
    printf '%s\n' "$VENV/bin/python"
    return
  fi
  while IFS= read -r candidate; do
    if supported_minor "$candidate" >/dev/null; then
      printf '%s\n' "$candidate"
      return
    fi
  done < <(candidate_pythons)
  fail "no CPython 3.10 to 3.13 found; install one, or name it: PYTHON=/path/to/python $0"
}

# Installs Debian packages when this is root on Debian, else says what to run.
install_system_packages() {
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    fail "missing on this machine: $*; on Debian run: sudo apt-get install $*"
  fi
  say "installing system packages: $*"
  local log
  log=$(mktemp)
  if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } \
    >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    fail "apt-get could not install: $*"
  fi
  rm -f "$log"
}

# Makes sure that $1 is there, a command of the Debian package $2.
need_command() {
  command -v "$1" >/dev/null || install_system_packages "$2"
}

# Installs the Debian packages $2 for the command $1 where it can; where it cannot, says that $3 is left out.
want_command() {
  if command -v "$1" >/dev/null; then
    return
  fi
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    # They may be several, so they are split on purpose.
    # shellcheck disable=SC2086
    install_system_packages $2
  else
    say "no $1 on this machine, so $3 left out; on Debian run: sudo apt-get install $2"
  fi
}

# Prints what an installation depends on, as one digest: it is done again only when this changes.
installation_key() {
  "$1" - "$ROOT" "$2" <<'PY'
import hashlib, pathlib, sys
root, extras = pathlib.Path(sys.argv[1]), sys.argv[2]
digest = hashlib.sha256(repr((sys.version, str(root), extras)).encode())
for name in ("pyproject.toml", "src/bentoml/_version.py"):
    digest.update((root / name).read_bytes())
print(digest.hexdigest())
PY
}

# Makes an empty environment in $VENV with the interpreter $1.
create_venv() {
  local python=$1 minor
  if [ -d "$VENV" ] && [ ! -f "$VENV/pyvenv.cfg" ] && [ -n "$(ls -A "$VENV")" ]; then
    fail "$VENV is not a virtual environment; remove it, or name another directory in BENTOML_VENV"
  fi
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    minor=$(supported_minor "$python")
    install_system_packages "python$minor-venv"
  fi
  "$python" -m venv --clear "$VENV"
}

# Makes sure that the project is installed with the extras $1 (comma separated) into $VENV, and its sources are compiled:
# where Python may not write what it has compiled, each of the many processes that follow would do so again.
ensure_environment() {
  install_project "$1"
  "$VENV/bin/python" -m compileall -q "$ROOT/src"
}

# Installs the project with the extras $1 into $VENV. Does nothing when that is already done.
install_project() {
  local extras=$1 python log stamp key
  python=$(choose_python) || exit 1
  if [ ! -x "$VENV/bin/python" ] \
    || [ "$(supported_minor "$VENV/bin/python" || true)" != "$(supported_minor "$python")" ]; then
    say "creating $VENV (Python $(supported_minor "$python"))"
    create_venv "$python"
  fi
  python=$VENV/bin/python
  stamp=$VENV/.installed-${extras//,/-}
  key=$(installation_key "$python" "$extras")
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$key" ]; then
    return
  fi
  log=$VENV/install.log
  say "installing the project with [$extras] into $VENV (log: $log)"
  if ! "$python" -m pip install --disable-pip-version-check --no-input -e "${ROOT}[$extras]" >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    fail "the installation failed; the whole log is in $log"
  fi
  printf '%s\n' "$key" >"$stamp"
}
