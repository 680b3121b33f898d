"""Files and lines that are no recording: one line that names the file and the problem, within a second."""

import io
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from feature_extraction.errors import InputError
from feature_extraction.own_files.read import Declared, follow, plan_reading, read_recording
from feature_extraction.recordings.recording import three_axes
from feature_extraction.windows.cutting import WindowSettings
from feature_extraction.windows.stream import WindowStream

WANTED = three_axes("wrist", "acc", "m/s2")
DECLARED = Declared(rate_hz=50.0, units={"acc": "g"})
HEADER = "ax,ay,az\n"
ROW = "0.1,0.2,0.97\n"
GOOD = HEADER + ROW * 400
VALUES = np.tile([0.1, 0.2, 0.97], (400, 1))


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, array=array)
    return buffer.getvalue()


def parquet_of(columns: dict[str, object]) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def timed(stamps: object) -> bytes:
    lines = [f"{stamp},{ROW}" for stamp in stamps]
    return ("t," + HEADER + "".join(lines)).encode()


AXES = {name: VALUES[:, i] for i, name in enumerate(("ax", "ay", "az"))}
NPY = npy(VALUES)
PARQUET = parquet_of(AXES)
RANDOM = np.random.default_rng(0).bytes(4000)
EVEN_MS = (np.arange(400) * 20).tolist()

BAD_FILES = {
    "empty.csv": b"",
    "empty.npy": b"",
    "empty.parquet": b"",
    "blank lines.csv": b"\n\n  \n\r\n",
    "header only.csv": HEADER.encode(),
    "prose.txt": b"The quick brown fox\njumps over the lazy dog\nand is gone\n",
    "prose with commas.csv": b"one, two, three\nfour, five, six\n" * 50,
    "random bytes.csv": RANDOM,
    "random bytes.npy": RANDOM,
    "random bytes.parquet": RANDOM,
    "zeros.csv": bytes(4000),
    "zeros.npy": bytes(4000),
    "zeros.parquet": bytes(4000),
    "parquet called csv.csv": PARQUET,
    "npy called csv.csv": NPY,
    "csv called npy.npy": GOOD.encode(),
    "csv called parquet.parquet": GOOD.encode(),
    "zip.npy": npz(VALUES),
    "picture.png": b"\x89PNG\r\n\x1a\n" + RANDOM,
    "spreadsheet.xlsx": b"PK\x03\x04" + RANDOM,
    "no ending": GOOD.encode(),
    "one column.csv": b"ax\n" + b"0.1\n" * 400,
    "two columns.csv": b"ax,ay\n" + b"0.1,0.2\n" * 400,
    "four columns without names.csv": b"0.1,0.2,0.3,0.4\n" * 400,
    "unknown names.csv": GOOD.replace("ax,ay,az", "a,b,c").encode(),
    "repeated names.csv": GOOD.replace("ax,ay,az", "ax,ax,az").encode(),
    "without gravity.csv": GOOD.replace(
        "ax,ay,az", "linear acceleration x,linear acceleration y,linear acceleration z"
    ).encode(),
    "a word at the start.csv": GOOD.replace("0.1", "left", 1).encode(),
    "a word in the middle.csv": (GOOD + "0.1,fast,0.2\n" + ROW * 400).encode(),
    "a word after a megabyte.csv": (HEADER + ROW * 85_000 + "0.1,fast,0.2\n").encode(),
    "two points.csv": GOOD.replace("0.2,0.97\n", "0.2.2,0.97\n").encode(),
    "two minuses.csv": (GOOD + "--1,0,0\n").encode(),
    "hexadecimal.csv": (GOOD + "0x10,0,0\n").encode(),
    "underscores.csv": (GOOD + "1_0,0,0\n").encode(),
    "too few values.csv": (GOOD + "0.1,0.2\n" + ROW).encode(),
    "too many values.csv": (GOOD + "0.1,0.2,0.3,0.4\n" + ROW).encode(),
    "cut off.csv": (GOOD + "0.1,0.").encode(),
    "header again.csv": (GOOD + GOOD).encode(),
    "open quote.csv": (GOOD + '"0.1,0.2,0.3\n' + ROW).encode(),
    "zero bytes in the middle.csv": (HEADER + ROW * 20_000).encode() + b"0.1,\x00\x00,0.3\n" + ROW.encode(),
    "infinity.csv": (GOOD + "inf,0,0\n").encode(),
    "minus infinity.csv": (GOOD + "0,-Infinity,0\n").encode(),
    "huge value.csv": (GOOD + "0,1e300,0\n").encode(),
    "overflow.csv": (GOOD + "0,1e999,0\n").encode(),
    "counts of a converter.csv": (GOOD + "16384,0,0\n").encode(),
    "decimal commas and commas.csv": (HEADER + "0,1,0,2,0,97\n" * 400).encode(),
    "mixed delimiters.csv": (HEADER + ROW * 300 + "0.1;0.2;0.97\n" * 20).encode(),
    "UTF-16 without mark.csv": GOOD.encode("utf-16-le"),
    "half of UTF-16.csv": GOOD.encode("utf-16")[:-1],
    "UTF-32.csv": GOOD.encode("utf-32"),
    "control characters.csv": GOOD.replace("0.2", "\x07", 3).encode(),
    "one endless line.csv": b"0.1," * 300_000,
    "time goes back.csv": timed([*EVEN_MS, *EVEN_MS]),
    "time jumps a year.csv": timed([*EVEN_MS, *(np.array(EVEN_MS) + 3.2e10)]),
    "time at another rate.csv": timed((np.arange(400) * 10).tolist()),
    "time runs away.csv": timed([*EVEN_MS, "1e300"]),
    "flat.npy": npy(VALUES.ravel()),
    "cube.npy": npy(VALUES[None]),
    "no rows.npy": npy(VALUES[:0]),
    "no columns.npy": npy(VALUES[:, :0]),
    "complex.npy": npy(VALUES.astype(complex)),
    "truth values.npy": npy(VALUES > 0),
    "text.npy": npy(VALUES.astype(str)),
    "objects.npy": npy(VALUES.astype(object)),
    "records.npy": npy(np.zeros(9, dtype=[("ax", "f8"), ("ay", "f8")])),
    "four columns.npy": npy(np.hstack([VALUES, VALUES[:, :1]])),
    "two columns.npy": npy(VALUES[:, :2]),
    "infinity.npy": npy(np.where(np.arange(400)[:, None] == 77, np.inf, VALUES)),
    "cut off.npy": NPY[:-100],
    "cut off in the header.npy": NPY[:40],
    "wrong header.npy": NPY.replace(b"'fortran_order'", b"'fortran_odor_'"),
    "huge shape.npy": NPY.replace(b"(400, 3), }" + b" " * 10, b"(400000000000000, 3)}"),
    "cut off.parquet": PARQUET[:-20],
    "cut off at the start.parquet": PARQUET[100:],
    "damaged.parquet": PARQUET[:4] + RANDOM[:300] + PARQUET[304:],
    "no rows.parquet": parquet_of({name: column[:0] for name, column in AXES.items()}),
    "words.parquet": parquet_of(AXES | {"ay": ["a"] * 400}),
    "lists.parquet": parquet_of(AXES | {"ay": [[1.0]] * 400}),
    "records.parquet": parquet_of(AXES | {"ay": [{"v": 1.0}] * 400}),
    "bytes.parquet": parquet_of(AXES | {"ay": [b"\xff"] * 400}),
    "unknown names.parquet": parquet_of(
        {f"column {name}": column for name, column in zip("abc", VALUES.T, strict=True)}
    ),
}


def windows_in(path: Path, declared: Declared = DECLARED) -> int:
    plan = plan_reading(path, WANTED, declared)
    stream = WindowStream(plan.channels, plan.rate_hz, WANTED, WindowSettings(50.0, 2.0, quantities=("acc",)))
    return sum(len(stream.push(chunk)) for chunk in read_recording(path, plan)) + len(stream.finish())


@pytest.fixture(scope="module", autouse=True)
def warm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Import what is imported late, so that it does not count; and see that the good file is good."""
    folder = tmp_path_factory.mktemp("good")
    for name, content in {"a.csv": GOOD.encode(), "a.npy": NPY, "a.parquet": PARQUET, "b.csv": timed(EVEN_MS)}.items():
        (folder / name).write_bytes(content)
        assert windows_in(folder / name) == 4


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_no_recording_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(BAD_FILES[name])
    start = time.process_time()
    with pytest.raises(InputError) as caught:
        windows_in(tmp_path / name)
    assert time.process_time() - start < 10  # none keeps the program busy
    message = str(caught.value)
    assert str(tmp_path / name) in message or "more than a sensor can measure" in message
    assert "\n" not in message and len(message) < 600


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    for path, message in ((tmp_path, "not a file"), (tmp_path / "none.csv", "cannot be read .No such file")):
        with pytest.raises(InputError, match=message):
            plan_reading(path, WANTED, DECLARED)


def test_a_recording_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feature_extraction.own_files.read.MOST_ROWS", 399)
    (tmp_path / "a.npy").write_bytes(NPY)
    with pytest.raises(InputError, match="a.npy: more than 399 rows; cut it"):
        windows_in(tmp_path / "a.npy")


def test_a_file_beyond_the_limit_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("wb") as file:
        file.truncate((2 << 30) + 1)
    with pytest.raises(InputError, match=r"2.0 GiB, more than 2; cut it"):
        plan_reading(tmp_path / "a.csv", WANTED, DECLARED)


@pytest.mark.parametrize("kind", ["csv", "npy", "parquet"])
def test_a_file_with_any_byte_changed_never_ends_in_a_traceback(tmp_path: Path, kind: str) -> None:
    content = bytearray({"csv": ("t," + GOOD[:3000]).encode(), "npy": NPY[:3000], "parquet": PARQUET}[kind])
    rng = np.random.default_rng(5)
    refused = 0
    for _ in range(150):
        damaged = bytearray(content)
        for place in rng.integers(0, min(len(content), 400), 3):
            damaged[place] = int(rng.integers(0, 256))
        (tmp_path / f"a.{kind}").write_bytes(damaged)
        try:
            windows_in(tmp_path / f"a.{kind}")
        except InputError:
            refused += 1
    assert refused > 20


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"rate_hz": 0.0}, "--rate-hz: 0 cannot be used"),
        ({"rate_hz": float("nan")}, "--rate-hz: nan cannot be used"),
        ({"rate_hz": -50.0}, "--rate-hz: -50 cannot be used"),
        ({"time_unit": "minutes"}, "--time-unit: 'minutes' is unknown; use one of s, ms, us, ns"),
        ({"units": {"accel": "g"}}, "--units: 'accel' is unknown; choose from acc, gyro, mag"),
        ({"units": {"acc": "deg/s"}}, "--units: acc: unit 'deg/s' is unknown; use one of m/s2"),
    ],
)
def test_impossible_declarations(declared: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Declared(**declared)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "input: no lines"),
        (["\n", " \n"], "input: no lines"),
        (["ax,ay\n", "1,2\n"], "input: no column found for"),
        (["1,2,3,4\n"], "input: 4 columns without names"),
        (["hello world\n"], "input: no column found for"),
        ([HEADER, "1,2\n"], "input, line 2: 2 values, expected 3: '1,2'"),
        ([HEADER, ROW, "\n", "1,2,x\n"], "input, line 4: 'x' is not a number"),
        ([ROW, HEADER], "input, line 2: 'ax' is not a number"),
        ([HEADER, "inf,0,0\n"], "input, line 2: 'inf' is not a number"),
        ([HEADER, "1_0,0,0\n"], "input, line 2: '1_0' is not a number"),
        ([HEADER, '"' + "1" * 200_000 + '",0,0\n'], "input, line 2: not CSV text"),
        (["ax (counts),ay (counts),az (counts)\n", ROW], "unit of acc as counts"),
    ],
)
def test_lines_that_are_no_rows(lines: list[str], message: str) -> None:
    declared = Declared(rate_hz=50.0, units={} if "counts" in message else {"acc": "g"})
    with pytest.raises(InputError, match=message):
        for _ in follow(lines, WANTED, declared)[1]:
            pass


def test_lines_need_a_rate_and_units() -> None:
    with pytest.raises(InputError, match="declare --rate-hz"):
        follow([HEADER, ROW], WANTED, Declared(units={"acc": "g"}))
    with pytest.raises(InputError, match="no unit of acc; declare it: --units acc=g"):
        follow([HEADER, ROW], WANTED, Declared(rate_hz=50.0))
    with pytest.raises(InputError, match="no --time-column"):
        follow([HEADER, ROW], WANTED, Declared(rate_hz=50.0, time_column="t"))


def test_lines_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes((HEADER + ROW * 2000).encode() + b"\xff\xfe")
    with (tmp_path / "a").open(encoding="utf-8") as lines, pytest.raises(InputError, match="not UTF-8 text"):
        for _ in follow(lines, WANTED, DECLARED)[1]:
            pass


def test_a_word_among_time_stamps_is_an_error_unless_the_rate_is_declared(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(timed([*EVEN_MS, "noon"]))
    with pytest.raises(InputError, match="column 't', row 401 is 'noon', not a number"):
        plan_reading(tmp_path / "a.csv", WANTED, Declared(units={"acc": "g"}))
    plan = plan_reading(tmp_path / "a.csv", WANTED, DECLARED)
    assert plan.time_column is None and not plan.certain
    assert "time stamps are not used (column 't', row 401 is 'noon'" in plan.findings[-1]


def test_every_error_of_a_file_is_told_apart(tmp_path: Path) -> None:
    """Most kinds of damage have their own words, not one message for all."""
    messages: set[str] = set()
    for name, content in BAD_FILES.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError) as caught:
            windows_in(tmp_path / name)
        messages.add(str(caught.value).replace(str(tmp_path / name), ""))
    assert len(messages) > 50
