from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from feature_extraction.datasets import get_dataset
from feature_extraction.datasets.prepare import bring_to
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel, Recording, three_axes
from feature_extraction.recordings.signal import fill_short_gaps
from feature_extraction.windows.cutting import Cut, WindowSettings, cut_windows
from feature_extraction.windows.stream import TimedWindows, WindowStream, windows_of

RATES = [(50.0, 50.0), (100.0, 50.0), (50.0, 20.0), (25.0, 100.0), (31.25, 50.0)]
WANTED = three_axes("imu", "acc", "m/s2") + three_axes("imu", "gyro", "rad/s")
ACC = WANTED[:3]


@cache
def watch(index: int = 0) -> Recording:
    """Return one recording of the watch, in g and rad/s."""
    read = (item for item in get_dataset("watch").read() if isinstance(item, Recording))
    return next(item for k, item in enumerate(read) if k == index)


def settings_at(rate_hz: float, **changes) -> WindowSettings:
    return replace(WindowSettings(rate_hz=rate_hz, window_s=2.0, overlap=0.5), **changes)


def chunks(samples: np.ndarray, rng: np.random.Generator, longest: int) -> Iterator[np.ndarray]:
    """Cut samples anywhere; some chunks are empty."""
    first = 0
    while first < len(samples):
        length = int(rng.integers(0, longest + 1))
        yield samples[first : first + length]
        first += length


def stream_in(stream: WindowStream, parts: Iterator[np.ndarray] | list[np.ndarray]) -> TimedWindows:
    found = [*(stream.push(part) for part in parts), stream.finish()]
    return TimedWindows(
        np.concatenate([windows.samples for windows in found]),
        np.concatenate([windows.start_s for windows in found]),
        np.concatenate([windows.piece for windows in found]),
    )


def require_same(one: TimedWindows, other: TimedWindows) -> None:
    for name in ("samples", "start_s", "piece"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def with_gaps(recording: Recording, rng: np.random.Generator) -> np.ndarray:
    """Return samples with missing ends, short gaps, long gaps and single missing values."""
    samples = recording.samples.astype(np.float64)
    samples[:3] = samples[-5:] = np.nan
    for first in rng.choice(len(samples) - 60, 8, replace=False):
        samples[first : first + int(rng.integers(1, 30))] = np.nan
    samples[rng.choice(len(samples), 10, replace=False), 4] = np.nan
    return samples


def reference(recording: Recording, samples: np.ndarray, settings: WindowSettings) -> list[tuple[float, Cut]]:
    """Cut every piece as the windows for training are cut."""
    found = []
    for first, piece in fill_short_gaps(samples, recording.rate_hz, 0.2):
        whole = bring_to(replace(recording, samples=piece), settings)
        found.append((first / recording.rate_hz, cut_windows(whole.samples, settings)))
    return found


@pytest.mark.parametrize(("rate_hz", "new_rate_hz"), RATES)
def test_any_chunking_gives_the_same_bits(rate_hz: float, new_rate_hz: float) -> None:
    rng = np.random.default_rng(round(rate_hz))
    recording = replace(watch(), rate_hz=rate_hz)
    for gaps in (False, True):
        samples = with_gaps(recording, rng) if gaps else recording.samples
        for rule in ("drop", "pad", "stretch"):
            settings = settings_at(new_rate_hz, short_recordings=rule)
            whole = stream_in(WindowStream(recording.channels, rate_hz, WANTED, settings), [samples])
            assert len(whole) > 5
            for longest in (1, 7, 60, 900):
                stream = WindowStream(recording.channels, rate_hz, WANTED, settings)
                require_same(stream_in(stream, chunks(samples, rng, longest)), whole)


@pytest.mark.parametrize(("rate_hz", "new_rate_hz"), RATES)
@pytest.mark.parametrize("index", [0, 70])
def test_windows_are_those_of_training(rate_hz: float, new_rate_hz: float, index: int) -> None:
    recording, settings = replace(watch(index), rate_hz=rate_hz), settings_at(new_rate_hz)
    expected = cut_windows(bring_to(recording, settings).samples, settings)
    found = windows_of(recording, WANTED, settings)
    assert np.array_equal(found.start_s, expected.start_s)
    assert (found.piece == 0).all()
    if rate_hz == new_rate_hz:
        assert np.array_equal(found.samples, expected.windows)
    assert np.array_equal(found.samples[1:-1], expected.windows[1:-1])  # the filter never meets an end there
    np.testing.assert_allclose(found.samples, expected.windows, atol=1e-3)


@pytest.mark.parametrize(("rate_hz", "new_rate_hz"), RATES)
@pytest.mark.parametrize("rule", ["drop", "pad", "stretch"])
def test_gaps_are_filled_or_split_as_in_training(rate_hz: float, new_rate_hz: float, rule: str) -> None:
    recording, settings = replace(watch(3), rate_hz=rate_hz), settings_at(new_rate_hz, short_recordings=rule)
    samples = with_gaps(recording, np.random.default_rng(1))
    expected = reference(recording, samples, settings)
    found = stream_in(WindowStream(recording.channels, rate_hz, WANTED, settings), [samples])
    assert len(expected) > 3
    assert found.piece.tolist() == [k for k, (_, cut) in enumerate(expected) for _ in cut.windows]
    np.testing.assert_allclose(found.start_s, np.concatenate([start_s + cut.start_s for start_s, cut in expected]))
    windows = np.concatenate([cut.windows for _, cut in expected])
    # Pieces are short here and so are their trends; their ends are continued flat, not along the trend.
    np.testing.assert_allclose(found.samples, windows, atol=0 if rate_hz == new_rate_hz else 0.02)


def test_gaps_by_hand() -> None:
    """At 10 Hz two missing rows are a short gap and three a long one."""
    settings = WindowSettings(rate_hz=10.0, window_s=0.4, quantities=("acc",))
    rows = np.array([np.nan, 1, 2, np.nan, np.nan, 5, 6, np.nan, np.nan, np.nan, 10, 11, 12, 13, 14, np.nan])
    stream = WindowStream(ACC, 10.0, ACC, settings)
    found = stream_in(stream, [np.repeat(rows[:, None], 3, axis=1)])
    assert found.samples[:, :, 0].tolist() == [[1, 2, 3, 4], [10, 11, 12, 13]]
    assert found.start_s.tolist() == [0.1, 1.0]
    assert found.piece.tolist() == [0, 1]


def test_a_window_comes_as_soon_as_the_filter_has_seen_its_rows() -> None:
    recording = watch()
    same = WindowStream(recording.channels, 50.0, WANTED, settings_at(50.0))
    assert len(same.push(recording.samples[:99])) == 0
    assert len(same.push(recording.samples[99:100])) == 1
    assert len(same.push(recording.samples[100:149])) == 0
    assert len(same.push(recording.samples[149:150])) == 1
    halved = WindowStream(recording.channels, 100.0, WANTED, settings_at(50.0))
    # The last sample of the window lies at row 198, and the filter reaches 20 rows.
    assert len(halved.push(recording.samples[:218])) == 0
    assert len(halved.push(recording.samples[218:219])) == 1


def test_a_long_gap_releases_the_last_window() -> None:
    recording = watch()
    stream = WindowStream(recording.channels, 100.0, WANTED, settings_at(50.0))
    assert len(stream.push(recording.samples[:200])) == 0
    missing = np.full((1, 6), np.nan)
    assert [len(stream.push(missing)) for _ in range(21)] == [0] * 20 + [1]
    assert len(stream.finish()) == 0


@pytest.mark.parametrize(("rate_hz", "new_rate_hz"), RATES)
def test_memory_does_not_grow(rate_hz: float, new_rate_hz: float) -> None:
    recording = replace(watch(), rate_hz=rate_hz)
    stream = WindowStream(recording.channels, rate_hz, WANTED, settings_at(new_rate_hz))
    largest = 0
    long = np.tile(recording.samples, (6, 1))
    for chunk in chunks(long, np.random.default_rng(0), 40):
        stream.push(chunk)
        assert stream._piece is not None
        largest = max(largest, len(stream._piece.rows))
    assert len(long) > 7000
    assert largest <= 2 * 2.0 * rate_hz + 40 + 20 * max(1.0, rate_hz / new_rate_hz)


@pytest.mark.parametrize("rule", ["drop", "pad", "stretch"])
@pytest.mark.parametrize("seconds", [0.2, 0.7, 2.0, 5.5])
def test_one_window_of_each_piece(rule: str, seconds: float) -> None:
    recording = watch()
    recording = replace(recording, samples=recording.samples[: round(seconds * 50)])
    settings = settings_at(20.0, short_recordings=rule, one_per_recording=True)
    expected = cut_windows(bring_to(recording, settings).samples, settings)
    found = windows_of(recording, WANTED, settings)
    assert np.array_equal(found.samples, expected.windows)
    assert np.array_equal(found.start_s, expected.start_s)


def test_one_window_of_a_whole_day_is_refused() -> None:
    settings = settings_at(50.0, one_per_recording=True)
    stream = WindowStream(ACC, 50.0, ACC, settings)
    stream.push(np.zeros((3000, 3)))
    with pytest.raises(InputError, match=r"more than 60 s without a gap.* cut the recording into single activities"):
        stream.push(np.zeros((1, 3)))


def test_channels_are_found_by_name_in_any_order() -> None:
    recording = watch()
    order = [5, 2, 0, 4, 1, 3]
    extra = Channel("imu", "mag", "x", "gauss")
    shuffled = replace(
        recording,
        samples=np.concatenate([recording.samples[:, order], np.zeros((len(recording.samples), 1))], axis=1),
        channels=(*(recording.channels[k] for k in order), extra),
    )
    renamed = tuple(replace(channel, device="wrist") for channel in WANTED)
    require_same(windows_of(shuffled, renamed, settings_at(50.0)), windows_of(recording, WANTED, settings_at(50.0)))


def test_a_missing_extra_column_does_not_matter() -> None:
    samples = np.column_stack([np.ones((100, 3)), np.full(100, np.nan)])
    channels = (*ACC, Channel("imu", "mag", "x", "uT"))
    assert len(WindowStream(channels, 50.0, ACC, settings_at(50.0)).push(samples)) == 1


def test_devices_are_told_apart_when_there_are_several() -> None:
    wrist, hip = three_axes("wrist", "acc", "g"), three_axes("hip", "acc", "g")
    samples = np.repeat([[1.0, 2.0]], 100, axis=0).repeat(3, axis=1)
    wanted = three_axes("hip", "acc", "m/s2") + three_axes("wrist", "acc", "m/s2")
    windows = WindowStream(wrist + hip, 50.0, wanted, settings_at(50.0)).push(samples)
    np.testing.assert_allclose(windows.samples[0, 0], np.array([2, 2, 2, 1, 1, 1]) * 9.80665, rtol=1e-6)
    with pytest.raises(InputError, match="no channel imu.acc_x, imu.acc_y, imu.acc_z in wrist.acc_x, .*hip.acc_z"):
        WindowStream(wrist + hip, 50.0, ACC, settings_at(50.0))


@pytest.mark.parametrize(
    ("channels", "rate_hz", "message"),
    [
        (ACC[:2], 50.0, "no channel imu.acc_z in imu.acc_x, imu.acc_y; record all"),
        ((), 50.0, "no channel imu.acc_x, imu.acc_y, imu.acc_z in nothing"),
        ((*ACC, ACC[0]), 50.0, "channel imu.acc_x occurs twice"),
        (three_axes("imu", "acc", "furlong"), 50.0, "unit 'furlong' is unknown"),
        (ACC, 0.0, "rate_hz: 0.0 cannot be used"),
        (ACC, float("nan"), "rate_hz: nan cannot be used"),
        (ACC, 49.98765, "not in a ratio of whole numbers"),
    ],
)
def test_what_does_not_fit_is_refused(channels: tuple[Channel, ...], rate_hz: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        WindowStream(channels, rate_hz, ACC, settings_at(50.0))


def test_a_normalised_magnetometer_is_not_microtesla() -> None:
    with pytest.raises(InputError, match="imu.mag_x is in normalised; the model reads uT"):
        WindowStream(
            [Channel("imu", "mag", "x", "normalised")], 50.0, [Channel("imu", "mag", "x", "uT")], settings_at(50)
        )


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1020.0, -1e300])
def test_impossible_values_name_row_and_channel(value: float) -> None:
    channels = three_axes("imu", "acc", "g")
    samples = np.ones((700, 3))
    samples[600, 1] = value
    for longest in (1, 1000):
        stream = WindowStream(channels, 50.0, ACC, settings_at(50.0))
        with pytest.raises(InputError, match=r"row 601, imu.acc_y: .* m/s2 is more than a sensor can measure"):
            stream_in(stream, chunks(samples, np.random.default_rng(0), longest))


@pytest.mark.parametrize(
    "samples", [np.zeros((5, 4)), np.zeros(3), np.zeros((2, 3), dtype=bool), np.array([["a"] * 3])]
)
def test_rows_of_another_shape_are_refused(samples: np.ndarray) -> None:
    with pytest.raises(InputError, match="expected numbers in rows of 3"):
        WindowStream(ACC, 50.0, ACC, settings_at(50.0)).push(samples)


def test_nothing_in_nothing_out() -> None:
    stream = WindowStream(ACC, 50.0, ACC, settings_at(50.0))
    assert stream.push(np.empty((0, 3))).samples.shape == (0, 100, 3)
    assert len(stream.push(np.full((500, 3), np.nan))) == 0
    assert stream.finish().samples.dtype == np.float32
    with pytest.raises(InputError, match="after the end of the recording"):
        stream.push(np.empty((0, 3)))
