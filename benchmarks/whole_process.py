"""Whole-process time and peak memory of the commands that people wait for.

    python benchmarks/whole_process.py --usc-had FOLDER [--out benchmarks/whole_process.json]

Runs, each as a process of its own: all four stages on one DSADS split from its committed feature table,
the same with the published recipe beside it, and (with --usc-had) preparing USC-HAD from raw files, cold
and warm. The published recipe's extra time gives the ratio reported.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "resources" / "feature_tables" / "dsads.npz"


def measure(arguments: list[str]) -> dict[str, float]:
    """Run one command of the project; return wall and processor seconds and peak MiB.

    Raises:
        SystemExit: The command failed.
    """
    command = [sys.executable, "-m", "sadvae_har", *arguments]
    started = time.perf_counter()
    pid = os.posix_spawn(sys.executable, command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)}: failed with status {status}")
    return {
        "wall_s": round(time.perf_counter() - started, 2),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mib": round(usage.ru_maxrss / 1024, 1),
    }


def main() -> None:
    """Measure and print; write JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--usc-had", type=Path, help="folder of the raw USC-HAD recordings")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    options = parser.parse_args()
    os.chdir(ROOT)
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        quick = ["run", "--dataset", "dsads", "--split", "random-1", "--feature-table", str(TABLE)]
        results["four stages, DSADS split"] = measure([*quick, "--out", f"{scratch}/ours"])
        reference = ["--reference", "reference_har.yaml"]
        results["the same + published recipe"] = measure([*quick, *reference, "--out", f"{scratch}/both"])
        if options.usc_had:
            prepare = ["data", "prepare", "usc-had", "--raw", str(options.usc_had), "--resources", scratch]
            results["prepare USC-HAD, cold"] = measure(prepare)
            results["prepare USC-HAD, warm"] = measure(prepare)
    width = max(map(len, results))
    for name, figures in results.items():
        print(f"{name:{width}}  " + "  ".join(f"{key} {value:8.2f}" for key, value in figures.items()))
    if options.out:
        options.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
