#!/bin/sh
# Steps of building an image; each is one layer. Run inside the bundle's directory.
set -eu

CONDA_DECLARED=@@conda_declared@@

fail() {
    echo "bentoml-init.sh: $1" >&2
    exit 1
}

custom_setup() {
    if [ -f setup.sh ]; then
        chmod +x setup.sh
        ./setup.sh
    fi
}

# The Python that saved the bundle and the one in the image must agree in their first two numbers.
ensure_python() {
    wanted=$(cut -d. -f1,2 python_version)
    present=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || echo none)
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
    conda env update --name base --file environment.yml
    conda clean --all --yes
}

install_pip_packages() {
    # The variable holds several arguments, so it is split on purpose.
    # shellcheck disable=SC2086
    python -m pip install --no-cache-dir ${EXTRA_PIP_INSTALL_ARGS:-} -r requirements.txt
}

install_bundled_pip_packages() {
    for package in bundled_pip_dependencies/*.whl bundled_pip_dependencies/*.tar.gz; do
        if [ -f "$package" ]; then
            # shellcheck disable=SC2086
            python -m pip install --no-cache-dir ${EXTRA_PIP_INSTALL_ARGS:-} "./$package"
        fi
    done
}

if [ $# -eq 0 ]; then
    set -- custom_setup ensure_python restore_conda_env install_pip_packages install_bundled_pip_packages
fi

for step in "$@"; do
    case "$step" in
        custom_setup | ensure_python | restore_conda_env | install_pip_packages | install_bundled_pip_packages) "$step" ;;
        *) fail "there is no step $step" ;;
    esac
done
