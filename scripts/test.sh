#!/usr/bin/env bash
# Set up and pass the tests: style, types, tests; with --fast only the quick ones. Other arguments go to pytest.
source "$(dirname "$0")/environment.sh" dev
tests=()
if [[ "${1:-}" == --fast ]]; then
  shift
  export OMP_NUM_THREADS=1 # of PyTorch, in each of pytest's processes
  tests=(-m "not slow" -n auto --dist loadscope)
fi
"$python" -m ruff check .
"$python" -m ruff format --check .
"$python" -m mypy
exec "$python" -m pytest "${tests[@]}" "$@"
