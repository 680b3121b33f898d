"""USC-HAD: one sensor unit at the front right hip, twelve daily activities."""

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from feature_extraction.datasets.files import read_mat, require_finite
from feature_extraction.datasets.spec import DatasetSpec, class_name, find_files, progress
from feature_extraction.descriptions.class_list import ClassList
from feature_extraction.recordings.recording import Recording, Skipped, three_axes
from feature_extraction.windows.cutting import WindowSettings

logger = logging.getLogger(__name__)


def list_files(raw: Path) -> list[Path]:
    """List the trials in natural order of subject, activity, trial."""
    return find_files(raw, ("", "USC-HAD"), "Subject*/a*t*.mat", USC_HAD)


def read_files(files: Sequence[Path], class_list: ClassList) -> Iterator[Recording | Skipped]:
    """Read one recording per trial.

    The activity is taken from the file name: in `Subject14/a3t2.mat` the number inside is wrong.
    """
    for path in progress(files, "usc-had", "trial"):
        match = re.fullmatch(r"a(\d+)t(\d+)", path.stem)
        subject = path.parent.name.removeprefix("Subject")
        if match is None:
            yield Skipped(f"Subject{subject}/{path.name}", "file name is not aXtY.mat")
            continue
        variables = read_mat(path, "sensor_readings", n_columns=6)
        inside = variables.get("activity_number")
        if inside is not None and inside.size == 1 and str(inside.item()).strip() != match[1]:
            logger.warning("%s says activity %s inside; the file name counts", path, str(inside.item()).strip())
        yield USC_HAD.recording(
            samples=require_finite(variables["sensor_readings"], path),
            name=f"s{subject}_{path.stem}",
            subject=subject,
            label=class_name(class_list, match[1], path),
            placements={"imu": "right hip"},
        )


USC_HAD = DatasetSpec(
    name="usc-had",
    title="USC Human Activity Dataset: 14 subjects, 12 daily activities, hip",
    homepage="https://sipi.usc.edu/had/",
    licence="free for research",
    citation="M. Zhang, A. A. Sawchuk: USC-HAD: A Daily Activity Dataset for Ubiquitous Activity "
    "Recognition Using Wearable Sensors. UbiComp SAGAware workshop, 2012",
    layout="USC-HAD/SubjectN/aXtY.mat (N 1-14, activity X 1-12, trial Y 1-5)",
    rate_hz=100.0,
    channels=three_axes("imu", "acc", "g") + three_axes("imu", "gyro", "deg/s"),
    windowing=WindowSettings(rate_hz=50.0, window_s=5.0, overlap=0.5),
    list_files=list_files,
    read_files=read_files,
)
