"""A recording in one piece, in chunks of any size, or line by line: the same predictions."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rounding import PROBABILITY, STRANGENESS

from feature_extraction.datasets import get_dataset
from feature_extraction.own_files.read import Declared, plan_reading
from feature_extraction.recordings.recording import Recording
from sadvae_har import __main__ as cli
from sadvae_har.recognition.live import RecordingStream, predict_file
from sadvae_har.recognition.prediction import CONTEXT, Prediction, join
from sadvae_har.recognition.recognizer import Recognizer


@pytest.fixture(scope="module")
def recognizer(trained_recognizer_path: Path) -> Recognizer:
    return Recognizer.load(trained_recognizer_path)


@pytest.fixture(scope="module")
def recording() -> Recording:
    """A minute of a test person, with a gap of two seconds."""
    own = [item for item in get_dataset("watch").read() if isinstance(item, Recording) and item.subject == "9"]
    return replace(own[0], samples=np.concatenate([item.samples[:750] for item in own[:4]]))


def with_gap(samples: np.ndarray) -> np.ndarray:
    gap = np.array(samples, np.float64)
    gap[1000:1100] = np.nan
    return gap


def in_chunks(recognizer: Recognizer, recording: Recording, sizes: list[int]) -> Prediction:
    stream = RecordingStream(recognizer, recording.channels, recording.rate_hz)
    samples, parts, first = with_gap(recording.samples), [], 0
    for size in sizes:
        parts.append(stream.push(samples[first : first + size]))
        first += size
    return join([*parts, stream.push(samples[first:]), stream.finish()])


def csv_of(recording: Recording) -> str:
    """Return the recording with a gap as CSV, missing values as empty fields."""
    rows = [",".join("" if np.isnan(v) else repr(float(v)) for v in row) for row in with_gap(recording.samples)]
    return "ax,ay,az,gx,gy,gz\n" + "\n".join(rows) + "\n"


def assert_same(found: Prediction, expected: Prediction) -> None:
    assert np.array_equal(found.labels, expected.labels) and np.array_equal(found.piece, expected.piece)
    assert np.array_equal(found.start_s, expected.start_s)
    assert found.probabilities == pytest.approx(expected.probabilities, abs=PROBABILITY)
    assert found.strangeness == pytest.approx(expected.strangeness, abs=STRANGENESS)
    assert [s.label for s in found.segments] == [s.label for s in expected.segments]


@pytest.mark.parametrize("seed", range(4))
def test_any_chunks_give_what_the_whole_gives(recognizer: Recognizer, recording: Recording, seed: int) -> None:
    generator = np.random.default_rng(seed)
    sizes = [generator.integers(0, (5, 60, 400, 2000)[seed]).item() for _ in range(40)]
    whole = in_chunks(recognizer, recording, [])
    assert len(whole) > 15 and whole.piece.max() == 1
    assert_same(in_chunks(recognizer, recording, sizes), whole)


def test_one_piece_is_what_predict_gives(recognizer: Recognizer, recording: Recording) -> None:
    stream = RecordingStream(recognizer, recording.channels, recording.rate_hz)
    parts = [stream.push(recording.samples[k : k + 100]) for k in range(0, len(recording.samples), 100)]
    assert_same(join([*parts, stream.finish()]), recognizer.predict(recording))


def test_a_window_is_final_when_its_neighbours_have_come_and_little_is_kept(
    recognizer: Recognizer, recording: Recording
) -> None:
    stream = RecordingStream(recognizer, recording.channels, recording.rate_hz)
    n_windows, n_given = 0, 0
    for first in range(0, len(recording.samples), 125):  # one stride
        n_given += len(stream.push(recording.samples[first : first + 125]))
        n_windows = max(0, first // 125)
        assert n_given == max(0, n_windows - CONTEXT)
        assert stream._held is None or len(stream._held) <= 2 * CONTEXT + 1
    assert n_given + len(stream.finish()) == n_windows


def test_lines_from_standard_input_give_the_same(
    recognizer: Recognizer,
    recording: Recording,
    trained_recognizer_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(csv_of(recording)))
    flags = ["--follow", "--rate-hz", "50", "--units", "acc=g,gyro=rad/s", "--out", "json"]
    assert cli.main(["predict", "--model", str(trained_recognizer_path), *flags]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    expected = in_chunks(recognizer, recording, []).rows()
    assert [row["label"] for row in found] == [row["label"] for row in expected]
    assert [row["start_s"] for row in found] == [row["start_s"] for row in expected]
    assert [row["probability"] for row in found] == pytest.approx(
        [row["probability"] for row in expected], abs=1e-4 + PROBABILITY
    )  # four decimals


@pytest.mark.parametrize("planned", [True, False], ids=["by a plan", "by what is declared"])
def test_a_file_gives_what_the_recording_gives(
    recognizer: Recognizer, recording: Recording, tmp_path: Path, planned: bool
) -> None:
    path, n_read = tmp_path / "recording.csv", []
    path.write_text(csv_of(recording))
    declared = Declared(rate_hz=50.0, units={"acc": "g", "gyro": "rad/s"})
    how = plan_reading(path, recognizer.channels, declared) if planned else declared
    found = predict_file(recognizer, path if planned else str(path), how, n_read.append)
    assert_same(found, in_chunks(recognizer, recording, []))
    assert sum(n_read) == len(recording.samples)


def test_windows_before_a_long_gap_do_not_wait_for_what_comes_after(
    recognizer: Recognizer, recording: Recording
) -> None:
    stream = RecordingStream(recognizer, recording.channels, recording.rate_hz)
    before = stream.push(recording.samples[:750])
    after = stream.push(np.full((500, 6), np.nan))
    assert len(before) == 3 and len(after) == CONTEXT and len(stream.finish()) == 0
