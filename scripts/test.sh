#!/usr/bin/env bash
# Set up and pass the tests: style, types, tests. Arguments go to pytest.
source "$(dirname "$0")/environment.sh" dev
"$python" -m ruff check .
"$python" -m ruff format --check .
"$python" -m mypy
exec "$python" -m pytest "$@"
