#!/usr/bin/env bash
# Usage: export.sh MODEL --out model.onnx [--int8]: set up, and write a trained model as one ONNX file.
[[ $# -ge 1 ]] || { sed -n '2,2s/^# //p' "$0"; exit 2; }
source "$(dirname "$0")/environment.sh" export
exec "$python" -m sadvae_har export "$@"
