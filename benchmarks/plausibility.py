"""How often doubts about recordings are right: every recording of nine real data sets, in right and in wrong units.

    python benchmarks/plausibility.py --raw RAW --out benchmarks/plausibility.json    # RAW: one folder a data set

Each recording is looked at alone, once as its authors say it was recorded and once in each wrong way, such as g that is
called m/s². A question or an error about the first is wrong, about the others right.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.signal import butter, sosfiltfilt

from feature_extraction.datasets import DATASETS
from feature_extraction.own_files.plausibility import ONE_G, Doubt, Examination
from feature_extraction.recordings.clock import merge_on_time
from feature_extraction.recordings.recording import Channel, Recording, three_axes
from feature_extraction.recordings.signal import FACTORS
from feature_extraction.storage.files import write_text

READERS = ("dsads", "hapt", "usc-had", "utd-mhad", "watch", "wharf", "wisdm")
UMAFALL_TAGS = {"0": "right pocket", "1": "chest", "2": "waist", "3": "wrist", "4": "ankle"}
BERKELEY_PLACES = ("left wrist", "right wrist", "left hip", "right hip", "left ankle", "right ankle")
LONGEST_PAUSE_S = 0.5
Streams = Sequence[tuple[np.ndarray, np.ndarray]]


def read_recordings(dataset: str, raw: Path) -> Iterator[Recording]:
    """Yield every recording of a data set in the units of its authors."""
    if dataset in READERS:
        items = DATASETS[dataset].read(None if dataset == "watch" else raw / dataset)
        yield from (item for item in items if isinstance(item, Recording))
    else:
        yield from {"umafall": read_umafall, "sp-sw-har": read_sp_sw_har, "berkeley-mhad": read_berkeley}[dataset](
            raw / dataset
        )


def pieces(
    streams: Streams, channels: Sequence[Channel], rate_hz: float, dataset: str, name: str
) -> Iterator[Recording]:
    """Yield the stretches in which all streams (seconds, values) have data, a second long or more."""
    device = channels[0].device
    for number, (_, samples) in enumerate(merge_on_time(streams, rate_hz, LONGEST_PAUSE_S)):
        if len(samples) >= rate_hz:
            piece = f"{name} {device} #{number}"
            yield Recording(samples, tuple(channels), rate_hz, dataset, piece, "1", "any", {device: device})


def read_umafall(raw: Path) -> Iterator[Recording]:
    """Yield each sensor of each trial; the phone's stamps repeat, so that its rows are taken as evenly spaced."""
    row = re.compile(r"(\d+);(\d+);(-?[\d.]+(?:E-?\d+)?);(-?[\d.]+(?:E-?\d+)?);(-?[\d.]+(?:E-?\d+)?);([012]);([0-4]);*")
    for path in sorted(raw.rglob("UMAFall_Subject_*.csv")):
        found: dict[tuple[str, str], list[list[float]]] = {}
        for match in map(row.fullmatch, path.read_text(errors="replace").replace(" ", "").splitlines()):
            if match and all(text.count(".") <= 1 for text in match.groups()[2:5]):
                found.setdefault((match[7], match[6]), []).append([float(text) for text in match.groups()[:5]])
        for tag, place in UMAFALL_TAGS.items():
            parts = [np.array(found[tag, kind]) for kind in "01" if (tag, kind) in found]
            channels = three_axes(place, "acc", "g") + three_axes(place, "gyro", "deg/s")
            if not parts or (tag, "0") not in found or any(len(part) < 40 for part in parts):
                continue
            phone = tag == "0"
            streams = [(part[:, 1] / 200 if phone else part[:, 0] / 1000, part[:, 2:]) for part in parts]
            yield from pieces(streams, channels[: 3 * len(parts)], 200.0 if phone else 20.0, "umafall", path.stem)


def read_sp_sw_har(raw: Path) -> Iterator[Recording]:
    """Yield phone and watch of each execution; the first second has the stamps of a sensor that starts."""
    for path in sorted(raw.rglob("s??_??_s?.csv")):
        values = np.loadtxt(path, delimiter=",", skiprows=1, usecols=range(7))
        device = "phone" if path.stem.endswith("sp") else "watch"
        channels = three_axes(device, "acc", "m/s2") + three_axes(device, "gyro", "rad/s")
        yield from pieces(
            [((values[:, 6] - values[0, 6]) / 1000, values[:, :6])], channels, 100.0, "sp-sw-har", path.stem
        )


def read_berkeley(raw: Path) -> Iterator[Recording]:
    """Yield each unit of each trial; the stamps come in bursts, so that rows are spaced evenly over the trial."""
    for unit, place in enumerate(BERKELEY_PLACES, start=1):
        for path in sorted((raw / "Accelerometer" / f"Shimmer{unit:02d}").glob("acc_*.txt")):
            values = np.loadtxt(path, ndmin=2)
            if len(values) >= 30:
                channels = three_axes(place, "acc", "g")
                yield Recording(values[:, :3], channels, 30.0, "berkeley-mhad", path.stem, "1", "any", {place: place})


def in_wrong_ways(recording: Recording) -> Iterator[tuple[str, Recording]]:
    """Yield what a recording becomes where somebody errs, each with the name of the error."""
    units = {"acc": ("g", "m/s2", "mg", "1/64 g", "1/8192 g"), "gyro": ("rad/s", "deg/s")}
    for quantity in dict.fromkeys(c.quantity for c in recording.channels if c.quantity in units):
        own = next(c.unit for c in recording.channels if c.quantity == quantity)
        for unit in units[quantity]:
            if unit == own:
                continue
            if unit in FACTORS[quantity]:
                yield f"{quantity} said in {unit}, is in {own}", _called(recording, quantity, unit, 1.0)
            if quantity == "acc" and unit in ONE_G:
                factor = ONE_G[unit] / ONE_G[own]
                yield f"acc said in {own}, is in {unit}", _called(recording, quantity, own, factor)
    acc = [i for i, c in enumerate(recording.channels) if c.quantity == "acc"]
    yield (
        "gravity taken out (0.3 Hz)",
        _changed(recording, acc, _without_gravity(recording.samples[:, acc], recording.rate_hz)),
    )
    for factor in (10.0, 5.0, 0.1):
        yield f"rate said {factor:g} times what it is", replace(recording, rate_hz=recording.rate_hz * factor)
    y_of_acc = acc[1::3]
    half = np.where(np.arange(len(recording.samples)) < len(recording.samples) / 2, 1.0, 0.0)[:, None]
    yield "y of acc is zero", _changed(recording, y_of_acc, 0.0)
    yield "y of acc ends half-way", _changed(recording, y_of_acc, recording.samples[:, y_of_acc] * half)
    yield "y of acc is x", _changed(recording, y_of_acc, recording.samples[:, acc[::3]])


def _called(recording: Recording, quantity: str, unit: str, factor: float) -> Recording:
    """Return a recording whose sensor is said to have a unit, its values multiplied by a factor."""
    scale = np.array([factor if c.quantity == quantity else 1.0 for c in recording.channels])
    channels = tuple(replace(c, unit=unit) if c.quantity == quantity else c for c in recording.channels)
    return replace(recording, channels=channels, samples=recording.samples * scale)


def _changed(recording: Recording, columns: Sequence[int], values: np.ndarray | float) -> Recording:
    samples = recording.samples.copy()
    samples[:, columns] = values
    return replace(recording, samples=samples)


def _without_gravity(acc: np.ndarray, rate_hz: float) -> np.ndarray:
    """Take out what is slower than 0.3 Hz, as phones do (Anguita et al. 2013)."""
    filter_ = butter(3, 0.3, "highpass", fs=rate_hz, output="sos")
    return sosfiltfilt(filter_, acc, axis=0, padlen=min(len(acc) - 1, int(3 * rate_hz)))


def examine(recording: Recording) -> list[Doubt]:
    """Return the doubts about one recording."""
    examination = Examination(recording.channels, recording.rate_hz)
    examination.add(recording.samples)
    return examination.doubts()


def worst(doubts: Sequence[Doubt]) -> str:
    """Return the gravest severity."""
    return doubts[0].severity if doubts else "none"


def count(recordings: Sequence[Recording], step: int) -> dict[str, dict[str, int]]:
    """Count recordings by their gravest doubt: all of them as they are, every `step`-th in each wrong way."""
    counts: dict[str, Counter[str]] = {"as recorded": Counter()}
    for number, recording in enumerate(recordings):
        found = examine(recording)
        counts["as recorded"][worst(found)] += 1
        for doubt in found:
            if doubt.severity != "note":
                print(f"  {recording.dataset}/{recording.name}: {doubt}", flush=True)
        for name, wrong in in_wrong_ways(recording) if number % step == 0 else ():
            counts.setdefault(name, Counter())[worst(examine(wrong))] += 1
    order = ("error", "question", "note", "none")
    return {name: {key: counter[key] for key in order} for name, counter in counts.items()}


def main() -> None:
    """Examine every data set that is there; print and write the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, required=True, help="folder that holds a folder of each data set")
    parser.add_argument("--out", type=Path, default=None, help="JSON file to write")
    parser.add_argument("--step", type=int, default=1, help="try the wrong ways on every so many-th recording only")
    arguments = parser.parse_args()
    result = {}
    for dataset in (*READERS, "umafall", "sp-sw-har", "berkeley-mhad"):
        recordings = list(read_recordings(dataset, arguments.raw))
        result[dataset] = count(recordings, arguments.step)
        print(f"{dataset}: {len(recordings)} recordings, {sum(r.duration_s for r in recordings) / 3600:.1f} h")
        for name, found in result[dataset].items():
            asked, total = found["error"] + found["question"], sum(found.values())
            print(
                f"  {name:40} asked about {asked:5} of {total:5} ({asked / total:4.0%}), notes {found['note']}",
                flush=True,
            )
    if arguments.out is not None:
        write_text(arguments.out, json.dumps({"step": arguments.step, "counts": result}, indent=1) + "\n")


if __name__ == "__main__":
    main()
