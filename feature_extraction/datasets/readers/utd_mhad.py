"""UTD-MHAD, inertial part: one sensor unit on the right wrist or right thigh, twenty-seven short actions."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from feature_extraction.datasets.files import read_mat, require_finite
from feature_extraction.datasets.spec import DatasetSpec, class_name, find_files, progress
from feature_extraction.descriptions.class_list import ClassList
from feature_extraction.recordings.recording import Recording, Skipped, three_axes
from feature_extraction.windows.cutting import WindowSettings

LAST_WRIST_ACTION = 21


def list_files(raw: Path) -> list[Path]:
    """List the trials in natural order of action, subject, trial."""
    return find_files(raw, ("", "Inertial"), "a*_s*_t*_inertial.mat", UTD_MHAD)


def read_files(files: Sequence[Path], class_list: ClassList) -> Iterator[Recording | Skipped]:
    """Read one recording per trial; the unit sat on the wrist for actions 1-21, on the thigh for 22-27."""
    for path in progress(files, "utd-mhad", "trial"):
        match = re.fullmatch(r"a(\d+)_s(\d+)_t(\d+)_inertial", path.stem)
        if match is None:
            yield Skipped(path.name, "file name is not aX_sY_tZ_inertial.mat")
            continue
        action, subject, _ = match.groups()
        variables = read_mat(path, "d_iner", n_columns=6)
        yield UTD_MHAD.recording(
            samples=require_finite(variables["d_iner"], path),
            name=path.stem.removesuffix("_inertial"),
            subject=subject,
            label=class_name(class_list, action, path),
            placements={"imu": "right wrist" if int(action) <= LAST_WRIST_ACTION else "right thigh"},
        )


UTD_MHAD = DatasetSpec(
    name="utd-mhad",
    title="UTD Multimodal Human Action Dataset (inertial): 8 subjects, 27 actions, wrist or thigh",
    homepage="https://personal.utdallas.edu/~kehtar/UTD-MHAD.html",
    licence="free for research",
    citation="C. Chen, R. Jafari, N. Kehtarnavaz: UTD-MHAD: A Multimodal Dataset for Human Action "
    "Recognition Utilizing a Depth Camera and a Wearable Inertial Sensor. ICIP 2015",
    layout="Inertial/aX_sY_tZ_inertial.mat (action X 1-27, subject Y 1-8, trial Z 1-4)",
    rate_hz=50.0,
    channels=three_axes("imu", "acc", "g") + three_axes("imu", "gyro", "deg/s"),
    windowing=WindowSettings(rate_hz=50.0, window_s=5.0, short_recordings="pad", one_per_recording=True),
    list_files=list_files,
    read_files=read_files,
)
