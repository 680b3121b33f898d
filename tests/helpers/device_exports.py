"""One recording as every device that is read by name exports it, in its exact layout; values are ours.

Writers take samples in m/s² and rad/s [T, 6], 50 Hz unless the device has its own rate, and a folder.
"""

import datetime
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

GRAVITY_MPS2 = 9.80665
RATE_HZ = 50
START = datetime.datetime(2026, 3, 14, 15, 9, 26, tzinfo=datetime.UTC)
START_MS = round(START.timestamp() * 1000)
GRAVITY = np.array([0.6, 0.0, 0.8]) * GRAVITY_MPS2
Write = Callable[[Path, np.ndarray], Path]


@dataclass(frozen=True)
class Export:
    """How a recording is written, and what may be expected of it.

    Attributes:
        device: What `find_device` calls it.
        write: Returns the path that a user would give.
        quantities: That come out of it.
        rate_hz: Of the file.
        tolerance: Of the values, in SI units, from rounding in the file.
    """

    device: str
    write: Write
    quantities: tuple[str, ...] = ("acc", "gyro")
    rate_hz: float = RATE_HZ
    tolerance: float = 2e-3


def moments(n: int) -> list[datetime.datetime]:
    return [START + datetime.timedelta(milliseconds=20 * i) for i in range(n)]


def iso(moment: datetime.datetime, before_ms: str = ".") -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S") + f"{before_ms}{moment.microsecond // 1000:03}"


def numbers(row: np.ndarray, digits: int = 6) -> list[str]:
    return [f"{value:.{digits}f}" for value in row]


def table(path: Path, header: list[str], rows: list[list[str]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [*header, *(delimiter.join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def in_g(samples: np.ndarray) -> np.ndarray:
    return samples[:, :3] / GRAVITY_MPS2


def in_degrees(samples: np.ndarray) -> np.ndarray:
    return np.rad2deg(samples[:, 3:])


def zipped(write: Write, top: str = "") -> Write:
    """Write a folder, and pack it."""

    def pack(folder: Path, samples: np.ndarray) -> Path:
        inside = write(folder / "inside", samples)
        with zipfile.ZipFile(folder / "export.zip", "w", zipfile.ZIP_DEFLATED) as packed:
            for path in sorted(inside.rglob("*")):
                packed.write(path, top + path.relative_to(inside).as_posix())
        return folder / "export.zip"

    return pack


def empatica(folder: Path, samples: np.ndarray) -> Path:
    start = START.timestamp()
    steps = np.round(in_g(samples) * 64).astype(int)
    head = [", ".join([f"{value:.6f}"] * 3) for value in (start, 32.0)]
    table(folder / "ACC.csv", head, [[str(v) for v in row] for row in steps])
    for name, rate in (("BVP", 64), ("EDA", 4), ("TEMP", 4)):
        table(folder / f"{name}.csv", [f"{start:.6f}", f"{rate:.6f}"], [["0.5"]] * 20)
    table(folder / "tags.csv", [f"{start + 3:.2f}"], [])
    return folder


def sensor_logger_file(folder: Path, name: str, values: np.ndarray) -> None:
    rows = [
        [str(START_MS * 1_000_000 + 20_000_000 * i), f"{i / RATE_HZ:.9f}", *numbers(row[::-1], 9)]
        for i, row in enumerate(values)
    ]
    table(folder / f"{name}.csv", ["time,seconds_elapsed,z,y,x"], rows)


def sensor_logger(folder: Path, samples: np.ndarray, total: bool = True) -> Path:
    sensor_logger_file(folder, "Accelerometer", samples[:, :3] - GRAVITY)
    sensor_logger_file(folder, "Gravity", np.tile(GRAVITY, (len(samples), 1)))
    sensor_logger_file(folder, "Gyroscope", samples[:, 3:])
    if total:
        sensor_logger_file(folder, "TotalAcceleration", samples[:, :3])
    table(folder / "Metadata.csv", ["version,device name,recording time"], [["3", "phone", "2026-03-14_15-09-26"]])
    return folder


def sensor_logger_of_ios(folder: Path, samples: np.ndarray) -> Path:
    return sensor_logger(folder, samples, total=False)


def sensor_logger_of_watch(folder: Path, samples: np.ndarray) -> Path:
    names = [f"{what}{axis}" for what in ("rotationRate", "gravity", "acceleration") for axis in "XYZ"]
    moving = in_g(samples) - GRAVITY / GRAVITY_MPS2
    rows = [
        [str(START_MS * 1_000_000 + 20_000_000 * i), f"{i / RATE_HZ:.6f}"]
        + numbers(np.r_[samples[i, 3:], GRAVITY / GRAVITY_MPS2, moving[i]], 8)
        for i in range(len(samples))
    ]
    table(folder / "WristMotion.csv", [",".join(["time", "seconds_elapsed", *names])], rows)
    return folder


def phyphox(
    delimiter: str = ",", comma: bool = False, single: bool = True, sensors: tuple[str, ...] = ("acc", "linear", "gyro")
) -> Write:
    """Return a writer of one file with all sensors, or of one file a sensor."""
    words = {"acc": "Acceleration", "linear": "Linear Acceleration", "gyro": "Gyroscope"}
    files = {"acc": "Accelerometer", "linear": "Linear Accelerometer", "gyro": "Gyroscope"}

    def write(folder: Path, samples: np.ndarray) -> Path:
        values = {"acc": samples[:, :3], "linear": samples[:, :3] - GRAVITY, "gyro": samples[:, 3:]}
        units = {"acc": "m/s^2", "linear": "m/s^2", "gyro": "rad/s"}

        def rows(columns: list[np.ndarray]) -> list[list[str]]:
            texts = [[f"{v:.9E}" for v in (i / RATE_HZ, *row)] for i, row in enumerate(np.hstack(columns))]
            return [[text.replace(".", ",") if comma else text for text in row] for row in texts]

        if single:
            names = ["Time (s)", *(f"{words[s]} {axis} ({units[s]})" for s in sensors for axis in "xyz")]
            header = delimiter.join(f'"{name}"' for name in names)
            return table(folder / "Raw Data.csv", [header], rows([values[s] for s in sensors]), delimiter, "utf-8-sig")
        for s in sensors:
            header = delimiter.join(f'"{name}"' for name in ["Time (s)", *(f"{axis} ({units[s]})" for axis in "XYZ")])
            table(folder / f"{files[s]}.csv", [header], rows([values[s]]), delimiter)
        table(folder / "meta" / "device.csv", ['"property","value"'], [['"deviceModel"', '"phone"']])
        events = [['"START"', "0E0", "1773500966.000", '"2026-03-14 15:09:26.000 UTC"']]
        table(folder / "meta" / "time.csv", ['"event","experiment time","system time","system time text"'], events)
        return folder

    return write


SENSORLOG_TOTAL = [f"accelerometerAcceleration{axis}(G)" for axis in "XYZ"]
SENSORLOG_USER = [f"motionUserAcceleration{axis}(G)" for axis in "XYZ"]
SENSORLOG_GRAVITY = [f"motionGravity{axis}(G)" for axis in "XYZ"]
SENSORLOG_GYRO = [f"gyroRotation{axis}(rad/s)" for axis in "XYZ"]


def sensorlog(*groups: list[str], delimiter: str = ",") -> Write:
    def write(folder: Path, samples: np.ndarray) -> Path:
        user = in_g(samples) - GRAVITY / GRAVITY_MPS2
        gravity = np.tile(GRAVITY / GRAVITY_MPS2, (len(samples), 1))
        values = {
            **{SENSORLOG_TOTAL[i]: in_g(samples)[:, i] for i in range(3)},
            **{SENSORLOG_USER[i]: user[:, i] for i in range(3)},
            **{SENSORLOG_GRAVITY[i]: gravity[:, i] for i in range(3)},
            **{SENSORLOG_GYRO[i]: samples[:, 3 + i] for i in range(3)},
        }
        names = [name for group in groups for name in group]
        rows = [
            [
                iso(moment).replace(" ", "T") + "+00:00",
                str(i),
                *numbers(np.array([values[n][i] for n in names])),
                "null",
            ]
            for i, moment in enumerate(moments(len(samples)))
        ]
        header = delimiter.join(["loggingTime(txt)", "loggingSample(N)", *names, "deviceID(txt)"])
        return table(folder / "stream.csv", [header], rows, delimiter)

    return write


def actigraph_header(rate: str = " at 50 Hz", dates: str = "M/d/yyyy", epoch: str = "00:00:00") -> list[str]:
    return [
        f"------------ Data File Created By ActiGraph GT3X+ ActiLife v6.13.4 Firmware v1.9.2 date format {dates}{rate}"
        "  Filter Normal -----------",
        *("Serial Number: MOS2D00000000", "Start Time 15:09:26", f"Start Date {START.month}/{START.day}/{START.year}"),
        *(f"Epoch Period (hh:mm:ss) {epoch}", "Download Time 16:00:00", "Download Date 3/14/2026"),
        *("Current Memory Address: 0", "Current Battery Voltage: 4.01     Mode = 12", "-" * 50),
    ]


def actigraph(folder: Path, samples: np.ndarray) -> Path:
    rows = [
        [f"{m.month}/{m.day}/{m.year} " + iso(m).split()[1], *numbers(row, 4)]
        for m, row in zip(moments(len(samples)), in_g(samples), strict=True)
    ]
    return table(
        folder / "a.csv", [*actigraph_header(), "Timestamp,Accelerometer X,Accelerometer Y,Accelerometer Z"], rows
    )


def actigraph_without_stamps(folder: Path, samples: np.ndarray) -> Path:
    header = [*actigraph_header(), "Accelerometer X,Accelerometer Y,Accelerometer Z"]
    return table(folder / "a.csv", header, [numbers(row, 4) for row in in_g(samples)])


def actigraph_without_names(folder: Path, samples: np.ndarray) -> Path:
    rows = [[text.replace(".", ",") for text in numbers(row, 4)] for row in in_g(samples)]
    return table(folder / "a.csv", actigraph_header(dates="dd.MM.yyyy"), rows, ";")


def actigraph_day_first(folder: Path, samples: np.ndarray) -> Path:
    names = ["Timestamp"] + [f"{what} {a}" for what in ("Accelerometer", "Gyroscope") for a in "XYZ"] + ["Temperature"]
    rows = [
        [f"{m.day:02}/{m.month:02}/{m.year} " + iso(m).split()[1], *numbers(np.r_[acc, gyro], 5), "31.5"]
        for m, acc, gyro in zip(moments(len(samples)), in_g(samples), in_degrees(samples), strict=True)
    ]
    return table(folder / "imu.csv", [*actigraph_header(dates="dd/MM/yyyy"), ",".join(names)], rows)


def geneactiv_header(rate: str = "50 Hz") -> list[str]:
    said = {
        0: "Device Type,GENEActiv",
        1: "Device Model,1.1",
        2: "Device Unique Serial Code,000001",
        10: f"Measurement Frequency,{rate}",
        11: f"Start Time,{iso(START, ':')}",
        13: "Device Location Code,left wrist",
        14: "Time Zone,GMT +00:00",
        20: "Subject Code,0001",
        49: "Sensor type,MEMS accelerometer x-axis",
    }
    return [said.get(i, "") for i in range(100)]


def geneactiv(folder: Path, samples: np.ndarray) -> Path:
    rows = [
        [iso(m, ":"), *numbers(row, 4), "0", "0", "28.7"]
        for m, row in zip(moments(len(samples)), in_g(samples), strict=True)
    ]
    return table(folder / "g.csv", geneactiv_header(), rows)


def axivity(folder: Path, samples: np.ndarray) -> Path:
    rows = [[iso(m), *numbers(row)] for m, row in zip(moments(len(samples)), in_g(samples), strict=True)]
    return table(folder / "a.csv", [], rows)


def axivity_with_names(folder: Path, samples: np.ndarray) -> Path:
    header = "Time,Accel-X (g), Accel-Y (g), Accel-Z (g), Gyro-X (d/s), Gyro-Y (d/s), Gyro-Z (d/s)"
    values = np.hstack([in_g(samples), in_degrees(samples)])
    return table(
        folder / "a.csv", [header], [[iso(m), *numbers(r)] for m, r in zip(moments(len(values)), values, strict=True)]
    )


def metawear(folder: Path, samples: np.ndarray, rate: str = "50.000Hz") -> Path:
    for sensor, unit, values in (("Accelerometer", "g", in_g(samples)), ("Gyroscope", "deg/s", in_degrees(samples))):
        rows = [
            [str(START_MS + 20 * i), iso(m).replace(" ", "T"), f"{i / RATE_HZ:.3f}", *numbers(row)]
            for i, (m, row) in enumerate(zip(moments(len(samples)), values, strict=True))
        ]
        header = "epoch (ms),time (00:00),elapsed (s)," + ",".join(f"{axis}-axis ({unit})" for axis in "xyz")
        table(folder / f"MetaWear_2026-03-14T15.09.26.000_C0FFEE_{sensor}_{rate}_1.5.0.csv", [header], rows)
    return folder


SHIMMER_NAMES = [f"Shimmer_5E81_{sensor}_{axis}_CAL" for sensor in ("Accel_WR", "Accel_LN", "Gyro") for axis in "XYZ"]


def shimmer_rows(samples: np.ndarray, stamps: list[str]) -> list[list[str]]:
    values = np.hstack([samples[:, :3] * 1.01, samples[:, :3], in_degrees(samples)])
    return [[stamp, *numbers(row), ""] for stamp, row in zip(stamps, values, strict=True)]


def shimmer(folder: Path, samples: np.ndarray) -> Path:
    """Write names and units, each line ending in a tab."""
    units = ["ms", *["m/(s^2)"] * 6, *["deg/s"] * 3, ""]
    header = ['"sep=\t"', "\t".join(["Shimmer_5E81_Timestamp_Unix_CAL", *SHIMMER_NAMES, ""]), "\t".join(units)]
    stamps = [f"{START_MS + 20 * i:.3f}" for i in range(len(samples))]
    return table(folder / "s.csv", header, shimmer_rows(samples, stamps), "\t")


def shimmer_with_dates(folder: Path, samples: np.ndarray) -> Path:
    names = [
        "RWrist_TimestampSync_FormattedUnix_CAL",
        *(name.replace("Shimmer_5E81", "RWrist") for name in SHIMMER_NAMES),
    ]
    units = ["yyyy/mm/dd hh:mm:ss.000", *["m/(s^2)"] * 6, *["deg/s"] * 3, ""]
    stamps = [iso(m).replace("-", "/") for m in moments(len(samples))]
    return table(folder / "s.csv", ["sep=,", ",".join([*names, ""]), ",".join(units)], shimmer_rows(samples, stamps))


def shimmer_of_four_lines(folder: Path, samples: np.ndarray) -> Path:
    names = ["Timestamp"] + [f"{what} {a}" for what in ("Accelerometer", "Gyroscope") for a in "XYZ"]
    units = ["mSecs", *["m/(sec^2)"] * 3, *["deg/sec"] * 3]
    header = ["\t".join(cells) for cells in (["Shimmer_5E81"] * 7, names, ["CAL"] * 7, units)]
    values = np.hstack([samples[:, :3], in_degrees(samples)])
    return table(folder / "s.dat.csv", header, [[f"{20 * i:.3f}", *numbers(r)] for i, r in enumerate(values)], "\t")


def shimmer_of_one_line(folder: Path, samples: np.ndarray) -> Path:
    stamps = [f"{START_MS + 20 * i:.3f}" for i in range(len(samples))]
    rows = [row[:-1] for row in shimmer_rows(samples, stamps)]
    return table(folder / "s.csv", [",".join(["Shimmer_5E81_Timestamp_Unix_CAL", *SHIMMER_NAMES])], rows)


def xsens_dot(
    tick_s: float = 1e-6,
    sensors: tuple[str, ...] = ("FreeAcc", "Acc", "Gyr"),
    rate: str = "50Hz",
    first: int = 4_290_000_000,
) -> Write:
    """Return a writer; the counter of microseconds starts again after the first seconds."""

    def write(folder: Path, samples: np.ndarray) -> Path:
        about = ["sep=,", "DeviceTag:,1", "FirmwareVersion:,3.0.0", "AppVersion:,2023.6.0", "SyncStatus:,Synced"]
        about += [f"OutputRate:,{rate}", "FilterProfile:,General", "StartTime: ,2026-03-14_15:09:26_000 UTC", "(c)", ""]
        values = {"FreeAcc": samples[:, :3] - GRAVITY, "Acc": samples[:, :3], "Gyr": in_degrees(samples)}
        names = [f"{sensor}_{axis}" for sensor in sensors for axis in "XYZ"]
        rows = [
            [str(i + 1), str((first + round(0.02 / tick_s) * i) % (1 << 32))]
            + numbers(np.concatenate([values[sensor][i] for sensor in sensors]))
            + ["0"]
            for i in range(len(samples))
        ]
        return table(
            folder / "1_20260314.csv", [*about, ",".join(["PacketCounter", "SampleTimeFine", *names, "Status"])], rows
        )

    return write


def movesense(together: bool) -> Write:
    """Return a writer of one file with packets of both sensors, or of one file a sensor; eight samples a packet."""

    def vectors(values: np.ndarray) -> list[dict[str, float]]:
        return [dict(zip("xyz", map(float, row), strict=True)) for row in values]

    def write(folder: Path, samples: np.ndarray) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        packets = range(0, len(samples), 8)
        acc = [vectors(samples[i : i + 8, :3]) for i in packets]
        gyro = [vectors(in_degrees(samples[i : i + 8])) for i in packets]
        stamps = [599_025_762 + 20 * i for i in packets]
        if together:
            data = [
                {"imu": {"Timestamp": t, "ArrayAcc": a, "ArrayGyro": g}}
                for t, a, g in zip(stamps, acc, gyro, strict=True)
            ]
            (folder / "imu.json").write_text(json.dumps({"data": data}))
            return folder / "imu.json"
        for key, array, arrays in (("acc", "ArrayAcc", acc), ("gyro", "ArrayGyro", gyro)):
            data = [{key: {"Timestamp": t, array: a}} for t, a in zip(stamps, arrays, strict=True)]
            (folder / f"{key}.json").write_text(json.dumps({"data": data}))
        return folder

    return write


MOTIONSENSE_NAMES = ["", *(f"attitude.{a}" for a in ("roll", "pitch", "yaw"))] + [
    f"{s}.{a}" for s in ("gravity", "rotationRate", "userAcceleration") for a in "xyz"
]


def motionsense(folder: Path, samples: np.ndarray) -> Path:
    moving = in_g(samples) - GRAVITY / GRAVITY_MPS2
    rows = [
        [str(i), "0.1", "0.2", "0.3", *numbers(np.r_[GRAVITY / GRAVITY_MPS2, samples[i, 3:], moving[i]])]
        for i in range(len(samples))
    ]
    return table(folder / "sub_1.csv", [",".join(MOTIONSENSE_NAMES)], rows)


def wisdm(name: str, label: str, quantity: str = "acc") -> Write:
    def write(folder: Path, samples: np.ndarray) -> Path:
        values = samples[:, :3] if quantity == "acc" else samples[:, 3:]
        lines = [
            f"33,{label},{49_105_962_326_000 + 20_000_000 * i},{','.join(numbers(row))};"
            for i, row in enumerate(values)
        ]
        return table(folder / name, lines, [])

    return write


def wisdm_both(folder: Path, samples: np.ndarray) -> Path:
    wisdm("data_1600_accel_phone.txt", "A")(folder, samples)
    wisdm("data_1600_gyro_phone.txt", "A", "gyro")(folder, samples)
    return folder


ACC = ("acc",)
EXPORTS = {
    "E4 folder": Export("Empatica E4", empatica, ACC, 32, GRAVITY_MPS2 / 128 + 1e-9),
    "E4 zip": Export("Empatica E4", zipped(empatica, "1719480612_A00000/"), ACC, 32, GRAVITY_MPS2 / 128 + 1e-9),
    "E4 file": Export("Empatica E4", lambda f, s: empatica(f, s) / "ACC.csv", ACC, 32, GRAVITY_MPS2 / 128 + 1e-9),
    "Sensor Logger folder": Export("Sensor Logger", sensor_logger),
    "Sensor Logger zip": Export("Sensor Logger", zipped(sensor_logger)),
    "Sensor Logger of iOS": Export("Sensor Logger", sensor_logger_of_ios),
    "Sensor Logger of a watch": Export("Sensor Logger", sensor_logger_of_watch),
    "Sensor Logger file": Export("Sensor Logger", lambda f, s: sensor_logger(f, s) / "TotalAcceleration.csv", ACC),
    "phyphox file": Export("phyphox", phyphox()),
    "phyphox decimal comma": Export("phyphox", phyphox(";", comma=True)),
    "phyphox tabs and decimal comma": Export("phyphox", phyphox("\t", comma=True)),
    "phyphox folder": Export("phyphox", phyphox(single=False)),
    "phyphox zip": Export("phyphox", zipped(phyphox(";", comma=True, single=False))),
    "SensorLog": Export("SensorLog", sensorlog(SENSORLOG_TOTAL, SENSORLOG_USER, SENSORLOG_GYRO)),
    "SensorLog sum": Export("SensorLog", sensorlog(SENSORLOG_USER, SENSORLOG_GRAVITY, SENSORLOG_GYRO, delimiter=";")),
    "ActiGraph": Export("ActiGraph", actigraph, ACC),
    "ActiGraph without stamps": Export("ActiGraph", actigraph_without_stamps, ACC),
    "ActiGraph without names": Export("ActiGraph", actigraph_without_names, ACC),
    "ActiGraph inertial unit": Export("ActiGraph", actigraph_day_first),
    "GENEActiv": Export("GENEActiv", geneactiv, ACC),
    "Axivity": Export("Axivity", axivity, ACC),
    "Axivity AX6": Export("Axivity", axivity_with_names),
    "MetaWear": Export("MetaWear", metawear),
    "Shimmer": Export("Shimmer", shimmer),
    "Shimmer with dates": Export("Shimmer", shimmer_with_dates),
    "Shimmer of four lines": Export("Shimmer", shimmer_of_four_lines),
    "Shimmer of one line": Export("Shimmer", shimmer_of_one_line),
    "Xsens DOT": Export("Xsens DOT", xsens_dot()),
    "Xsens DOT in ticks": Export("Xsens DOT", xsens_dot(1e-4, ("Acc", "Gyr"), first=123_450_000)),
    "Movesense imu": Export("Movesense", movesense(together=True)),
    "Movesense folder": Export("Movesense", movesense(together=False)),
    "MotionSense": Export("MotionSense", motionsense),
    "WISDM": Export("WISDM", wisdm("WISDM_ar_v1.1_raw.txt", "Jogging"), ACC),
    "WISDM of 2019": Export("WISDM", wisdm_both),
}
