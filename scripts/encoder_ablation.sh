#!/usr/bin/env bash
# Usage: encoder_ablation.sh --raw FOLDER, FOLDER with one folder per data set of the benchmark
# Pretrains every variant in benchmarks/encoder_variants twice, on half of the data sets each, so that each data set
# has an encoder that never met it; the aligned variant for each fold of USC-HAD, on pooled data sets and on USC-HAD
# alone. Then scores all of them: benchmarks/encoder_zsl.json. What is there already is not made again.
[[ "${1:-}" == --raw && -d "${2:-}" ]] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
raw=$(realpath "$2") made=resources/runs/encoders/variants
source "$(dirname "$0")/environment.sh"
pool() { "$python" -m sadvae_har encoder pool --raw "$raw" --pretraining "benchmarks/encoder_variants/$1.yaml" "${@:2}"; }

specifications=()
for variant in masking_statistics masking statistics contrastive no_descriptions rotation; do
    pool "$variant" --datasets dsads wharf wisdm --out "$made/$variant-1"
    pool "$variant" --datasets usc-had hapt utd-mhad --out "$made/$variant-2"
    specifications+=("$variant=$made/$variant-1,$made/$variant-2")
done
aligned="" alone=""
for fold in zerohar-fold1 zerohar-fold2 zerohar-fold3; do
    pool aligned --datasets usc-had hapt utd-mhad --exclude-unseen "usc-had/$fold" --out "$made/aligned-$fold"
    pool aligned --datasets usc-had --exclude-unseen "usc-had/$fold" --out "$made/aligned-alone-$fold"
    aligned+=",$made/aligned-$fold" alone+=",$made/aligned-alone-$fold"
done
"$python" benchmarks/encoder_zsl.py --raw "$raw" --out benchmarks/encoder_zsl.json --encoders \
    "${specifications[@]}" "aligned=${aligned#,}" "aligned_alone=${alone#,}"
