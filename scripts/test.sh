#!/usr/bin/env bash
# Set up and pass the tests: style, types, tests; with --fast only the quick ones. Other arguments go to pytest.
source "$(dirname "$0")/environment.sh" dev
tests=()
[[ "${1:-}" == --fast ]] && shift && tests=(-m "not slow")
"$python" -m ruff check .
"$python" -m ruff format --check .
"$python" -m mypy
exec "$python" -m pytest "${tests[@]}" "$@"
