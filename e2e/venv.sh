#!/usr/bin/env bash
# Installs packages from PyPI where they are kept for the next run, and prints the python that has them.
# usage: venv.sh PACKAGE==VERSION...   the folder is called after the first
set -euo pipefail
cache=${CALLPLANE_CACHE:-$({ mkdir -p /var/cache/callplane && [ -w /var/cache/callplane ]; } 2>/dev/null &&
  echo /var/cache/callplane || echo "${XDG_CACHE_HOME:-$HOME/.cache}/callplane")}
name=${1/==/-}
venv=$cache/$name

# Another test may be at it.
mkdir -p "$cache"
exec 9>"$venv.lock"
flock 9
if [ ! -e "$venv/ready" ]; then
  echo "installing $* (a minute, once)" >&2
  rm -rf "$venv"
  python3 -m venv "$venv" || { echo "error: python3 makes no virtual environment: install python3-venv." >&2; exit 1; }
  "$venv/bin/pip" install --quiet --disable-pip-version-check "$@" >&2
  touch "$venv/ready"
fi
echo "$venv/bin/python"
