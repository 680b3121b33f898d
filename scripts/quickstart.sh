#!/usr/bin/env bash
# Set up and run all four stages on real data: DSADS, five activities nobody recorded for the model.
source "$(dirname "$0")/environment.sh" watch
exec "$python" -m sadvae_har run --config sadvae_har/config/shipped/quickstart.yaml \
  --feature-table resources/feature_tables/dsads.npz --out resources/runs/quickstart "$@"
