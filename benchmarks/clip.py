"""Make `resources/clips/leg.csv`: a minute of one person of DSADS, whom the shipped everyday model never met.

Fifteen seconds each of four activities, felt by the unit at the right leg, with a pause between them, as a phone in a
trouser pocket would record them on different occasions. Values are those of the authors, rounded as they round them.

    python benchmarks/clip.py ~/datasets/dsads
"""

import sys
from pathlib import Path

import numpy as np

from feature_extraction.datasets import get_dataset
from feature_extraction.recordings.recording import Recording

SUBJECT, DEVICE = "8", "right leg"
ACTIVITIES = ("walking in a parking lot", "ascending stairs", "running on a treadmill", "sitting")
STRETCH_S, PAUSE_S = 15, 5
HEADER = "time (s),acc_x (m/s2),acc_y (m/s2),acc_z (m/s2),gyro_x (rad/s),gyro_y (rad/s),gyro_z (rad/s)"
CLIP = Path(__file__).resolve().parents[1] / "resources" / "clips" / "leg.csv"


def main(raw: Path) -> None:
    """Write the clip."""
    spec = get_dataset("dsads")
    found: dict[str, list[np.ndarray]] = {name: [] for name in ACTIVITIES}
    for item in spec.read_files(spec.list_files(raw), spec.class_list()):
        if isinstance(item, Recording) and item.subject == SUBJECT and item.label in found:
            columns = [k for k, c in enumerate(item.channels) if c.device == DEVICE and c.quantity != "mag"]
            found[item.label].append(item.samples[:, columns])
    rows, start_s = [], 0.0
    for name in ACTIVITIES:
        samples = np.concatenate(found[name])[: round(STRETCH_S * spec.rate_hz)]
        rows.append(np.column_stack([start_s + np.arange(len(samples)) / spec.rate_hz, samples]))
        start_s += STRETCH_S + PAUSE_S
    CLIP.parent.mkdir(exist_ok=True)
    np.savetxt(CLIP, np.concatenate(rows), fmt=["%.2f"] + ["%.4g"] * 6, delimiter=",", header=HEADER, comments="")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
