#!/usr/bin/env bash
# Set up and open the page to try a recogniser; trains one on `watch` (a quarter of a minute) unless resources/runs/demo has one.
# Arguments go to `sadvae-har demo`, such as --port 0 or --recordings FOLDER.
source "$(dirname "$0")/environment.sh" demo,watch
run=resources/runs/demo
[[ -e $run/recognizer.safetensors ]] || "$python" -m sadvae_har run --dataset watch --split random-1 --out "$run"
exec "$python" -m sadvae_har demo "$run" "$@"
