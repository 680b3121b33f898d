"""One row of the results file of the benchmark."""

from sadvae_har.benchmark.rows import ResultRow

ROW = ResultRow(
    key="k",
    dataset="dsads",
    split="random-1",
    kind="random",
    method="ridge",
    group="rival",
    seed=0,
    setting="Ridge(1.0)",
    n_seen=14,
    n_unseen=5,
    chance=0.2,
    zsl={"top1": 0.5, "low": 0.4, "high": 0.6, "accuracy": 0.5, "macro_f1": 0.5},
    gzsl=None,
    by_subject={"7": 0.5},
    inner_top1=0.6,
    seconds=1.5,
)
