#!/usr/bin/env bash
# Usage: benchmark.sh --raw FOLDER [any flag of `sadvae-har benchmark`], FOLDER with one folder per data set
# Every data set, split, method and seed that is missing in benchmarks/results.jsonl; then docs/benchmark.md anew.
source "$(dirname "$0")/environment.sh" plots
exec "$python" -m sadvae_har benchmark "$@"
