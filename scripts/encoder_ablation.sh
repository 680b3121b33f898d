#!/usr/bin/env bash
# Usage: encoder_ablation.sh --raw FOLDER, FOLDER with one folder per data set of the benchmark
# Pretrains every variant in benchmarks/encoder_variants on DSADS, WHARF and WISDM, and the aligned one for each fold of
# USC-HAD, on pooled data sets and on USC-HAD alone. Then scores them on USC-HAD, HAPT and UTD-MHAD, which no
# self-supervised variant met: benchmarks/encoder_variants.json. What is there already is not made again.
[[ "${1:-}" == --raw && -d "${2:-}" ]] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
raw=$(realpath "$2") made=resources/runs/encoders/variants
source "$(dirname "$0")/environment.sh"
pool() {
    "$python" -m sadvae_har encoder pool --raw "$raw" "$@"
}
settings=benchmarks/encoder_variants

encoders=()
for variant in masking_statistics masking statistics contrastive no_descriptions rotation gravity_frame; do
    pool --pretraining "$settings/$variant.yaml" --datasets dsads wharf wisdm --out "$made/$variant"
    encoders+=("$variant=$made/$variant")
done
pooled="" alone=""
for fold in zerohar-fold1 zerohar-fold2 zerohar-fold3; do
    labelled=(--pretraining "$settings/aligned.yaml" --exclude-unseen "usc-had/$fold")
    pool "${labelled[@]}" --datasets usc-had hapt utd-mhad --out "$made/aligned-$fold"
    pool "${labelled[@]}" --datasets usc-had --out "$made/aligned-alone-$fold"
    pooled+=",$made/aligned-$fold" alone+=",$made/aligned-alone-$fold"
done
exec "$python" benchmarks/encoder_zsl.py --raw "$raw" --datasets usc-had hapt utd-mhad \
    --out benchmarks/encoder_variants.json --encoders "${encoders[@]}" "aligned=${pooled#,}" "aligned_alone=${alone#,}"
