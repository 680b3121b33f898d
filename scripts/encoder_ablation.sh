#!/usr/bin/env bash
# Usage: encoder_ablation.sh --raw FOLDER, FOLDER with one folder per data set of the benchmark
# Pretrains every variant in benchmarks/encoder_variants on DSADS, WHARF and WISDM, and the aligned one for each fold of
# USC-HAD with the labels that the fold allows. Scores them on USC-HAD and HAPT, which no self-supervised variant met,
# with sensors as worn and turned: benchmarks/encoder_variants.json and rotation_robustness.json. What is there already
# is not made again.
[[ "${1:-}" == --raw && -d "${2:-}" ]] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
raw=$(realpath "$2") made=resources/runs/encoders/variants
source "$(dirname "$0")/environment.sh" plots,tensorboard
pool() {
    "$python" -m sadvae_har encoder pool --raw "$raw" "$@"
}
settings=benchmarks/encoder_variants encoders=() aligned=""
for variant in masking_statistics masking statistics contrastive no_descriptions rotation gravity_frame; do
    pool --pretraining "$settings/$variant.yaml" --datasets dsads wharf wisdm --out "$made/$variant"
    encoders+=("$variant=$made/$variant")
done
for fold in zerohar-fold1 zerohar-fold2 zerohar-fold3; do
    labelled=(--pretraining "$settings/aligned.yaml" --exclude-unseen "usc-had/$fold")
    pool "${labelled[@]}" --datasets usc-had hapt utd-mhad --out "$made/aligned-$fold"
    aligned+=",$made/aligned-$fold"
done
"$python" benchmarks/encoder_zsl.py --raw "$raw" --datasets usc-had hapt --out benchmarks/encoder_variants.json \
    --encoders "${encoders[@]}" "aligned=${aligned#,}"
exec "$python" benchmarks/rotation_robustness.py --raw "$raw" --turns 3 --out benchmarks/rotation_robustness.json \
    --encoders "$made/rotation" "$made/gravity_frame" resources/encoders/tiny
