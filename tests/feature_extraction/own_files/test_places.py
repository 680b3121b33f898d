"""Everyday words for places on the body."""

import pytest

from feature_extraction.own_files.columns.places import placement_of, places_of


@pytest.mark.parametrize(
    ("device", "file_name", "place"),
    [
        *(("left wrist", "walk", "wrist"), ("Apple Watch", "walk", "wrist"), ("right forearm", "", "wrist")),
        *(("lower arm", "", "wrist"), ("right arm", "", "upper arm"), ("LeftUpperArm", "", "upper arm")),
        *(("pocket", "", "thigh"), ("front pocket", "", "thigh"), ("trousers", "", "thigh"), ("leg", "", "thigh")),
        *(("waist", "", "hip"), ("Belt 2", "", "hip"), ("back pocket", "", "hip"), ("lower back", "", "hip")),
        *(("chest", "", "trunk"), ("back", "", "trunk"), ("shirt pocket", "", "trunk"), ("sternum", "", "trunk")),
        *(("glasses", "", "head"), ("left_ear", "", "head"), ("R_Shank", "", "ankle"), ("lower leg", "", "ankle")),
        *(("imu", "walk_ankle", "ankle"), ("imu", "hand_waving_back", ""), ("imu", "walk", ""), ("", "", "")),
        *(("wrist and hip", "ankle", ""), ("wrist", "ankle", "wrist"), ("imu", "PocketPhone 3", "thigh")),
    ],
)
def test_words_of_everyday_life_name_a_place(device: str, file_name: str, place: str) -> None:
    assert placement_of(device, file_name) == place


def test_wider_words_include_narrower_places() -> None:
    assert places_of("right arm acc x") == {"arm", "upper arm", "wrist"}
    assert places_of("upper arm") == {"upper arm"} and places_of("walking") == set()
