"""The written kinematic attributes of `class_lists/kinematics.yaml`, measured on windows by fixed formulas.

Which attributes can be measured depends on where devices sit (their placement, or their name), on gyroscopes, and on
which axis of a device points up while its wearer stands (`MOUNTINGS`); the others are left out. Attributes of the
whole body are measured on all devices together; on a lone device they describe the motion of that place. Arms, legs,
trunk, turning, bounce and travel are measured only where a device sits there.

Sensors may be turned as they like, but for posture and travel, which need the axis of `MOUNTINGS`. Height climbed
while walking is out of reach: vertical travel shows in sitting down, lying down and getting up only.

Axis legend: N windows, T time, C channels, A = 3 axes, D attributes that can be measured.
"""

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from feature_extraction.descriptions.class_list import attribute_names
from feature_extraction.encoders.devices import Device, find_devices
from feature_extraction.encoders.kinematic import measures
from feature_extraction.encoders.spectrum import Spectrum
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel

VERSION = 1  # part of cache file names; raise it whenever a measure changes
CHUNK_WINDOWS = 256
SHORTEST_S = 2.0

TRUNK = ("torso", "trunk", "chest", "sternum", "back", "waist", "belt", "hip", "pelvis")
THIGH = ("thigh", "knee", "leg")
LEG = (*THIGH, "shank", "shin", "calf", "ankle", "foot")
ARM = ("wrist", "hand", "forearm", "arm", "elbow", "watch")

# Data set -> placement -> axis that reads +1 g while the wearer stands, arms hanging; read off training recordings.
MOUNTINGS: Mapping[str, Mapping[str, str]] = {
    "usc-had": {"right hip": "+x"},
    "hapt": {"waist": "+x"},
    "wharf": {"right wrist": "-x"},
    "wisdm": {"wrist": "+x"},
    "utd-mhad": {"right wrist": "-x", "right thigh": "-x"},
    "umafall": {"chest": "+x", "waist": "+x"},
    "sp-sw-har": {"left wrist": "-x"},
    "berkeley-mhad": {"left wrist": "+x", "right wrist": "+x", "left hip": "+y", "right hip": "+y"},
    "dsads": {"torso": "+x", "right arm": "+x", "left arm": "+x", "right leg": "-x", "left leg": "-x"},
}

Measure = Callable[[Sequence[measures.Motion], Spectrum], np.ndarray]
Plan = Mapping[str, tuple[Measure, tuple[int, ...]]]  # attribute -> how, and on which devices


def measure_kinematics(
    samples: np.ndarray,
    channels: Sequence[Channel],
    rate_hz: float,
    placements: Sequence[str] | np.ndarray | None = None,
    up_axes: Mapping[str, str] | None = None,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Measure the written kinematic attributes.

    Args:
        samples: Windows [N, T, C], m/s² and rad/s; may be a memory map, read in small chunks.
        channels: One per column.
        rate_hz: Sampling rate.
        placements: Where a lone device sat in each window, [N]. Where it is empty or not given, and with several
            devices, a device's name tells. Measured is what every one of the placements can measure.
        up_axes: Placement -> `+x`, `-x`, `+y`, ..., the axis that reads +1 g while the wearer stands, arms hanging.
            Without it the posture of trunk, thigh and forearm is left out.

    Returns:
        Values in [0, 1], float32 [N, D], and the attributes' names in the order of `kinematics.yaml`.

    Raises:
        InputError: No windows, windows shorter than two seconds, wrong channel count or units, incomplete sensors,
            a placement missing for a window, an unknown axis, or samples that are not finite.
    """
    if samples.ndim != 3 or samples.shape[2] != len(channels):
        raise InputError(f"windows of shape {samples.shape} do not fit {len(channels)} channels; expected [N, T, C]")
    if len(samples) == 0 or samples.shape[1] < max(8, SHORTEST_S * rate_hz):
        raise InputError(
            f"windows of shape {samples.shape} at {rate_hz:g} Hz: kinematics need at least one window of at least "
            f"{SHORTEST_S:g} s; use a longer window_s"
        )
    places = np.full(len(samples), "") if placements is None else np.asarray(placements).astype(np.str_)
    if places.shape != (len(samples),):
        raise InputError(f"placements of shape {places.shape} do not fit {len(samples)} windows; give one per window")
    names = measurable_attributes(channels, places, up_axes)
    devices, spectrum = find_devices(channels), Spectrum(samples.shape[1], float(rate_hz))
    values = np.empty((len(samples), len(names)), dtype=np.float32)
    for place in np.unique(places).tolist():
        worn_at = _worn_at(devices, place)
        plan, ups = _plan(devices, worn_at, up_axes or {}), _up_vectors(worn_at, up_axes or {})
        rows = np.flatnonzero(places == place)
        for start in range(0, len(rows), CHUNK_WINDOWS):
            at = rows[start : start + CHUNK_WINDOWS]
            chunk = np.asarray(samples[at], dtype=np.float32).transpose(0, 2, 1)
            finite = np.isfinite(chunk).all(axis=(1, 2))
            if not finite.all():
                raise InputError(f"window {at[~finite][0]}: samples are not finite; check the recording's units")
            motions = [
                measures.motion(chunk, device, up, spectrum.rate_hz) for device, up in zip(devices, ups, strict=True)
            ]
            for column, name in enumerate(names):
                measure, indices = plan[name]
                values[at, column] = np.clip(measure([motions[k] for k in indices], spectrum), 0, 1)
    return values, names


def measurable_attributes(
    channels: Sequence[Channel],
    placements: Sequence[str] | np.ndarray = ("",),
    up_axes: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Return the attributes that every placement can measure, in the order of `kinematics.yaml`.

    Raises:
        InputError: Units or axes are wrong, or the sensors are incomplete.
    """
    devices = find_devices(channels)
    plans = [
        _plan(devices, _worn_at(devices, place), up_axes or {})
        for place in np.unique(np.asarray(placements).astype(np.str_)).tolist()
    ]
    return tuple(name for name in attribute_names() if all(name in plan for plan in plans))


def _worn_at(devices: Sequence[Device], place: str) -> list[str]:
    return [place] if place and len(devices) == 1 else [device.name for device in devices]


def _plan(devices: Sequence[Device], worn_at: Sequence[str], up_axes: Mapping[str, str]) -> Plan:
    """Decide what is measured on which devices; attributes without one are absent."""
    words = [set(re.split(r"[^a-z]+", place.lower())) for place in worn_at]
    everywhere = tuple(range(len(devices)))
    trunk, legs, thighs, arms = (
        tuple(k for k in everywhere if words[k] & set(places)) for places in (TRUNK, LEG, THIGH, ARM)
    )
    dominant = tuple(k for k in arms if "left" not in words[k])
    other = tuple(k for k in arms if "left" in words[k])
    pairs = [(a, b) for a in everywhere for b in everywhere if "left" in words[a] and "right" in words[b]]
    pairs = [(a, b) for a, b in pairs if words[a] - {"left"} == words[b] - {"right"}]

    def turning(indices: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(k for k in indices if len(devices[k].gyro))

    def mounted(indices: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(k for k in indices if worn_at[k] in up_axes)

    plan: dict[str, tuple[Measure, tuple[int, ...]]] = {
        "torso_upright": (measures.torso_upright, mounted(trunk)),
        "thigh_vertical": (measures.thigh_vertical, mounted(thighs)),
        "posture_change": (measures.posture_change, trunk + legs or everywhere),
        "overall_intensity": (measures.intensity, everywhere),
        "dominant_arm_intensity": (measures.intensity, dominant),
        "other_arm_intensity": (measures.intensity, other),
        "leg_intensity": (measures.intensity, legs),
        "torso_intensity": (measures.intensity, trunk),
        "periodicity": (measures.periodicity, everywhere),
        "cadence": (measures.cadence, everywhere),
        "impacts": (measures.impacts, everywhere),
        "left_right_symmetry": (measures.left_right_symmetry, tuple(k for pair in pairs for k in pair)),
        "vertical_bounce": (measures.vertical_bounce, trunk),
        "vertical_travel": (measures.vertical_travel, mounted(turning(trunk))),
        "turning": (measures.turning, turning(trunk)),
        "arm_rotation": (measures.arm_rotation, turning(dominant)),
        "arm_raised": (measures.arm_raised, tuple(k for k in mounted(dominant) if "upper" not in words[k])),
        "irregularity": (measures.irregularity, everywhere),
        "smoothness": (measures.smoothness, everywhere),
        "transience": (measures.transience, everywhere),
    }
    return {name: entry for name, entry in plan.items() if entry[1]}


def _up_vectors(worn_at: Sequence[str], up_axes: Mapping[str, str]) -> list[np.ndarray]:
    vectors = [np.zeros(3, dtype=np.float32) for _ in worn_at]
    for vector, place in zip(vectors, worn_at, strict=True):
        if place not in up_axes:
            continue
        found = re.fullmatch(r"([+-])([xyz])", up_axes[place])
        if found is None:
            raise InputError(f"axis that points up at {place!r} is {up_axes[place]!r}; write +x, -x, +y, -y, +z or -z")
        vector["xyz".index(found[2])] = float(f"{found[1]}1")
    return vectors
