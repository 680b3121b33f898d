"""Statistics of one device: the same however it is turned, whole whether or not it has a gyroscope."""

import numpy as np
import pytest
from everyday_model import MOTIONS, felt, turned

from feature_extraction.encoders.turn_free.statistics import (
    RIDGE,
    GyroGuess,
    feature_names,
    is_turn_free,
    n_of_accelerometer,
    turn_free_statistics,
)
from feature_extraction.errors import InputError

RATE_HZ, N_SAMPLES = 20.0, 100
NAMES = feature_names(N_SAMPLES, RATE_HZ)
N_ACC = n_of_accelerometer(N_SAMPLES, RATE_HZ)
MIRROR = np.diag([-1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    """Return windows of every activity at every place by four people, [n, T, 6]."""
    return np.stack(
        [felt(name, place, seed=k) for name, places in MOTIONS.items() for place in places for k in range(4)]
    )


@pytest.fixture(scope="module")
def features(samples: np.ndarray) -> np.ndarray:
    return describe(samples)


def describe(samples: np.ndarray, has_gyro: np.ndarray | None = None) -> np.ndarray:
    return turn_free_statistics(samples, np.ones(len(samples), bool) if has_gyro is None else has_gyro, RATE_HZ)


@pytest.mark.parametrize("seed", range(5))
def test_a_turned_device_gives_the_same_statistics(seed: int, samples: np.ndarray, features: np.ndarray) -> None:
    """In units of how much each differs from window to window; a third moment loses most digits."""
    difference = np.abs(describe(turned(samples, seed)) - features) / features.std(0)
    assert difference.max() < 1e-3, NAMES[difference.max(0).argmax()]


def test_a_single_axis_would_not_pass(samples: np.ndarray) -> None:
    """The tolerance can tell: the mean along x is far off once a device is turned."""
    along_x = samples[:, :, 0].mean(1)
    assert np.abs(turned(samples, 0)[:, :, 0].mean(1) - along_x).max() > 100 * 1e-3 * along_x.std()


def test_a_mirrored_device_differs_in_the_sense_of_turning_alone(samples: np.ndarray, features: np.ndarray) -> None:
    """Acceleration is a vector and rotation an axial one, which a mirror turns round."""
    mirrored = np.concatenate([samples[..., :3] @ MIRROR, -samples[..., 3:] @ MIRROR], axis=-1).astype(np.float32)
    difference = np.abs(describe(mirrored) - features).max(0) / features.std(0)
    changed = {name for name, far in zip(NAMES, difference, strict=True) if far > 1e-2}
    assert changed and all(name.startswith("turning_") for name in changed)


def test_names_speak_of_no_axis() -> None:
    assert len(set(NAMES)) == len(NAMES) and N_ACC < len(NAMES)
    assert not [name for name in NAMES if name.endswith(("_x", "_y", "_z")) or "_xy" in name]
    assert not [name for name in NAMES[:N_ACC] if "gyro" in name or "turning" in name]
    assert is_turn_free("imu.acc_std") and not is_turn_free("imu.acc_x_std") and not is_turn_free("imu.acc_corr_xy")


def test_without_gyroscope_its_features_alone_are_missing(samples: np.ndarray, features: np.ndarray) -> None:
    """Whatever stands in its columns is not read, and windows beside it do not change."""
    has_gyro = np.arange(len(samples)) % 2 == 0
    strange = samples.copy()
    strange[~has_gyro, :, 3:] = np.nan
    found = describe(strange, has_gyro)
    np.testing.assert_allclose(found[has_gyro], features[has_gyro], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[~has_gyro, :N_ACC], features[~has_gyro, :N_ACC], rtol=1e-4, atol=1e-5)
    assert np.isnan(found[~has_gyro, N_ACC:]).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_windows_that_are_not_finite_are_refused(value: float, samples: np.ndarray) -> None:
    broken = samples[:3].copy()
    broken[1, 5, 0] = value
    with pytest.raises(InputError, match="window 1"):
        describe(broken)


def test_the_guess_is_a_ridge_regression_on_scaled_features() -> None:
    """By hand, for one feature of each sensor: covariance over variance, with ten windows' worth of doubt."""
    generator = np.random.default_rng(0)
    acc = generator.normal(3, 2, 50)
    gyro = 0.5 * acc + generator.normal(0, 0.1, 50)
    guess = GyroGuess.fit(np.stack([acc, gyro], axis=1).astype(np.float32), 1)
    scaled = [(values - values.mean()) / values.std() for values in (acc, gyro)]
    slope = scaled[0] @ scaled[1] / (scaled[0] @ scaled[0] + RIDGE) * gyro.std() / acc.std()
    assert guess.weight == pytest.approx(np.array([[slope]]), rel=1e-4)
    assert guess.bias == pytest.approx(np.array([gyro.mean() - slope * acc.mean()]), rel=1e-4)


def test_the_guess_fills_gaps_and_nothing_else(samples: np.ndarray, features: np.ndarray) -> None:
    has_gyro = np.arange(len(samples)) % 3 > 0
    gaps = describe(samples, has_gyro)
    guess = GyroGuess.fit(gaps, N_ACC)
    filled = guess.fill(gaps)
    assert np.isfinite(filled).all()
    np.testing.assert_array_equal(filled[has_gyro], gaps[has_gyro])
    np.testing.assert_array_equal(filled[~has_gyro, :N_ACC], gaps[~has_gyro, :N_ACC])
    expected = gaps[~has_gyro, :N_ACC] @ guess.weight + guess.bias
    np.testing.assert_allclose(filled[~has_gyro, N_ACC:], expected, rtol=1e-5, atol=1e-5)
    # It is worth more than the mean of all windows.
    missed = np.abs(filled - features)[~has_gyro, N_ACC:] / features[:, N_ACC:].std(0)
    assert (
        missed.mean()
        < 0.5 * (np.abs(features - features.mean(0))[~has_gyro, N_ACC:] / features[:, N_ACC:].std(0)).mean()
    )


def test_a_guess_of_devices_that_all_have_a_gyroscope_fills_one_that_has_none(
    samples: np.ndarray, features: np.ndarray
) -> None:
    guess = GyroGuess.fit(features, N_ACC)
    filled = guess.fill(describe(samples, np.zeros(len(samples), bool)))
    assert filled.shape == features.shape and np.isfinite(filled).all()


@pytest.mark.parametrize("n_known", [0, 1])
def test_a_guess_needs_devices_with_a_gyroscope(n_known: int, samples: np.ndarray) -> None:
    with pytest.raises(InputError, match="no window has a gyroscope; learn from"):
        GyroGuess.fit(describe(samples, np.arange(len(samples)) < n_known), N_ACC)


def test_a_guess_is_rebuilt_from_its_arrays(features: np.ndarray) -> None:
    guess = GyroGuess.fit(features, N_ACC)
    again = GyroGuess.from_arrays(guess.to_arrays())
    np.testing.assert_array_equal(again.weight, guess.weight)
    np.testing.assert_array_equal(again.bias, guess.bias)


@pytest.mark.parametrize(
    "damage",
    [
        {"weight": np.zeros(3)},
        {"bias": np.zeros((2, 2))},
        {"bias": np.zeros(5)},
        {"weight": np.full((3, 2), np.nan)},
        {"bias": np.array([0, np.inf])},
    ],
    ids=["a row", "a table", "too long", "no number", "not finite"],
)
def test_arrays_that_are_no_guess_are_refused(damage: dict[str, np.ndarray]) -> None:
    sound = {"weight": np.zeros((3, 2)), "bias": np.zeros(2)}
    GyroGuess.from_arrays(sound)
    with pytest.raises(InputError, match="features of the gyroscope: arrays of shapes"):
        GyroGuess.from_arrays(sound | damage)


@pytest.mark.parametrize("name", ["weight", "bias"])
def test_a_guess_without_an_array_is_refused(name: str) -> None:
    arrays = {"weight": np.zeros((3, 2)), "bias": np.zeros(2)}
    del arrays[name]
    with pytest.raises(InputError, match="features of the gyroscope"):
        GyroGuess.from_arrays(arrays)
