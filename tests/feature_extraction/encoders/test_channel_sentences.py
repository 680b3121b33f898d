"""Sentences of channels: right for each sensor, and never two alike."""

import pytest

from feature_extraction.datasets import get_dataset
from feature_extraction.datasets.readers import dsads
from feature_extraction.encoders.patch_transformer.channel_sentences import channel_sentence, describe_channels
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel, three_axes
from feature_extraction.recordings.signal import si_channel


def in_si(channels):
    return [si_channel(channel)[0] for channel in channels]


@pytest.mark.parametrize(
    ("channel", "placement", "sentence"),
    [
        (
            Channel("imu", "acc", "x", "m/s2"),
            "right hip",
            "accelerometer on the right hip: acceleration with gravity along the x axis, in metres per second squared",
        ),
        (
            Channel("imu", "gyro", "y", "rad/s"),
            "Left_Leg",
            "gyroscope on the left leg: speed of right-handed turning about the y axis, in radians per second",
        ),
        (
            Channel("imu", "mag", "z", "uT"),
            "imu",
            "magnetometer somewhere on the body: magnetic field along the z axis, in microtesla",
        ),
    ],
)
def test_sentences_as_written_by_hand(channel, placement, sentence):
    assert channel_sentence(channel, placement) == sentence


def test_every_channel_of_five_units_has_its_own_sentence():
    sentences = describe_channels(in_si(dsads.CHANNELS), "")
    assert len(set(sentences)) == len(dsads.CHANNELS) == 45
    for channel, sentence in zip(dsads.CHANNELS, sentences, strict=True):
        assert f"on the {channel.device}:" in sentence and f"{channel.axis} axis" in sentence


def test_a_placement_takes_the_place_of_the_device_name():
    channels = in_si(get_dataset("hapt").channels)
    given = describe_channels(channels, "waist")
    assert all("on the waist" in sentence and "imu" not in sentence for sentence in given)
    assert given != describe_channels(channels, "right wrist")


def test_a_device_without_placement_is_where_its_name_says():
    channels = three_axes("chest", "acc", "m/s2") + three_axes("left_ankle", "acc", "m/s2")
    sentences = describe_channels(channels)
    assert [sentence.split(":")[0] for sentence in sentences[::3]] == [
        "accelerometer on the chest",
        "accelerometer on the left ankle",
    ]


@pytest.mark.parametrize("devices", [("wrist", "Wrist"), ("imu", "sensor")])
def test_devices_at_one_place_are_told_apart_by_name(devices):
    sentences = describe_channels([channel for device in devices for channel in three_axes(device, "acc", "m/s2")])
    assert len(set(sentences)) == 6
    assert sentences[0].endswith(f"device {devices[0]}") and sentences[3].endswith(f"device {devices[1]}")


def test_units_tell_channels_apart():
    si, raw = (channel_sentence(Channel("imu", "acc", "x", unit), "waist") for unit in ("m/s2", "g"))
    assert si != raw and raw.endswith("in g")


def test_placements_that_do_not_fit_are_refused():
    one = three_axes("imu", "acc", "m/s2")
    two = one + three_axes("watch", "acc", "m/s2")
    with pytest.raises(InputError, match="'wrist' for devices imu, watch"):
        describe_channels(two, "wrist")
    with pytest.raises(InputError, match="its own channel"):
        describe_channels(one + one, "wrist")
