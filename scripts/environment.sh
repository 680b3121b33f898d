#!/usr/bin/env bash
# Make .venv with the locked versions and the extras that $1 names (such as demo,watch), unless it is up to date.
# Sourced by the others.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.venv/bin/python
stamp=.venv/.installed-${1:-base}
if [[ ! -e $stamp || requirements.txt -nt $stamp || pyproject.toml -nt $stamp || setup.py -nt $stamp ]]; then
  for candidate in python3.11 python3.12 python3.13 python3; do
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && found=$candidate && break
  done
  [[ -n ${found:-} ]] || { echo "error: Python 3.11 or newer is needed; none of python3.11 ... python3 is" >&2; exit 2; }
  [[ -x $python ]] || "$found" -m venv .venv
  echo "installing into .venv (about a minute; torch is the CPU-capable wheel of your platform)" >&2
  "$python" -m pip install --quiet --upgrade pip
  "$python" -m pip install -qq -c requirements.txt -e ".${1:+[$1]}"
  touch "$stamp"
fi
