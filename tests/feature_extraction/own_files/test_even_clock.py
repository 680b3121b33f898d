import numpy as np
import pytest

from feature_extraction.errors import InputError
from feature_extraction.own_files import even_clock
from feature_extraction.own_files.even_clock import even_rows
from feature_extraction.recordings.signal import merge_on_time


def jittered(n_rows: int, rate_hz: float = 52.0) -> tuple[np.ndarray, np.ndarray]:
    """Return uneven times and a movement of 1.3 and 4 Hz."""
    rng = np.random.default_rng(0)
    times = np.arange(n_rows) / rate_hz + rng.uniform(-0.3, 0.3, n_rows) / rate_hz
    return times, np.stack([np.sin(2 * np.pi * f * times) * 5 for f in (1.3, 4.0)], axis=1)


@pytest.mark.parametrize("rate_hz", [50.0, 12.5, 100.0])
def test_blocks_give_what_the_whole_gives(rate_hz: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(even_clock, "BLOCK", 300)
    times, values = jittered(4000)
    blocks = list(even_rows(times, values, rate_hz, "a.csv"))
    ((_, whole),) = merge_on_time([(times, values)], rate_hz, 0.2)
    assert len(blocks) > 3 and max(map(len, blocks)) == 300
    rows = np.concatenate(blocks)
    np.testing.assert_allclose(rows[20:-20], whole[20:-20], atol=1e-5)
    np.testing.assert_allclose(rows, whole, atol=2e-3)  # the trend beyond an end is that of its block


def test_pauses_and_missing_rows_by_hand() -> None:
    """At 10 Hz 0.2 s are two rows; three missing rows are what is never filled."""
    times = np.array([0.0, 0.1, 0.2, np.nan, 0.3, 0.9, 1.0, 1.1, 9.0])
    values = np.arange(9.0)[:, None]
    values[0] = np.nan
    rows = np.concatenate(list(even_rows(times, values, 10.0, "a.csv")))[:, 0]
    missing = [np.nan] * 5
    np.testing.assert_allclose(rows, [np.nan, 1, 2, 4, *missing, 5, 6, 7], atol=1e-6)


def test_a_pause_off_the_grid_leaves_enough_missing_rows() -> None:
    times = np.r_[np.arange(100) / 50, 2.185 + np.arange(100) / 50]
    rows = np.concatenate(list(even_rows(times, np.ones((200, 1)), 50.0, "a.csv")))
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
        list(even_rows(times.astype(float), np.ones((len(times), 1)), 1.0, "a.csv"))


@pytest.mark.parametrize("times", [[], [1.0], [np.nan] * 3, [2.0, 2.0, 2.0]])
def test_no_time_no_rows(times: list[float]) -> None:
    assert list(even_rows(np.array(times), np.ones((len(times), 3)), 50.0, "a.csv")) == []
