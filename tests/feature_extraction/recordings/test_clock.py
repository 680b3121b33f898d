import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from feature_extraction.errors import InputError
from feature_extraction.recordings import clock
from feature_extraction.recordings.clock import even_rows, merge_on_time, running, undelayed


def peak_hz(values, rate_hz):
    values = values - values.mean()
    spectrum = np.abs(np.fft.rfft(values * np.hanning(len(values)), 1 << 14))
    return spectrum.argmax() * rate_hz / (1 << 14)


def jittered(n_rows: int, rate_hz: float = 52.0) -> tuple[np.ndarray, np.ndarray]:
    """Return uneven times and a movement of 1.3 and 4 Hz."""
    rng = np.random.default_rng(0)
    times = np.arange(n_rows) / rate_hz + rng.uniform(-0.3, 0.3, n_rows) / rate_hz
    return times, np.stack([np.sin(2 * np.pi * f * times) * 5 for f in (1.3, 4.0)], axis=1)


@pytest.mark.parametrize("rate_hz", [50.0, 12.5, 100.0])
def test_blocks_give_what_the_whole_gives(rate_hz: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "BLOCK", 300)
    times, values = jittered(4000)
    blocks = list(even_rows([(times, values)], rate_hz, "a.csv"))
    ((_, whole),) = merge_on_time([(times, values)], rate_hz, 0.2)
    assert len(blocks) > 3 and max(map(len, blocks)) == 300
    rows = np.concatenate(blocks)
    np.testing.assert_allclose(rows[20:-20], whole[20:-20], atol=1e-5)
    np.testing.assert_allclose(rows, whole, atol=2e-3)  # the trend beyond an end is that of its block


@pytest.mark.parametrize("n_rows", [1, 7, 500])
def test_rows_may_arrive_in_batches_of_any_size(n_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where they are out of order, repeated or missing, and pause, across the ends of batches."""
    monkeypatch.setattr(clock, "BLOCK", 200)
    times, values = jittered(2000)
    times[1200:] += 3.0
    values[700:760], times[300] = np.nan, np.nan
    order = np.arange(2000)
    order[[499, 500, 1399, 1400]] = [500, 499, 1400, 1399]
    times, values = np.r_[times[order], times[order][-3:]], np.r_[values[order], values[:3]]
    whole = np.concatenate(list(even_rows([(times, values)], 50.0, "a.csv")))
    starts = range(0, len(times), n_rows)
    batches = [(times[i : i + n_rows], values[i : i + n_rows]) for i in starts]
    in_parts = np.concatenate(list(even_rows(iter(batches), 50.0, "a.csv")))
    assert np.isnan(whole).any() and len(whole) > 2000
    np.testing.assert_array_equal(in_parts, whole)


def test_memory_does_not_grow_with_the_stream() -> None:
    """The whole would take 96 MB."""

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start in range(0, 2_000_000, 20_000):
            yield (start + np.arange(20_000)) / 50, np.ones((20_000, 5))

    tracemalloc.start()
    n_rows = sum(len(rows) for rows in even_rows(batches(), 50.0, "a.csv"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n_rows == 2_000_000 and peak < 40e6


def test_rows_that_come_back_across_batches_are_refused() -> None:
    batches = [(np.arange(0.0, 5.0), np.ones((5, 1))), (np.arange(2.0, 7.0), np.ones((5, 1)))]
    with pytest.raises(InputError, match="a.csv goes back by 2 s at row 6; cut the file there"):
        list(even_rows(batches, 1.0, "a.csv"))


def test_pauses_and_missing_rows_by_hand() -> None:
    """At 10 Hz 0.2 s are two rows; three missing rows are what is never filled."""
    times = np.array([0.0, 0.1, 0.2, np.nan, 0.3, 0.9, 1.0, 1.1, 9.0])
    values = np.arange(9.0)[:, None]
    values[0] = np.nan
    rows = np.concatenate(list(even_rows([(times, values)], 10.0, "a.csv")))[:, 0]
    missing = [np.nan] * 5
    np.testing.assert_allclose(rows, [np.nan, 1, 2, 4, *missing, 5, 6, 7], atol=1e-6)


def test_a_pause_off_the_grid_leaves_enough_missing_rows() -> None:
    times = np.r_[np.arange(100) / 50, 2.185 + np.arange(100) / 50]
    rows = np.concatenate(list(even_rows([(times, np.ones((200, 1)))], 50.0, "a.csv")))
    assert np.isnan(rows).sum() == 11 and len(rows) == 211


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (np.r_[0:5, 2:9], r"a.csv goes back by 2 s at row 6; cut the file there"),
        (np.r_[0:5, 1e7], r"a.csv jumps ahead by 1e\+07 s at row 6; cut the file there"),
    ],
)
def test_two_recordings_in_one_file_are_refused(times: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(even_rows([(times.astype(float), np.ones((len(times), 1)))], 1.0, "a.csv"))


@pytest.mark.parametrize("times", [[], [1.0], [np.nan] * 3, [2.0, 2.0, 2.0]])
def test_no_time_no_rows(times: list[float]) -> None:
    assert list(even_rows([(np.array(times), np.ones((len(times), 3)))], 50.0, "a.csv")) == []


def clocked(frequency_hz, times):
    return times, np.sin(2 * np.pi * frequency_hz * times)[:, None]


def test_streams_with_their_own_clocks_meet_on_one():
    generator = np.random.default_rng(0)
    first = np.arange(0.0, 12.0, 1 / 20.3)
    second = np.arange(1.0, 10.0, 1 / 19.8) + generator.uniform(0, 0.003, len(np.arange(1.0, 10.0, 1 / 19.8)))
    pieces = merge_on_time([clocked(1.0, first), clocked(2.0, second)], 20.0, 0.5)
    assert len(pieces) == 1
    start_s, samples = pieces[0]
    assert start_s == pytest.approx(second[0])
    assert len(samples) == int((second[-1] - second[0]) * 20) + 1
    clock = start_s + np.arange(len(samples)) / 20
    np.testing.assert_allclose(samples[5:-5, 0], np.sin(2 * np.pi * clock)[5:-5], atol=0.01)
    np.testing.assert_allclose(samples[5:-5, 1], np.sin(4 * np.pi * clock)[5:-5], atol=0.01)


def test_a_pause_in_either_stream_ends_the_piece():
    whole = np.arange(0.0, 20.0, 0.05)
    paused = whole[(whole < 8.0) | (whole > 9.0)]
    pieces = merge_on_time([clocked(1.0, whole), clocked(1.0, paused)], 20.0, 0.5)
    assert [(round(start, 2), len(samples)) for start, samples in pieces] == [(0.0, 160), (9.05, 219)]


def test_a_short_pause_is_bridged_by_straight_lines():
    times = np.array([0.0, 0.05, 0.1, 0.15, 0.2, 0.5, 0.55, 0.6, 0.65, 0.7])
    values = np.where(times < 0.3, 1.0, 4.0)[:, None]
    ((_, samples),) = merge_on_time([(times, values)], 20.0, 0.5)
    np.testing.assert_allclose(samples[4:11, 0], [1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0], atol=0.25)
    assert samples.min() > 0.8 and samples.max() < 4.2


def test_repeated_and_unsorted_samples_count_once():
    times = np.arange(0.0, 10.0, 0.05)
    order = np.r_[100:200, 0:100, 20:60]
    stream = clocked(1.0, times)
    plain = merge_on_time([stream], 20.0, 0.5)
    mixed = merge_on_time([(times[order], stream[1][order])], 20.0, 0.5)
    assert len(plain) == len(mixed) == 1
    np.testing.assert_allclose(mixed[0][1], plain[0][1])


def test_fast_bursts_are_low_passed_before_thinning():
    times = np.arange(0.0, 10.0, 0.01)
    ((_, samples),) = merge_on_time([clocked(18.0, times)], 20.0, 0.5)
    assert np.abs(samples[10:-10]).max() < 0.02  # 18 Hz would fold to 2 Hz
    ((_, kept),) = merge_on_time([clocked(2.0, times)], 20.0, 0.5)
    assert peak_hz(kept[:, 0], 20.0) == pytest.approx(2.0, abs=0.02)


def test_streams_that_never_run_together_give_nothing():
    early, late = np.arange(0.0, 5.0, 0.05), np.arange(6.0, 9.0, 0.05)
    assert merge_on_time([clocked(1.0, early), clocked(1.0, late)], 20.0, 0.5) == []


def test_rows_of_a_burst_go_back_to_when_they_were_sampled():
    sampled = np.arange(40) / 20
    arrived = sampled.copy()
    arrived[10:20] = sampled[19]  # held back half a second, then sent together
    np.testing.assert_allclose(undelayed(arrived, 20.0), sampled, atol=1e-9)
    np.testing.assert_allclose(undelayed(arrived, 21.0), sampled, atol=0.025)
    assert (np.diff(undelayed(arrived, 21.0)) > 0).all()


def test_a_pause_in_which_rows_were_lost_stays():
    arrived = np.delete(np.arange(60) / 20, np.arange(20, 40))
    np.testing.assert_allclose(undelayed(arrived, 20.0), arrived)
    assert len(undelayed(np.empty(0), 20.0)) == 0


def test_devices_run_from_the_median_start_to_the_median_end():
    times, values = np.arange(101) / 10, np.zeros((101, 1))
    whole = (times, values)

    def part(rows):
        return [(times[rows], values[rows])]

    streams = {
        "whole": [whole, whole],
        "longer": [(np.r_[-5.0, times, 12.0], np.zeros((103, 1)))],
        "late": part(slice(7, None)),
        "early": part(slice(None, 90)),
        "paused": [whole, (np.delete(times, np.arange(50, 60)), np.zeros((91, 1)))],
        "little late": part(slice(4, None)),
        "empty": part(slice(0)),
        "none": [],
    }
    assert running(streams, 0.5) == ["whole", "longer", "little late"]
    assert running({}, 0.5) == running({"none": []}, 0.5) == []
