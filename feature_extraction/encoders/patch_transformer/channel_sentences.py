"""What each channel of a window measures and where, as a sentence for a text model.

An encoder that reads these sentences can tell channels apart without having seen their data set: a new
device is a new sentence. Axis legend: C channels.
"""

from collections import Counter
from collections.abc import Sequence

from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel

MEASURED = {
    "acc": "accelerometer {place}: acceleration with gravity along the {axis} axis, in {unit}",
    "gyro": "gyroscope {place}: speed of right-handed turning about the {axis} axis, in {unit}",
    "mag": "magnetometer {place}: magnetic field along the {axis} axis, in {unit}",
}
UNIT_WORDS = {
    "m/s2": "metres per second squared",
    "rad/s": "radians per second",
    "uT": "microtesla",
    "normalised": "units of its own",
}
SAYS_NO_PLACE = ("", "imu", "sensor", "device")


def channel_sentence(channel: Channel, placement: str) -> str:
    """Return one sentence: sensor, place on the body, what it measures, axis and unit.

    Args:
        channel: Its device is not mentioned.
        placement: Where the device is worn, such as `right wrist`; a word that names no place, such as
            `imu`, becomes "somewhere on the body".
    """
    unit = UNIT_WORDS.get(channel.unit, channel.unit)
    return MEASURED[channel.quantity].format(place=_place(placement), axis=channel.axis, unit=unit)


def describe_channels(channels: Sequence[Channel], placement: str = "") -> list[str]:
    """Return a sentence for each channel [C], all different.

    Args:
        channels: Channels of a window.
        placement: Where the only device is worn, as in `WindowSet.placements`. Without one, a device is worn where its
            name says; where devices share a place, their names tell them apart.

    Raises:
        InputError: One placement for several devices, or the same channel twice.
    """
    devices = tuple(dict.fromkeys(channel.device for channel in channels))
    if placement and len(devices) > 1:
        raise InputError(
            f"placements: one place {placement!r} for devices {', '.join(devices)}; give a place for each device"
        )
    n_devices_at = Counter(_place(device) for device in devices)
    sentences = []
    for channel in channels:
        sentence = channel_sentence(channel, placement or channel.device)
        if n_devices_at[_place(channel.device)] > 1:
            sentence += f", device {channel.device}"
        sentences.append(sentence)
    repeated = [sentence for sentence, count in Counter(sentences).items() if count > 1]
    if repeated:
        raise InputError(f"channels: more than one is {repeated[0]!r}; give each column its own channel")
    return sentences


def _place(placement: str) -> str:
    words = " ".join(placement.replace("_", " ").lower().split())
    return "somewhere on the body" if words in SAYS_NO_PLACE else f"on the {words}"
