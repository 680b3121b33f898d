#!/usr/bin/env bash
# Set up, recognise a minute of a recording with the shipped model, then run all four stages on real data: DSADS, five
# activities nobody recorded for the model.
source "$(dirname "$0")/environment.sh" watch
"$python" -m sadvae_har predict resources/clips/leg.csv --only "walking,walking upstairs,walking downstairs,running,sitting"
exec "$python" -m sadvae_har run --config sadvae_har/config/shipped/quickstart.yaml \
  --feature-table resources/feature_tables/dsads.npz --out resources/runs/quickstart "$@"
