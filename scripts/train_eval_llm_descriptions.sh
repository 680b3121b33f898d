#!/usr/bin/env bash
# Usage: train_eval_llm_descriptions.sh DATASET [--splits zerohar] [--raw FOLDER] [any flag of `sadvae-har run`]
# Every random split with each description view alone (label, sentence, motion, paraphrases, kinematics) and all.
[[ $# -ge 1 && $1 != -* ]] || { sed -n '2,3s/^# //p' "$0"; exit 2; }
source "$(dirname "$0")/environment.sh" watch
exec "$python" -m sadvae_har descriptions --dataset "$@"
