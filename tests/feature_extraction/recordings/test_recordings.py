import numpy as np
import pytest

from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel, Recording, three_axes

CHANNELS = three_axes("torso", "acc", "g") + three_axes("torso", "gyro", "deg/s")


def make(samples, channels=CHANNELS, rate_hz=50.0):
    return Recording(samples, channels, rate_hz, "tiny", "r1", "1", "walking", {"torso": "chest"})


def test_channel_names_say_device_quantity_and_axis():
    assert [channel.name for channel in CHANNELS[:4]] == [
        "torso.acc_x",
        "torso.acc_y",
        "torso.acc_z",
        "torso.gyro_x",
    ]


@pytest.mark.parametrize(("quantity", "axis"), [("speed", "x"), ("acc", "w")])
def test_channel_refuses_unknown_words(quantity, axis):
    with pytest.raises(InputError, match="choose from"):
        Channel("imu", quantity, axis, "g")


def test_recording_is_float32_and_knows_its_length():
    recording = make(np.zeros((125, 6)))
    assert recording.samples.dtype == np.float32
    assert recording.duration_s == 2.5
    assert recording.devices == ("torso",)


def test_select_keeps_the_columns_of_a_quantity():
    recording = make(np.arange(12.0).reshape(2, 6)).select(("gyro",))
    assert recording.samples.tolist() == [[3, 4, 5], [9, 10, 11]]
    assert {channel.quantity for channel in recording.channels} == {"gyro"}


def test_select_refuses_what_was_not_recorded():
    with pytest.raises(InputError, match="tiny/r1: no mag channels; choose quantities from acc, gyro"):
        make(np.zeros((5, 6))).select(("acc", "mag"))


def with_gap():
    samples = np.zeros((10, 6))
    samples[4:7, 2] = np.nan
    return samples


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"samples": np.zeros((5, 4))}, r"r1: samples of shape \(5, 4\) do not fit 6 channels"),
        ({"samples": np.zeros(6)}, "one row per sample"),
        ({"samples": np.zeros((0, 6))}, "no samples"),
        ({"samples": with_gap()}, "3 of 10 samples are not finite, the first at row 4 in torso.acc_z"),
        ({"samples": np.zeros((5, 6)), "rate_hz": 0.0}, "positive sampling rate"),
        ({"samples": np.zeros((5, 6)), "channels": CHANNELS[:3] * 2}, "a channel occurs twice"),
    ],
)
def test_recording_refuses_what_cannot_be_one(arguments, message):
    with pytest.raises(InputError, match=message):
        make(**arguments)
