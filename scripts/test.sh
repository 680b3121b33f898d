#!/usr/bin/env bash
# Set up and pass the tests: style, types, tests; with --fast only the quick ones. Other arguments go to pytest.
source "$(dirname "$0")/environment.sh" dev
export OMP_NUM_THREADS=1 # of PyTorch, in each of pytest's processes
tests=(-n auto --maxprocesses 4 --dist loadscope) # each process takes up to 2 GB of memory
if [[ "${1:-}" == --fast ]]; then
  shift
  tests+=(-m "not slow")
fi
"$python" -m ruff check .
"$python" -m ruff format --check .
"$python" -m mypy
exec "$python" -m pytest "${tests[@]}" "$@"
