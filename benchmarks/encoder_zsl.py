"""Zero-shot accuracy on the benchmark's splits with each encoder's features, against the statistical ones.

    python benchmarks/encoder_zsl.py --raw FOLDER --encoders pooled=FOLDER,FOLDER [masking=FOLDER,FOLDER ...]
        [--transductive pooled] [--processes 2] [--out benchmarks/encoder_zsl.json]

A named encoder is one or more folders; for each data set the first one that has met nothing of it is used. So two
encoders that were each pretrained on half of the data sets serve all of them. Each is scored alone and beside the
statistical features, by the whole system with its defaults and seed 0. A name after --transductive is scored with
an encoder that did meet the data set, unlabelled, its unseen classes included (never its test subjects); such rows
are marked and are no zero-shot results. FOLDER holds the raw recordings of each data set in a folder of its name.
"""

import argparse
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed

from feature_extraction.encoder_features import extract_loaded, load_encoder
from feature_extraction.errors import InputError
from feature_extraction.extract import extract_statistical
from feature_extraction.feature_table import FeatureTable, concatenate
from feature_extraction.prepare import prepare
from feature_extraction.protocol import find_split, list_splits
from sadvae_har.benchmark import HEADLINE
from sadvae_har.benchmark_methods import OURS, run_ours
from sadvae_har.config import Config
from sadvae_har.pipeline import RESOURCES, Locations, load_text
from sadvae_har.problem import make_problem

STATISTICAL = "statistical"
TRANSDUCTIVE = "transductive"


def choose_encoder(folders: Sequence[Path], dataset: str, met: bool) -> Path | None:
    """Return the first encoder that has met a data set, or that has not; none if there is no such one."""
    for folder in folders:
        datasets = {entry.dataset for entry in load_encoder(str(folder)).provenance}
        if (dataset in datasets) == met:
            return folder
    return None


def feature_tables(
    dataset: str, encoders: Mapping[str, Sequence[Path]], transductive: Sequence[str], raw: Path, resources: Path
) -> dict[str, FeatureTable]:
    """Return the feature tables to score on a data set, by name."""
    windows = prepare(dataset, raw / dataset, out=resources / "windows")
    scratch = resources / "imu_feats" / dataset / windows.key
    statistical = extract_statistical(windows, scratch / "statistical-encoder-zsl.npz")
    tables = {STATISTICAL: statistical}
    for name, folders in encoders.items():
        for met in (False, True) if name in transductive else (False,):
            folder = choose_encoder(folders, dataset, met)
            if folder is None:
                continue
            found = extract_loaded(windows, load_encoder(str(folder), resources / "text_feats"), scratch)
            found = replace(found, provenance=()) if met else found  # the only place that lets such features through
            label = f"{name}, {TRANSDUCTIVE}" if met else name
            tables |= {label: found, f"{STATISTICAL} + {label}": concatenate([statistical, found])}
    return tables


def score(table: FeatureTable, dataset: str, split_name: str, resources: Path) -> dict[str, float]:
    """Return per-class top-1 of zero-shot and H of generalised zero-shot prediction, in per cent."""
    torch.set_num_threads(1)
    split = find_split(dataset, split_name)
    config = Config(dataset=dataset, split=split_name)
    problem = make_problem(table, split, load_text(config, split, Locations(resources=resources)))
    found = next(entry for entry in run_ours(problem, config, (0,)) if entry.method == OURS)
    assert found.zsl is not None and found.gzsl is not None and found.inner_top1 is not None
    return {
        "top1": round(100 * found.zsl["top1"], 2),
        "h": round(100 * found.gzsl["h"], 2),
        "inner_top1": round(100 * found.inner_top1, 2),
    }


def summary(rows: Sequence[Mapping[str, object]]) -> str:
    """Return a Markdown table: top-1 by data set, their mean, the spread over splits, mean H and inner folds."""
    names = list(dict.fromkeys(str(row["features"]) for row in rows))
    datasets = list(dict.fromkeys(str(row["dataset"]) for row in rows))
    lines = [
        f"| features | {' | '.join(datasets)} | mean top-1 | sd over splits | mean H | inner folds |",
        "|---" * (5 + len(datasets)) + "|",
    ]
    for name in names:
        own = [row for row in rows if row["features"] == name]
        means = {
            key: [float(np.mean([row[key] for row in own if row["dataset"] == d])) for d in datasets]  # type: ignore[arg-type]
            if {row["dataset"] for row in own} == set(datasets)
            else None
            for key in ("top1", "h", "inner_top1")
        }
        cells = []
        for dataset in datasets:
            values = [row["top1"] for row in own if row["dataset"] == dataset]
            cells.append(f"{np.mean(values):.1f}" if values else "–")  # type: ignore[arg-type]
        spread = float(np.std([row["top1"] for row in own]))  # type: ignore[arg-type]
        mean = [f"{np.mean(found):.1f}" if found else "–" for found in means.values()]
        lines.append(f"| {name} | {' | '.join(cells)} | {mean[0]} | {spread:.1f} | {mean[1]} | {mean[2]} |")
    return "\n".join(lines)


def parse_encoder(text: str) -> tuple[str, tuple[Path, ...]]:
    """Read `NAME=FOLDER,FOLDER`."""
    name, sign, folders = text.partition("=")
    if not (name and sign and folders):
        raise InputError(f"--encoders: {text!r} cannot be read; write NAME=FOLDER or NAME=FOLDER,FOLDER")
    return name, tuple(Path(folder).resolve() for folder in folders.split(","))


def main() -> None:
    """Score and print; write JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, required=True, help="folder of raw recordings, a folder for each data set")
    parser.add_argument("--encoders", nargs="+", required=True, help="NAME=FOLDER[,FOLDER...]")
    parser.add_argument("--transductive", nargs="*", default=[], help="names to score on data sets they met as well")
    parser.add_argument("--datasets", nargs="+", default=list(HEADLINE), help="data sets of the benchmark")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--resources", type=Path, default=RESOURCES, help="where windows, features and texts are kept")
    parser.add_argument("--out", type=Path, help="also write the rows to this JSON file")
    options = parser.parse_args()
    logging.getLogger("sadvae_har").setLevel(logging.WARNING)
    encoders = dict(map(parse_encoder, options.encoders))
    rows: list[dict[str, object]] = []
    for dataset in options.datasets:
        tables = feature_tables(dataset, encoders, options.transductive, options.raw, options.resources)
        jobs = [(name, split) for split in list_splits(dataset, kind=HEADLINE[dataset]) for name in tables]
        found = Parallel(n_jobs=options.processes)(
            delayed(score)(tables[name], dataset, split, options.resources) for name, split in jobs
        )
        rows += [
            {"dataset": dataset, "split": split, "features": name, **numbers}
            for (name, split), numbers in zip(jobs, found, strict=True)
        ]
        print(summary([row for row in rows if row["dataset"] == dataset]), flush=True)
    print(summary(rows))
    if options.out:
        lines = ",\n".join(json.dumps(row) for row in rows)
        options.out.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
