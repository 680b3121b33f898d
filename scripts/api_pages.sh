#!/usr/bin/env bash
# Write pages of every public class and function from their docstrings, into docs/api or the folder given as $1.
source "$(dirname "$0")/environment.sh" dev
exec "$python" -m pdoc --docformat google --output-directory "${1:-docs/api}" feature_extraction sadvae_har
