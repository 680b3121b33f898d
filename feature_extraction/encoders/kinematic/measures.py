"""How each kinematic attribute is measured on the devices that can; see `attributes.py` for which those are.

Every measure takes the devices it needs and returns one value per window, which the caller clips to [0, 1]. The
curves to [0, 1] are constants. They, and the choice between ways to measure, were fitted to what is written about
the classes that the splits `random-1` see, on windows of their training subjects; other splits may hold those out.

Axis legend: N windows, T time, A = 3 axes, P pieces of a window.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from feature_extraction.encoders.devices import Device
from feature_extraction.encoders.spectrum import Spectrum
from feature_extraction.recordings.signal import GRAVITY_MPS2

PIECE_S = 1.0
NOISE_MPS2 = 0.2  # motion below this is stillness
REST_MPS2 = 1.0  # vertical acceleration at both ends of a window below which it begins and ends at rest
TINY = 1e-9


@dataclass(frozen=True)
class Motion:
    """What one device felt in a chunk of windows.

    Attributes:
        acc: Acceleration [N, A, T], m/s².
        dynamic: Acceleration less its moving average over one second [N, A, T].
        gyro: Angular rate [N, A, T], rad/s; [N, 0, T] without a gyroscope.
        up: Axis that points up while standing, [A], one entry ±1; zeros if unknown.
        intensity: Root mean square of `dynamic` [N], m/s².
    """

    acc: np.ndarray
    dynamic: np.ndarray
    gyro: np.ndarray
    up: np.ndarray
    intensity: np.ndarray


def motion(chunk: np.ndarray, device: Device, up: np.ndarray, rate_hz: float) -> Motion:
    """Gather what `device` felt in a chunk of windows [N, C, T]; `up` is the axis that points up, [A]."""
    from scipy.ndimage import uniform_filter1d  # slow to import, and most models read no kinematics

    acc = np.ascontiguousarray(chunk[:, device.acc])
    dynamic = acc - uniform_filter1d(acc, round(rate_hz), axis=2, mode="reflect")
    intensity = np.sqrt(np.square(dynamic).sum(axis=1).mean(axis=1))
    return Motion(acc, dynamic, np.ascontiguousarray(chunk[:, device.gyro]), up, intensity)


def torso_upright(motions: Sequence[Motion], spectrum: Spectrum) -> np.ndarray:
    """Return the mean cosine between gravity and the axis of the trunk, [N]; below 0 counts as lying."""
    return _mean(np.clip(_up_cosines(m, spectrum), 0, 1).mean(axis=1) for m in motions)


def thigh_vertical(motions: Sequence[Motion], spectrum: Spectrum) -> np.ndarray:
    """Return the mean absolute cosine between gravity and the axis of the thigh, [N]."""
    return _mean(np.abs(_up_cosines(m, spectrum)).mean(axis=1) for m in motions)


def arm_raised(motions: Sequence[Motion], spectrum: Spectrum) -> np.ndarray:
    """Return the angle of the forearm from hanging to pointing up, over half a turn, [N]."""
    return _mean(np.arccos(np.clip(_up_cosines(m, spectrum), -1, 1)).mean(axis=1) / np.pi for m in motions)


def posture_change(motions: Sequence[Motion], spectrum: Spectrum) -> np.ndarray:
    """Return the angle between gravity in the first and the last third, over a right angle, [N]."""
    angles = []
    for motion in motions:
        first, last = _thirds(motion)
        angles.append(np.arccos(np.clip((first * last).sum(axis=1), -1, 1)))
    return _mean(angles) / (np.pi / 2)


def intensity(motions: Sequence[Motion], spectrum: Spectrum) -> np.ndarray:
    """Return the mean strength of the dynamic acceleration, 1 at 35 m/s², [N]."""
    return _log_scale(_mean(m.intensity for m in motions), 1.5, 35)


def periodicity(motions: Sequence[Motion], spectrum: Spectrum) -> np.ndarray:
    """Return the highest autocorrelation of the dynamic acceleration, spread over [0, 1], [N]."""
    height, _, variance = _rhythm(motions, spectrum)
    return (height * variance / (variance + NOISE_MPS2**2) - 0.1) / 0.6


def cadence(motions: Sequence[Motion], spectrum: Spectrum) -> np.ndarray:
    """Return the dominant frequency over 3 Hz where motion repeats itself, fading to 0 where it does not."""
    height, dominant_hz, variance = _rhythm(motions, spectrum)
    certainty = np.clip((height * variance / (variance + 0.3) - 0.2) / 0.3, 0, 1)
    return dominant_hz * certainty / 3


def _rhythm(motions: Sequence[Motion], spectrum: Spectrum) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return autocorrelation peak, dominant frequency in Hz and variance of all axes of all devices, [N] each."""
    power = torch.stack([spectrum.power(torch.from_numpy(m.dynamic)).sum(1) for m in motions]).mean(0)
    height, _ = spectrum.repetition(power)
    dominant_hz = spectrum.shape(power, NOISE_MPS2**2)["dominant_hz"]
    return height.numpy(), dominant_hz.numpy(), power.sum(1).numpy()


def impacts(motions: Sequence[Motion], spectrum: Spectrum) -> np.ndarray:
    """Return the 99th percentile of the jerk of the magnitude, one half at 700 m/s³, [N]."""
    shocks = []
    for motion in motions:
        jerk = np.abs(np.diff(np.sqrt(np.square(motion.acc).sum(axis=1)), axis=1)) * spectrum.rate_hz
        shocks.append(np.percentile(jerk, 99, axis=1))
    shock = _mean(shocks)
    return shock / (shock + 700)


def left_right_symmetry(motions: Sequence[Motion], spectrum: Spectrum) -> np.ndarray:
    """Return the mean ratio over pairs, which follow each other; sensor noise counts as the same on both sides."""
    ratios = []
    for left, right in zip(motions[::2], motions[1::2], strict=True):
        low, high = np.minimum(left.intensity, right.intensity), np.maximum(left.intensity, right.intensity)
        ratios.append((low + NOISE_MPS2 / 2) / (high + NOISE_MPS2 / 2))
    return _mean(ratios)


def vertical_bounce(motions: Sequence[Motion], spectrum: Spectrum) -> np.ndarray:
    """Return the standard deviation of the acceleration along gravity, over 12 m/s², [N]."""
    return _mean((_gravity(m)[:, None] @ m.acc)[:, 0].std(axis=1) for m in motions) / 12


def vertical_travel(motions: Sequence[Motion], spectrum: Spectrum) -> np.ndarray:
    """Return 0.5 plus what two signs of height say: the trunk rises, and it goes from lying to upright.

    Height is integrated twice from rest to rest: windows that begin or end in motion say nothing, nor do those in
    which the trunk tips over, as the error of its angle then outweighs the height.
    """
    heights, tilts = [], []
    for motion in motions:
        vertical = _earth_vertical(motion, spectrum.rate_hz)
        vertical -= vertical.mean(axis=1, keepdims=True)
        n_samples = vertical.shape[1]
        duration_s, n_end = n_samples / spectrum.rate_hz, round(0.4 * spectrum.rate_hz)
        rise_m = -(vertical @ np.linspace(-0.5, 0.5, n_samples, dtype=np.float32)) / n_samples * duration_s**2
        ends = np.concatenate([vertical[:, :n_end], vertical[:, -n_end:]], axis=1)
        at_rest = 1 / (1 + (np.abs(ends).mean(axis=1) / REST_MPS2) ** 4)
        moving = vertical.var(axis=1) / (vertical.var(axis=1) + NOISE_MPS2**2)
        first, last = _thirds(motion)
        same_posture = np.clip((first * last).sum(axis=1), 0, 1) ** 4
        heights.append(rise_m * at_rest * moving * same_posture)
        tilts.append((last - first) @ motion.up)
    return 0.5 + np.clip(_mean(heights) / 0.4, -0.25, 0.25) + 0.5 * _mean(tilts)


def _earth_vertical(motion: Motion, rate_hz: float) -> np.ndarray:
    """Return acceleration along the vertical [N, T], which the gyroscope carries on and gravity corrects slowly."""
    acc, gyro = motion.acc.transpose(2, 0, 1), motion.gyro.transpose(2, 0, 1)
    upward = _unit(acc[: max(4, round(0.3 * rate_hz))].mean(axis=0))
    vertical = np.empty(acc.shape[:2], dtype=np.float32)
    for t in range(len(acc)):
        vertical[t] = (upward * acc[t]).sum(axis=1)
        size = np.linalg.norm(acc[t], axis=1, keepdims=True)
        trust = 0.5 / rate_hz * np.exp(-np.abs(size - GRAVITY_MPS2))
        upward = _unit(upward - np.cross(gyro[t], upward) / rate_hz + trust * acc[t] / (size + TINY))
    return vertical.T


def turning(motions: Sequence[Motion], spectrum: Spectrum) -> np.ndarray:
    """Return the rate about gravity; averages over a second leave out the swing of every step."""
    rates = [np.abs(_pieces((_gravity(m)[:, None] @ m.gyro)[:, 0], spectrum)).mean(axis=1) for m in motions]
    return _mean(rates) / 1.2


def arm_rotation(motions: Sequence[Motion], spectrum: Spectrum) -> np.ndarray:
    """Return the root mean square of the angular rate, 1 at 10 rad/s, [N]."""
    return _log_scale(_mean(np.sqrt(np.square(m.gyro).sum(axis=1).mean(axis=1)) for m in motions), 2, 10)


def irregularity(motions: Sequence[Motion], spectrum: Spectrum) -> np.ndarray:
    """Return how much the strength varies from piece to piece, relative to its mean, [N]."""
    strengths = np.sqrt(_pieces(_energy(motions), spectrum))
    variation = strengths.std(axis=1) / (strengths.mean(axis=1) + 0.3)
    return variation / (variation + 0.6)


def smoothness(motions: Sequence[Motion], spectrum: Spectrum) -> np.ndarray:
    """Return one minus the root mean square of the jerk, 0 at 760 m/s³, [N]."""
    jerks = (np.square(np.diff(m.acc, axis=2)).sum(axis=1).mean(axis=1) for m in motions)
    return 1 - _log_scale(_mean(np.sqrt(jerk) for jerk in jerks) * spectrum.rate_hz, 11, 760)


def transience(motions: Sequence[Motion], spectrum: Spectrum) -> np.ndarray:
    """Return what the strongest second holds beyond its share of the time."""
    energy = _energy(motions)
    n_samples, length = energy.shape[1], round(spectrum.rate_hz)
    total = np.cumsum(np.pad(energy, ((0, 0), (1, 0))), axis=1)
    share = (total[:, length:] - total[:, :-length]).max(axis=1) / (total[:, -1] + TINY)
    usual, mean = length / n_samples, total[:, -1] / n_samples
    return (share - usual) / (1 - usual) * mean / (mean + NOISE_MPS2**2)


def _energy(motions: Sequence[Motion]) -> np.ndarray:
    """Return the mean square dynamic acceleration over devices at every moment [N, T]."""
    return _mean(np.square(m.dynamic).sum(axis=1) for m in motions)


def _up_cosines(motion: Motion, spectrum: Spectrum) -> np.ndarray:
    """Return the cosine between gravity and the axis that points up, per piece [N, P]."""
    pieces = _pieces(motion.acc, spectrum)
    return motion.up @ pieces / (np.linalg.norm(pieces, axis=1) + TINY)


def _thirds(motion: Motion) -> tuple[np.ndarray, np.ndarray]:
    """Return the direction of gravity in the first and the last third, [N, A] each."""
    third = motion.acc.shape[2] // 3
    return _unit(motion.acc[:, :, :third].mean(axis=2)), _unit(motion.acc[:, :, -third:].mean(axis=2))


def _gravity(motion: Motion) -> np.ndarray:
    return _unit(motion.acc.mean(axis=2))


def _pieces(signals: np.ndarray, spectrum: Spectrum) -> np.ndarray:
    """Return means over pieces of about a second, [..., T] to [..., P]."""
    n_samples = signals.shape[-1]
    bounds = np.linspace(0, n_samples, max(2, round(n_samples / spectrum.rate_hz / PIECE_S)) + 1).astype(int)
    return np.add.reduceat(signals, bounds[:-1], axis=-1) / np.diff(bounds).astype(np.float32)


def _log_scale(values: np.ndarray, knee: float, top: float) -> np.ndarray:
    """Map 0 to 0 and `top` to 1, linearly below `knee` and logarithmically above."""
    return np.log1p(values / knee) / np.log1p(top / knee)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + TINY)


def _mean(values: Iterable[np.ndarray]) -> np.ndarray:
    return np.mean(list(values), axis=0)
