# Sourced by the other scripts: a virtual environment in .venv with the project installed. Nothing outside the checkout changes.
# The engine (quickfix) is compiled once, about 6 minutes; pip keeps the wheel, so it is not compiled again for the next .venv.
set -eu
cd "$(dirname "$0")/.."

find_python() {
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
        if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "error: no Python 3.11 or newer found; install one, or name it: PYTHON=/path/to/python $0" >&2
    exit 6
}

install_project() { # install_project "" | "[test]"
    [ -x .venv/bin/python ] || "$(find_python)" -m venv .venv
    stamp=".venv/installed-$(cat setup.cfg pyproject.toml | cksum | tr ' ' '-')-${1:-plain}"
    [ -e "$stamp" ] && return
    if ! .venv/bin/python -c 'import quickfix' 2>/dev/null; then
        echo "installing; the FIX engine is compiled on first use (about 6 minutes, kept by pip afterwards) ..." >&2
    fi
    CXXFLAGS="${CXXFLAGS:--O2 -g0}" .venv/bin/python -m pip install --quiet --no-compile --disable-pip-version-check -e ".$1"
    .venv/bin/python -m compileall -qq -j 0 .venv/lib || true # on all cores, of which pip would use one
    touch "$stamp"
}
