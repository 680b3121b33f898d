"""Classes that share an activity are synonyms, across data sets and for data sets of one's own."""

from itertools import combinations

import pytest

from feature_extraction.descriptions.synonyms import find_synonym
from feature_extraction.descriptions.vocabulary import load_vocabulary

GROUPS = {
    "walking": ["usc-had: walking left", "hapt: walking", "dsads: walking on an inclined treadmill", "wisdm: walking"]
    + ["utd-mhad: walk in place", "wharf: walking", "umafall: walking", "sp-sw-har: walking"],
    "upstairs": ["usc-had: walking upstairs", "hapt: walking upstairs", "dsads: ascending stairs", "wisdm: stairs"]
    + ["wharf: climbing stairs", "umafall: going upstairs"],
    "downstairs": ["usc-had: walking downstairs", "hapt: walking downstairs", "dsads: descending stairs"]
    + ["wisdm: stairs", "wharf: descending stairs", "umafall: going downstairs"],
    "running": ["usc-had: running forward", "dsads: running on a treadmill", "wisdm: jogging", "utd-mhad: jog in place"]
    + ["umafall: jogging"],
    "sitting": ["usc-had: sitting", "hapt: sitting", "dsads: sitting", "wisdm: sitting", "sp-sw-har: seated"],
    "lying": ["usc-had: sleeping", "hapt: lying", "dsads: lying on back", "dsads: lying on right side"],
    "elevator": ["usc-had: elevator up", "usc-had: elevator down", "dsads: standing in an elevator"]
    + ["dsads: moving around in an elevator"],
    "sitting down": ["hapt: stand to sit", "utd-mhad: stand to sit", "wharf: sitting down on a chair"]
    + [
        "umafall: sitting down and getting up",
        "sp-sw-har: sitting down",
        "berkeley-mhad: sitting down and standing up",
    ],
    "standing up": ["hapt: sit to stand", "utd-mhad: sit to stand", "wharf: standing up from a chair"],
    "lying down": ["hapt: sit to lie", "hapt: stand to lie", "wharf: lying down on a bed"],
    "getting up": ["hapt: lie to sit", "hapt: lie to stand", "wharf: getting up from bed"],
    "drinking": ["wisdm: drinking from cup", "wharf: drinking from a glass"],
    "cutlery": ["wisdm: eating soup", "wisdm: eating pasta", "wharf: eating with fork and knife"]
    + ["wharf: eating with a spoon"],
    "clapping": ["wisdm: clapping", "utd-mhad: clap", "umafall: clapping", "berkeley-mhad: clapping"],
    "catching": ["wisdm: playing catch", "utd-mhad: catch"],
    "throwing": ["wisdm: playing catch", "utd-mhad: throw", "berkeley-mhad: throwing a ball"],
    "jumping": ["usc-had: jumping", "dsads: jumping", "umafall: hopping", "berkeley-mhad: jumping in place"],
    "boxing": ["utd-mhad: boxing", "berkeley-mhad: boxing"],
    "waving": ["utd-mhad: wave", "berkeley-mhad: waving both hands", "berkeley-mhad: waving the right hand"],
    "bending": ["umafall: bending", "berkeley-mhad: bending down"],
    "phone call": ["umafall: making a call", "wharf: using a telephone"],
    "basketball": ["wisdm: dribbling basketball", "dsads: playing basketball", "utd-mhad: basketball shoot"],
}


@pytest.mark.parametrize("group", GROUPS.values(), ids=list(GROUPS))
def test_what_is_known_to_mean_the_same_does(group: list[str]) -> None:
    for left, right in combinations([(text.split(": ")[0], text.split(": ")[1]) for text in group], 2):
        assert find_synonym(left, [right]) == right and find_synonym(right, [left]) == left


def test_what_nothing_else_means_stays_alone() -> None:
    shipped = [(dataset, name) for dataset, names in load_vocabulary().meanings.items() for name in names]
    rowing = ("dsads", "rowing")
    assert find_synonym(rowing, [entry for entry in shipped if entry != rowing]) is None
    assert find_synonym(rowing, []) is None


def test_a_class_stands_for_its_synonyms_and_its_namesakes() -> None:
    unseen = [("usc-had", "sitting"), ("usc-had", "walking forward")]
    assert find_synonym(("hapt", "walking"), unseen) == ("usc-had", "walking forward")
    assert find_synonym(("hapt", "standing"), unseen) is None
    assert find_synonym(("mine", "sitting"), unseen) == ("usc-had", "sitting")
    assert find_synonym(("hapt", "juggling"), [("mine", "juggling")]) == ("mine", "juggling")


def test_a_data_set_of_ones_own_goes_by_its_names() -> None:
    assert find_synonym(("hapt", "walking"), [("mine", "walking forward")]) == ("mine", "walking forward")
    assert find_synonym(("mine", "jogging"), [("dsads", "running on a treadmill")]) is not None
    assert find_synonym(("mine", "Riding an Elevator"), [("usc-had", "elevator up")]) is not None
    assert find_synonym(("hapt", "walking"), [("mine", "walking the dog")]) is None
    # dsads calls nothing `jogging`, so there the name of another data set says nothing
    assert find_synonym(("dsads", "jogging"), [("usc-had", "running forward")]) is None
