"""Tiny data sets in the layouts of their authors: a few seconds of gravity and a sine of known frequency."""

from pathlib import Path

import numpy as np
from scipy.io import savemat


def swing(n_samples: int, rate_hz: float, frequency_hz: float = 2.0, n_columns: int = 6, gravity: float = 1.0):
    """Return [T, n_columns]: gravity plus a sine of amplitude 0.1 on z, the same sine on column 3 if there is one."""
    wave = 0.1 * np.sin(2 * np.pi * frequency_hz * np.arange(n_samples) / rate_hz)
    samples = np.zeros((n_samples, n_columns))
    samples[:, 2] = gravity + wave
    if n_columns > 3:
        samples[:, 3] = wave
    return samples


def write_usc_had(raw: Path, subjects=(1, 2), activities=(1, 8, 12), trials=(1, 2), seconds: float = 12.0) -> Path:
    """Write USC-HAD/SubjectN/aXtY.mat; `Subject14/a3t2` says activity 2 inside, as in the original."""
    for subject in subjects:
        folder = raw / "USC-HAD" / f"Subject{subject}"
        folder.mkdir(parents=True, exist_ok=True)
        for activity in activities:
            for trial in trials:
                inside = 2 if (subject, activity, trial) == (14, 3, 2) else activity
                matrix = swing(round(seconds * 100), 100.0)
                content = {"sensor_readings": matrix, "activity_number": str(inside), "subject": str(subject)}
                savemat(folder / f"a{activity}t{trial}.mat", content)
    return raw


def write_dsads(raw: Path, activities=(1, 9), subjects=(1, 2), n_segments: int = 3) -> Path:
    """Write data/aXX/pY/sZZ.txt; the first column counts samples through the segments of a recording."""
    for activity in activities:
        for subject in subjects:
            folder = raw / "data" / f"a{activity:02d}" / f"p{subject}"
            folder.mkdir(parents=True, exist_ok=True)
            for segment in range(n_segments):
                values = np.full((125, 45), 0.5)
                values[:, 0] = np.arange(125) + 125 * segment
                write_segment(folder / f"s{segment + 1:02d}.txt", values)
    return raw


def write_segment(path: Path, values: np.ndarray) -> None:
    """Write one DSADS segment with three decimals."""
    np.savetxt(path, values, fmt="%.3f", delimiter=",")


def write_hapt(raw: Path, stretches=((5, 11, 260), (1, 300, 700), (7, 701, 790))) -> Path:
    """Write RawData of two experiments; stretches are (class, first, last) counted from 1, last included."""
    folder = raw / "RawData"
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for experiment, user in ((1, 1), (2, 3)):
        samples = swing(800, 50.0)
        samples[:, 0] = np.arange(1, 801) / 1000  # counts samples from 1
        for sensor, part in (("acc", samples[:, :3]), ("gyro", samples[:, 3:])):
            np.savetxt(folder / f"{sensor}_exp{experiment:02d}_user{user:02d}.txt", part)
        lines += [f"{experiment} {user} {code} {first} {last}" for code, first, last in stretches]
    (folder / "labels.txt").write_text("\n".join(lines) + "\n")
    return raw


def write_utd_mhad(raw: Path, actions=(1, 22), subjects=(1, 2), trials=(1, 2), seconds: float = 3.0) -> Path:
    """Write Inertial/aX_sY_tZ_inertial.mat."""
    folder = raw / "Inertial"
    folder.mkdir(parents=True, exist_ok=True)
    for action in actions:
        for subject in subjects:
            for trial in trials:
                content = {"d_iner": swing(round(seconds * 50), 50.0)}
                savemat(folder / f"a{action}_s{subject}_t{trial}_inertial.mat", content)
    return raw


def write_wharf(raw: Path, activities=("Walk", "Drink_glass"), volunteers=("f1", "m2"), seconds: float = 9.0) -> Path:
    """Write WHARF Data Set/Data/<Activity>/Accelerometer-*.txt, and a MODELS folder that is no recording."""
    data = raw / "WHARF Data Set" / "Data"
    codes = np.tile([63, 0, 52], (round(seconds * 32), 1))
    for activity in activities:
        (data / activity).mkdir(parents=True, exist_ok=True)
        for number, volunteer in enumerate(volunteers):
            name = f"Accelerometer-2012-05-25-18-35-{number:02d}-{activity.lower()}-{volunteer}.txt"
            np.savetxt(data / activity / name, codes, fmt="%d")
    models = data / "MODELS" / "Walk_MODEL"
    models.mkdir(parents=True, exist_ok=True)
    np.savetxt(models / "Accelerometer-2012-05-25-18-35-48-walk-f1.txt", codes, fmt="%d")
    return raw


def write_wisdm(raw: Path, subjects=(1600, 1601), codes=("A", "D"), seconds: float = 12.0) -> Path:
    """Write raw/watch/{accel,gyro}: separate clocks, gyro starts 0.3 s later, a block repeated at the end."""
    for sensor, start_s in (("accel", 0.0), ("gyro", 0.3)):
        folder = raw / "wisdm-dataset" / "raw" / "watch" / sensor
        folder.mkdir(parents=True, exist_ok=True)
        for subject in subjects:
            lines = []
            for number, code in enumerate(codes):
                times = 1000.0 * number + start_s + np.arange(round(seconds * 20.03)) / 20.03
                wave = 9.81 + np.sin(2 * np.pi * 2.0 * times) if sensor == "accel" else np.cos(2 * np.pi * 2.0 * times)
                rows = [
                    f"{subject},{code},{round(t * 1e9) + 10**14},0.0,0.0,{v:.6f};"
                    for t, v in zip(times, wave, strict=True)
                ]
                lines += rows
            lines += rows[:50]  # the last activity's first block once more
            (folder / f"data_{subject}_{sensor}_watch.txt").write_text("\n".join(lines) + "\n")
    return raw


UMAFALL_HEADER = """% Universidad de Malaga - ETSI de Telecomunicacion (Spain)
% ID: Subject_01_ADL_Walking_2

% MAC Address; Sensor_ID; Position; Device Model
%f8:95:c7:f3:ba:82; 0; RIGHTPOCKET; lge-LG-H815-5.1

% TimeStamp; Sample No; X-Axis; Y-Axis; Z-Axis; Sensor Type; Sensor ID;
"""


def write_umafall(
    raw: Path,
    subjects=(1, 2),
    activities=("ADL_Walking", "Fall_forwardFall"),
    trials=(1, 2),
    seconds: float = 15.0,
    sensors=(0, 1, 2, 3, 4),
) -> Path:
    """Write UMAFall_Dataset/UMAFall_Subject_*.csv: a phone in bursts of eight rows of one stamp, tags at 20 Hz."""
    folder = raw / "UMAFall_Dataset"
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for sensor in sensors:
        rate_hz, burst = (200, 8) if sensor == 0 else (20, 1)
        n_samples = round(seconds * rate_hz)
        motion = swing(n_samples, rate_hz)
        arrivals = np.minimum(np.arange(n_samples) // burst * burst + burst - 1, n_samples - 1) * 1000 // rate_hz
        kinds = (motion[:, :3],) if sensor == 0 else (motion[:, :3], 100 * motion[:, 3:], np.full((n_samples, 3), 30.5))
        for kind, values in enumerate(kinds):
            for number, (stamp, xyz) in enumerate(zip(arrivals, values, strict=True), start=1):
                rows.append(f"{stamp};{number};" + ";".join(f"{value:.16f}" for value in xyz) + f";{kind};{sensor}")
    rows.sort(key=lambda row: int(row.split(";")[0]))
    for subject in subjects:
        for activity in activities:
            for trial in trials:
                name = f"UMAFall_Subject_{subject:02d}_{activity}_{trial}_2016-06-06_16-37-{trial:02d}.csv"
                (folder / name).write_text(UMAFALL_HEADER + "\n".join(rows) + "\n")
    return raw


SP_SW_LABELS = (("SEATED", 2.0), ("STANDING_UP", 1.5), ("WALKING", 4.0), ("SITTING_DOWN", 1.5))


def write_sp_sw_har(raw: Path, subjects=(1, 2), executions=(1, 2), labels=SP_SW_LABELS) -> Path:
    """Write DATA/sNN/sNN_EE_{sp,sw}.csv: stamps that repeat, and a watch that starts half a second later."""
    ends = np.cumsum([seconds for _, seconds in labels])
    for device, start_s in (("sp", 0.0), ("sw", 0.5)):
        times = start_s + np.arange(round((ends[-1] - start_s) * 103)) / 103
        motion = swing(len(times), 103.0, gravity=9.81)
        names = [labels[k][0] for k in np.searchsorted(ends, times, "right")]
        stamps = 1657534258000 + np.floor(times * 1000 / 20).astype(int) * 20 + 20  # two rows a stamp
        rows = [
            ",".join(f"{value:.6f}" for value in row) + f",{stamp},{name}"
            for row, stamp, name in zip(motion, stamps, names, strict=True)
        ]
        text = "x_acc,y_acc,z_acc,x_gyro,y_gyro,z_gyro,timestamp,label\n" + "\n".join(rows) + "\n"
        for subject in subjects:
            folder = raw / "DATA" / f"s{subject:02d}"
            folder.mkdir(parents=True, exist_ok=True)
            for execution in executions:
                (folder / f"s{subject:02d}_{execution:02d}_{device}.csv").write_text(text)
    (raw / "DATA" / "executions_info.csv").write_text("execution_id,orientation,first_turn,second_turn\n")
    return raw


def write_berkeley_mhad(
    raw: Path, subjects=(1, 2), actions=(1, 6), repetitions=(1, 2), units=(1, 2, 3, 4, 5, 6), seconds: float = 6.0
) -> Path:
    """Write Accelerometer/ShimmerNN/acc_*.txt; the number of the unit stands on x, rows arrive two at a time."""
    n_samples = round(seconds * 31.2)
    arrivals = 1309541873.5 + np.arange(n_samples) // 2 * 2 / 31.2 + np.arange(n_samples) % 2 * 0.001
    for unit in units:
        folder = raw / "Accelerometer" / f"Shimmer{unit:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        samples = swing(n_samples, 31.2, n_columns=3)
        samples[:, 0] = unit / 100
        lines = [f"{x:.6f} {y:.6f} {z:.6f} {time:.6f}" for (x, y, z), time in zip(samples, arrivals, strict=True)]
        for subject in subjects:
            for action in actions:
                for repetition in repetitions:
                    name = f"acc_h{unit:02d}_s{subject:02d}_a{action:02d}_r{repetition:02d}.txt"
                    (folder / name).write_text("\n".join(lines) + "\n")
    return raw


CUSTOM_YAML = """
dataset: kitchen
files: recordings/*.csv
rate_hz: 50
columns: {wrist.acc_x: ax, wrist.acc_y: ay, wrist.acc_z: az}
units: {acc: g}
label: {column: activity}
subject: {pattern: '_p([0-9]+)'}
ignore_labels: [none]
classes:
  stirring: {sentence: A person stirs a pot with slow round movements.}
  chopping: {code: C, sentence: A person chops vegetables with short quick strokes.}
"""


def write_custom(folder: Path, yaml: str = CUSTOM_YAML, n_rows: int = 1500) -> Path:
    """Write two CSV files (stirring, none, chopping) and their dataset.yaml; return the path of the YAML."""
    (folder / "recordings").mkdir(parents=True, exist_ok=True)
    labels = np.repeat(["stirring", "none", "C"], [n_rows // 2, n_rows // 10, n_rows - n_rows // 2 - n_rows // 10])
    for person in (1, 2):
        samples = swing(n_rows, 50.0, n_columns=3)
        rows = [
            f"{20 * i},{x:.6f},{y:.6f},{z:.6f},{label}"
            for i, ((x, y, z), label) in enumerate(zip(samples, labels, strict=True))
        ]
        (folder / "recordings" / f"kitchen_p{person}.csv").write_text("\n".join(["t,ax,ay,az,activity", *rows]) + "\n")
    path = folder / "dataset.yaml"
    path.write_text(yaml)
    return path
