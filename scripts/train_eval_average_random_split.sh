#!/usr/bin/env bash
# Usage: train_eval_average_random_split.sh DATASET [--splits zerohar] [--raw FOLDER] [any flag of `sadvae-har run`]
# All four stages on every random split, beside the published recipe; mean and spread in one table.
[[ $# -ge 1 && $1 != -* ]] || { sed -n '2,3s/^# //p' "$0"; exit 2; }
source "$(dirname "$0")/environment.sh" watch
exec "$python" -m sadvae_har run --splits random --reference reference_har.yaml --dataset "$@"
