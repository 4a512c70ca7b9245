#!/bin/sh
# Steps of building an image; each is one layer. Run inside the bundle's directory.
set -eu

CONDA_DECLARED=@@conda_declared@@
SYSTEM_PACKAGES='@@system_packages@@'
BUILD_PACKAGES='@@build_packages@@'
ENVIRONMENT=/opt/bentoml
SECRETS=/run/secrets
# Their tests are a quarter of an image, and nothing else in them imports these.
PACKAGES_WITH_TESTS='numpy pandas pyarrow scipy sklearn'
ETC=/etc

fail() {
    echo "bentoml-init.sh: $1" >&2
    exit 1
}

# The server's user. Two lines are enough, and there is a program for it in some images only.
make_user() {
    user=${USER_AND_GROUP%%:*}
    group=${USER_AND_GROUP#*:}
    for number in "$user" "$group"; do
        case "$number" in
            '' | *[!0-9]*) fail "UID and GID are numbers, got '$number'" ;;
        esac
    done
    if ! grep -q '^bentoml:' "$ETC/group"; then
        echo "bentoml:x:$group:" >>"$ETC/group"
    fi
    if ! grep -q '^bentoml:' "$ETC/passwd"; then
        echo "bentoml:x:$user:$group::$BENTOML_HOME:/bin/sh" >>"$ETC/passwd"
    fi
    mkdir -p "$BENTOML_HOME"
    chown bentoml:bentoml "$BENTOML_HOME"
}

# Shared libraries and programs that packages on PyPI need but do not bring.
apt_install() {
    if [ -z "$1" ]; then
        return
    fi
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "bentoml-init.sh: the base image has no apt-get, so these are not installed: $1" >&2
        return
    fi
    apt-get update
    # The variable holds several names, so it is split on purpose.
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $1
    # Some images drop the downloaded files by themselves, others keep them.
    apt-get clean
    rm -rf /var/lib/apt/lists/*
}

install_system_packages() { apt_install "$SYSTEM_PACKAGES"; }

install_build_packages() { apt_install "$BUILD_PACKAGES"; }

# What a step has to know and nobody else may comes as files that exist for that step.
find_secrets() {
    if [ -f "$SECRETS/variables" ]; then
        # shellcheck source=/dev/null
        . "$SECRETS/variables"
    fi
    if [ -f "$SECRETS/pip_config" ]; then
        export PIP_CONFIG_FILE="$SECRETS/pip_config"
    fi
    if [ -f "$SECRETS/netrc" ]; then
        export NETRC="$SECRETS/netrc"
        # git and curl look nowhere else.
        home_netrc=${HOME:-/root}/.netrc
        if [ ! -e "$home_netrc" ]; then
            trap 'rm -f "$home_netrc"' EXIT
            ln -s "$SECRETS/netrc" "$home_netrc"
        fi
    fi
}

custom_setup() {
    if [ -f setup.sh ]; then
        chmod +x setup.sh
        find_secrets
        ./setup.sh
    fi
}

python_command() {
    command -v python || command -v python3 || fail "the base image has no python; choose another docker_base_image"
}

# The Python that saved the bundle and the one in the image must agree in their first two numbers.
ensure_python() {
    wanted=$(cut -d. -f1,2 python_version)
    present=$("$(python_command 2>/dev/null)" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null ||
        echo none)
    if [ "$present" = "$wanted" ]; then
        return
    fi
    if command -v conda >/dev/null 2>&1; then
        conda install --yes --name base "python=$wanted" pip
        conda clean --all --yes
        return
    fi
    fail "the bundle needs Python $wanted, but the base image has $present and no conda to install another; \
choose another docker_base_image"
}

restore_conda_env() {
    if [ "$CONDA_DECLARED" = no ]; then
        return
    fi
    if ! command -v conda >/dev/null 2>&1; then
        fail "the bundle declares conda dependencies, but the base image has no conda; choose another docker_base_image"
    fi
    find_secrets
    conda env update --name base --file environment.yml
    conda clean --all --yes
}

# Runs pip in an environment that also sees what the base image, conda and setup.sh have installed.
pip_install() {
    if [ ! -x "$ENVIRONMENT/bin/python" ]; then
        "$(python_command)" -m venv --system-site-packages --without-pip "$ENVIRONMENT"
    fi
    find_secrets
    # The variable holds several arguments, so it is split on purpose.
    # shellcheck disable=SC2086
    PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
        "$ENVIRONMENT/bin/python" -m pip install --no-input ${EXTRA_PIP_INSTALL_ARGS:-} "$@"
}

# What decides which files pip takes; `requirements/lock.py` of the library asks the same.
machine_name() {
    "$(python_command)" -c 'import platform, sysconfig; print(sysconfig.get_config_var("SOABI"), platform.machine())'
}

# What a lock says that holds for every machine with this Python.
any_machine() {
    "$(python_command)" -c 'import sys; print("Python {}.{} on any machine".format(*sys.version_info[:2]))'
}

remove_tests() {
    # The variable holds several names, so it is split on purpose.
    # shellcheck disable=SC2086
    "$ENVIRONMENT/bin/python" - $PACKAGES_WITH_TESTS <<'PYTHON'
import pathlib, shutil, sys, sysconfig

for kind in ("purelib", "platlib"):
    for name in sys.argv[1:]:
        for directory in sorted(pathlib.Path(sysconfig.get_path(kind), name).rglob("tests")):
            if directory.is_dir():
                shutil.rmtree(directory)
PYTHON
}

install_pip_packages() {
    install_requirements
    remove_tests
}

# A lock that has hashes holds for one kind of machine, or for all with one Python.
install_requirements() {
    if [ -f requirements.lock ] && grep -q -e '--hash=sha256:' requirements.lock; then
        wanted=$(sed -n 's/^# made for: //p' requirements.lock)
        present=$(machine_name)
        if [ "$wanted" = "$present" ] || [ "$wanted" = "$(any_machine)" ]; then
            pip_install --require-hashes -r requirements.lock
            return
        fi
        echo "bentoml-init.sh: requirements.lock is for $wanted, and this is $present; without hashes," \
            "requirements.txt is installed; for a lock that fits: bentoml env lock BENTO --platform any" >&2
    fi
    pip_install -r requirements.txt
}

install_bundled_pip_packages() {
    for package in bundled_pip_dependencies/*.whl bundled_pip_dependencies/*.tar.gz; do
        if [ -f "$package" ]; then
            pip_install "./$package"
        fi
    done
}

# The image shows this variable to everybody who has it.
case "${EXTRA_PIP_INSTALL_ARGS:-}" in
    *://*@*) fail "EXTRA_PIP_INSTALL_ARGS has an address with credentials; build with a secret pip_config or netrc" ;;
esac

if [ $# -eq 0 ]; then
    set -- install_system_packages custom_setup ensure_python restore_conda_env install_build_packages \
        install_pip_packages install_bundled_pip_packages
fi

for step in "$@"; do
    case "$step" in
        make_user | install_system_packages | custom_setup | ensure_python | restore_conda_env | \
            install_build_packages | install_pip_packages | install_bundled_pip_packages) "$step" ;;
        *) fail "there is no step $step" ;;
    esac
done
