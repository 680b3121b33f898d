#!/usr/bin/env bash
# Make .venv with everything installed (extras as $1, for instance dev), unless it is up to date. Sourced by the others.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.venv/bin/python
stamp=.venv/.installed-${1:-base}
if [[ ! -e $stamp || requirements.txt -nt $stamp || pyproject.toml -nt $stamp ]]; then
  for candidate in python3.11 python3.12 python3.13 python3; do
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && found=$candidate && break
  done
  [[ -n ${found:-} ]] || { echo "error: Python 3.11 or newer is needed; none of python3.11 ... python3 is" >&2; exit 2; }
  [[ -x $python ]] || "$found" -m venv .venv
  echo "installing into .venv (about a minute; torch is the CPU-capable wheel of your platform)" >&2
  "$python" -m pip install --quiet --upgrade pip
  "$python" -m pip install -qq -e ".${1:+[$1]}"
  touch "$stamp"
fi
