# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Shared by the scripts of this directory: paths, the search for interpreters, output.
# The scripts that source this file use the variables.
# shellcheck disable=SC2034

# A command that fails inside $(...) ends that, too. Otherwise an incomplete environment would count as complete.
shopt -s inherit_errexit

# An empty environment (cron, CI) has no HOME, which everything below needs.
: "${HOME:=$(getent passwd "$(id -u)" | cut -d: -f6)}"
export HOME

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# Shared by all clones: its content depends only on pinned requirements, never on the clone.
cache=${OPENSEARCH_ML_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/searchops.opensearch_ml}
# Belongs to this clone.
work=$repo/.cache
# Committed: the repository as the collection searchops.opensearch_ml, without an installation.
view=$repo/dev/collections
collection=$view/ansible_collections/searchops/opensearch_ml
results=$work/results

say() { printf '==> %s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# The real interpreter behind a name. A pyenv shim stops working as soon as a tool clears the environment
# (ansible-test does), hence sys.executable and not the name on PATH.
interpreter() {
    local version=$1 found candidate
    found=$(command -v "python$version" 2>/dev/null) || found=
    for candidate in "$found" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/"python$version"; do
        [ -x "$candidate" ] || continue
        if "$candidate" -c "import sys; print(sys.executable); sys.exit('%d.%d' % sys.version_info[:2] != '$version')" \
            2>/dev/null; then
            return 0
        fi
    done
    return 1
}

# The first of several versions that is installed.
first_interpreter() {
    local version
    for version in "$@"; do
        interpreter "$version" && return 0
    done
    return 1
}

# $1: the profile, "default", "oldest", "recent", "newest" or "docs". Prints the path of its venv, which may not exist yet.
venv_path() {
    local profile=$1 python=$2 version digest
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    # The name depends on the interpreter's path, as a venv points to its interpreter.
    digest=$({
        cat "$repo/dev/requirements$( [ "$profile" = default ] || printf -- '-%s' "$profile").txt"
        printf '%s' "$python"
    } | sha256sum | cut -c1-12)
    printf '%s/venv-%s-%s\n' "$cache" "$version" "$digest"
}

# The path of the programs that create the venvs for this interpreter, which may not exist yet.
bootstrap_path() {
    printf '%s/bootstrap-%s\n' "$cache" "$({
        cat "$repo/dev/requirements-bootstrap.txt"
        printf '%s' "$1"
    } | sha256sum | cut -c1-12)"
}

# The version of pip that ansible-test in this interpreter's environment requires.
wanted_pip() {
    "$1" -c 'import inspect, re
from ansible_test._internal import python_requirements as r
print(re.search(r"pip=.([0-9.]+)", inspect.getsource(r.get_venv_packages)).group(1))'
}

# ansible-core 2.18 and 2.19 run on 3.11 to 3.13.
default_python() { first_interpreter 3.11 3.12 3.13; }
oldest_python() { default_python; }
# ansible-core 2.20 and later need Python 3.12 or later. The latest one differs most from the default.
recent_python() { first_interpreter 3.12 3.13 3.14; }
newest_python() { first_interpreter 3.14 3.13 3.12; }

# Certificates of a company's proxy are in the system's bundle, which neither uv nor an old pip reads by default.
trust_system_certificates() {
    local bundle=/etc/ssl/certs/ca-certificates.crt
    [ -e "$bundle" ] || return 0
    export UV_NATIVE_TLS=1 PIP_CERT="${PIP_CERT:-$bundle}"
}

# Makes the rest of the calling script independent of the developer's shell variables.
enter() {
    local venv=$1
    trust_system_certificates
    # Ansible aborts in the C and POSIX locales.
    export LC_ALL=C.UTF-8
    # Without bytecode every ansible command takes one second longer.
    unset PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME PYTEST_ADDOPTS PYTEST_PLUGINS ANSIBLE_COLLECTIONS_PATHS
    export PATH="$venv/bin:$PATH"
    export VIRTUAL_ENV=$venv
    export ANSIBLE_COLLECTIONS_PATH="$view:$cache/collections"
    # ansible-lint and molecule put the collections in Ansible's home first, and would test an installed copy there instead
    # of the repository.
    export ANSIBLE_HOME="$work/ansible"
    # Set explicitly: Ansible ignores ansible.cfg in a world-writable directory.
    export ANSIBLE_CONFIG="$repo/ansible.cfg"
    # The stack listens on this machine, so a proxy in the environment must not be used.
    export no_proxy="127.0.0.1,localhost${no_proxy:+,$no_proxy}" NO_PROXY="127.0.0.1,localhost${NO_PROXY:+,$NO_PROXY}"
}

# An environment for the tools of one script. $1: its name, $2: its requirements; further arguments go to pip and name the
# packages to build. Prints its path.
tool_venv() {
    local name=$1 requirements=$2 venv
    shift 2
    venv=$cache/venv-$name-$(sha256sum <"$requirements" | cut -c1-12)
    if [ ! -e "$venv/.complete" ]; then
        # Two clones may create the same environment at the same time.
        exec 9>"$cache/setup.lock"
        flock 9
        if [ ! -e "$venv/.complete" ]; then
            say "Making $venv" >&2
            rm -rf "$venv"
            "$(default_python)" -m venv "$venv" >&2
            "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary=:all: "$@" \
                -r "$requirements" >&2
            touch "$venv/.complete"
        fi
        exec 9>&-
    fi
    printf '%s\n' "$venv"
}

# The tools that check licences, workflows and the archive. reuse is built, as its wheels need a newer C library than many
# systems have.
gates_venv() { tool_venv gates "$repo/dev/requirements-gates.txt" --no-binary=reuse; }
