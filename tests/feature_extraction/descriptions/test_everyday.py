import pytest

from feature_extraction.descriptions.class_list import ANYWHERE, class_list_from_mapping, load_class_list
from feature_extraction.descriptions.everyday import fill_in, find_everyday
from feature_extraction.descriptions.vocabulary import load_vocabulary
from feature_extraction.errors import InputError


def test_an_activity_is_found_by_its_name_in_any_case() -> None:
    assert find_everyday(" Brushing  TEETH ") is load_vocabulary().descriptions["brushing teeth"]


def test_a_class_of_a_shipped_data_set_is_found_by_name_or_label_where_no_activity_is_called_so() -> None:
    jogging = find_everyday("Jogging")
    assert jogging.sentence in (load_class_list(name).descriptions["jogging"].sentence for name in ("umafall", "wisdm"))
    assert {"wrist", "chest"} <= set(jogging.motion) and len(jogging.kinematics) == 20
    assert find_everyday("elevator up").name == "elevator up"


def test_an_unknown_name_lists_near_ones() -> None:
    with pytest.raises(InputError, match="no everyday activity 'wlaking'; near ones are walking"):
        find_everyday("wlaking")


def test_everyday_classes_are_described_where_the_devices_are_worn() -> None:
    given = {"walking": "everyday", "up": {"everyday": "walking upstairs", "code": "ups", "sentence": "Up."}}
    filled = fill_in(given | {"stirring": {"sentence": "Someone stirs."}}, ["left wrist"])
    class_list = class_list_from_mapping("own", filled, "dataset.yaml")
    assert class_list.codes == {"walking": "walking", "ups": "up", "stirring": "stirring"}
    assert class_list.placements == ("left wrist",)
    descriptions = class_list.descriptions
    assert descriptions["walking"].motion["left wrist"] in find_everyday("walking").motion.values()
    assert descriptions["up"].sentence == "Up." and descriptions["up"].kinematics
    assert descriptions["stirring"].motion == {"left wrist": "Someone stirs."}


@pytest.mark.parametrize(
    ("place", "part"),
    [
        ("Left wrist", "wrist"),
        ("right pocket", "thigh"),
        ("chest", "trunk"),
        ("waist", "hip"),
        ("right arm", "upper arm"),
    ],
)
def test_places_are_parts_of_the_body_by_their_usual_words(place: str, part: str) -> None:
    assert fill_in({"walking": "everyday"}, [place])["walking"]["motion"] == {
        place: find_everyday("walking").motion[part]
    }


def test_places_that_a_user_describes_win_and_unknown_ones_get_the_sentence() -> None:
    own = {"sentence": "Someone stirs.", "motion": {"nose": "A gentle sway."}}
    motion = fill_in({"walking": "everyday", "stirring": own}, ["wrist"])["walking"]["motion"]
    assert motion == {"nose": find_everyday("walking").sentence}
    assert set(fill_in({"walking": "everyday"}, [])["walking"]["motion"]) == {ANYWHERE}


def test_an_unknown_everyday_class_is_named() -> None:
    with pytest.raises(InputError, match="classes: hop: no everyday activity 'hopp'"):
        fill_in({"hop": {"everyday": "hopp"}}, [])
