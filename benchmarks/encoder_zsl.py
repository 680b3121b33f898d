"""Zero-shot accuracy on the benchmark's splits with each encoder's features, against the statistical ones.

    python benchmarks/encoder_zsl.py --raw FOLDER --encoders pooled=FOLDER,FOLDER [masking=FOLDER,FOLDER ...]
        [--transductive pooled] [--processes 2] [--out benchmarks/encoder_zsl.json]

A named encoder is one or more folders; for each split the first one is used that its provenance allows. So two
encoders that were each pretrained on half of the data sets serve all of them. Each is scored alone and beside the
statistical features, by the whole system with its defaults and seed 0. A name after --transductive is scored once
more with an encoder that did meet the data set, unlabelled, its unseen classes included (never its test subjects);
such rows are marked and are no zero-shot results. Rows that the file of --out holds are not made again. FOLDER holds
the raw recordings of each data set in a folder of its name.
"""

import argparse
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed

from feature_extraction.datasets.prepare import prepare
from feature_extraction.encoders.statistical.features import VERSION
from feature_extraction.errors import InputError, LeakageError
from feature_extraction.features.encoder_blocks import PREFIX, extract_loaded, load_encoder
from feature_extraction.features.extract import extract_statistical
from feature_extraction.features.table import FeatureTable, concatenate
from feature_extraction.protocol.split import Split, find_split, list_splits
from feature_extraction.storage.files import write_text
from feature_extraction.storage.places import RESOURCES
from feature_extraction.windows.window_set import WindowSet
from sadvae_har.benchmark.jobs import HEADLINE
from sadvae_har.benchmark.ours import OURS, run_ours
from sadvae_har.config.settings import Config
from sadvae_har.experiment.inputs import Locations, load_text
from sadvae_har.experiment.problem import make_problem

Row = Mapping[str, Any]
STATISTICAL = "statistical"
TRANSDUCTIVE = "transductive"


def choose_encoder(folders: Sequence[Path], split: Split) -> Path | None:
    """Return the first encoder that may be used on a split; none if each has met too much."""
    for folder in folders:
        with suppress(LeakageError):
            split.check_provenance(load_encoder(PREFIX + str(folder)).provenance, str(folder))
            return folder
    return None


def choose_transductive(folders: Sequence[Path], split: Split) -> Path | None:
    """Return the first encoder that met the split's data set without labels; none if there is no such one."""
    for folder in folders:
        provenance = load_encoder(PREFIX + str(folder)).provenance
        if not any(entry.labelled for entry in provenance) and split.dataset in {e.dataset for e in provenance}:
            return folder
    return None


def feature_tables(
    windows: WindowSet,
    split: Split,
    encoders: Mapping[str, Sequence[Path]],
    transductive: Sequence[str],
    resources: Path,
) -> dict[str, FeatureTable]:
    """Return the feature tables to score on a split, by name."""
    scratch = resources / "imu_feats" / windows.dataset / windows.key
    statistical = extract_statistical(windows, scratch / f"statistical-v{VERSION}.npz")
    tables = {STATISTICAL: statistical}
    chosen = {name: choose_encoder(folders, split) for name, folders in encoders.items()}
    chosen |= {f"{name}, {TRANSDUCTIVE}": choose_transductive(encoders[name], split) for name in transductive}
    for name, folder in chosen.items():
        if folder is None:
            continue
        found = extract_loaded(windows, load_encoder(PREFIX + str(folder), resources / "text_feats"), scratch)
        if name not in encoders:
            found = replace(found, provenance=())  # the only place that lets such features through
        tables |= {name: found, f"{STATISTICAL} + {name}": concatenate([statistical, found])}
    return tables


def score(table: FeatureTable, split: Split, resources: Path) -> dict[str, float]:
    """Return per-class top-1 of zero-shot and H of generalised zero-shot prediction, in per cent."""
    torch.set_num_threads(1)
    config = Config(dataset=split.dataset, split=split.name)
    problem = make_problem(table, split, load_text(config, split, Locations(resources=resources)))
    found = next(entry for entry in run_ours(problem, config, (0,)) if entry.method == OURS)
    assert found.zsl is not None and found.gzsl is not None and found.inner_top1 is not None
    return {
        "top1": round(100 * found.zsl["top1"], 2),
        "h": round(100 * found.gzsl["h"], 2),
        "inner_top1": round(100 * found.inner_top1, 2),
    }


def summary(rows: Sequence[Row]) -> str:
    """Return a Markdown table: top-1 by data set; means of top-1, its spread over splits, H, inner folds."""
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    heads = ["features", *datasets, "mean top-1", "sd over splits", "mean H", "inner folds"]
    lines = [f"| {' | '.join(heads)} |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    for name in dict.fromkeys(row["features"] for row in rows):
        found = [[row for row in rows if (row["features"], row["dataset"]) == (name, d)] for d in datasets]
        cells = [f"{np.mean([row['top1'] for row in some]):.1f}" if some else "–" for some in found]
        for key, reduce in (("top1", np.mean), ("top1", np.std), ("h", np.mean), ("inner_top1", np.mean)):
            values = [reduce([row[key] for row in some]) for some in found if some]
            cells.append(f"{np.mean(values):.1f}" if all(found) else "–")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def label_of(split: Split, features: str, table: FeatureTable) -> dict[str, Any]:
    """Return what a row is about: it is scored again if its encoder changes."""
    return {"dataset": split.dataset, "split": split.name, "features": features, "encoders": dict(table.encoders)}


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
    rows: list[Row] = json.loads(options.out.read_text()) if options.out and options.out.exists() else []
    for dataset in options.datasets:
        windows = prepare(dataset, options.raw / dataset, out=options.resources / "windows")
        jobs = []
        for name in list_splits(dataset, kind=HEADLINE[dataset]):
            split = find_split(dataset, name)
            tables = feature_tables(windows, split, encoders, options.transductive, options.resources)
            jobs += [(label_of(split, features, table), split, table) for features, table in tables.items()]
        missing = [job for job in jobs if not any(job[0].items() <= row.items() for row in rows)]
        found = Parallel(n_jobs=options.processes)(
            delayed(score)(table, split, options.resources) for _, split, table in missing
        )
        rows += [{**label, **numbers} for (label, _, _), numbers in zip(missing, found, strict=True)]
        print(summary([row for row in rows if row["dataset"] == dataset]), flush=True)
        if options.out:
            lines = ",\n".join(json.dumps(row) for row in rows)
            write_text(options.out, f"[\n{lines}\n]\n")
    print(summary(rows))


if __name__ == "__main__":
    main()
