#!/usr/bin/env bash
# Set up and open the page to try a recogniser of everyday activities, on recordings of a phone, a watch or any sensor.
# Arguments go to `sadvae-har demo`, such as --port 0, --recordings FOLDER or --model resources/runs/quickstart.
source "$(dirname "$0")/environment.sh" demo
exec "$python" -m sadvae_har demo "$@"
