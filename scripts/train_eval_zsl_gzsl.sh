#!/usr/bin/env bash
# Usage: train_eval_zsl_gzsl.sh DATASET [--split NAME] [--raw FOLDER] [any flag of `sadvae-har run`]
# All four stages on one split: ZSL, gate, GZSL, report.
[[ $# -ge 1 && $1 != -* ]] || { sed -n '2,3s/^# //p' "$0"; exit 2; }
source "$(dirname "$0")/environment.sh" watch
exec "$python" -m sadvae_har run --dataset "$@"
