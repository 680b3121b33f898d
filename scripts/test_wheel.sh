#!/usr/bin/env bash
# Build the wheel, install it far from the checkout and use it: nothing may lack, nothing may be written into it.
source "$(dirname "$0")/environment.sh" dev
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
rm -rf build # setuptools would pack what lies there from earlier
"$python" -m pip wheel -q --no-deps -w "$work" .
"$python" -m zipfile -l "$work"/*.whl | awk 'NR > 1 && !/dist-info/ { print $1 }' |
  sed 's,^feature_extraction/shipped/class_lists,class_lists,; s,^feature_extraction/shipped,resources,' | sort |
  comm -23 - <(git ls-files | sort) | { ! grep .; } # nothing that is not under version control
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-deps "$work"/*.whl
site=$(echo "$work"/venv/lib/python*/site-packages)
realpath .venv/lib/python*/site-packages >"$site/borrowed.pth" # third-party packages
"$work/venv/bin/pip" install -q -c requirements.txt "sadvae-har[watch]"
mkdir "$work/here" && cd "$work/here"
git init -q .. # somebody's repository: its commits are not ours
har() { env -u PYTHONPATH HOME="$work" XDG_CACHE_HOME="$work/cache" "$work/venv/bin/sadvae-har" "$@"; }
installed() { find "$site"/{feature_extraction,sadvae_har}* -printf '%p %s %T@\n' | sort; }
installed >"$work/before"
awk 'BEGIN { print "t_ms,ax,ay,az,gx,gy,gz"; for (i = 0; i < 3000; i++)
  printf "%d,%f,%f,%f,%f,%f,%f\n", 20 * i, sin(i / 12) / 2, cos(i / 12) / 2, 1 + sin(i / 9) / 20, sin(i / 12),
    cos(i / 7) / 5, 0.1 + sin(i / 5) / 10 }' >walk.csv
har data list; har encoder show tiny; har everyday show
har predict walk.csv --units acc=g,gyro=rad/s
har splits create usc-had --count 1 --seed 7; har run --dataset watch --split random-1
har predict walk.csv --model runs/watch/random-1-* --units acc=g,gyro=rad/s
har activities add runs/watch/random-1-* "arm circles" "The person draws wide circles in the air with one arm."
har activities list runs/watch/random-1-* | grep "arm circles"
installed | diff "$work/before" -
[[ $(ls) == $'label_splits\nruns\nwalk.csv' ]] && grep -q '"commit": "unknown"' runs/watch/*/environment.json
