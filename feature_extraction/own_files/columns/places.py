"""Parts of the body in names of columns, files and devices, said in the words of everyday life."""

from feature_extraction.own_files.columns.names import words_of

PLACES = {  # words of names, one or two, by the part of the body they mean
    **dict.fromkeys(("wrist", "forearm", "fore arm", "lower arm", "hand", "palm", "finger"), "wrist"),
    **dict.fromkeys(("watch", "smartwatch", "wristband", "bracelet"), "wrist"),
    **dict.fromkeys(("ankle", "shin", "shank", "lower leg", "foot", "shoe", "heel", "calf"), "ankle"),
    **dict.fromkeys(("thigh", "upper leg", "knee", "trousers", "front pocket", "trouser pocket"), "thigh"),
    **dict.fromkeys(("hip", "waist", "belt", "pelvis", "lumbar", "lower back", "back pocket"), "hip"),
    **dict.fromkeys(("chest", "torso", "trunk", "sternum", "thorax", "back", "chest pocket", "shirt pocket"), "trunk"),
    **dict.fromkeys(("head", "ear", "earbud", "headset", "headband", "glasses", "helmet"), "head"),
    **dict.fromkeys(("upperarm", "upper arm", "biceps"), "upper arm"),
    **{"arm": "arm", "leg": "leg", "pocket": "pocket"},
}
WIDER = {"arm": ("upper arm", "wrist"), "leg": ("thigh", "ankle"), "pocket": ("thigh", "hip")}  # usual place first
IN_FILE_NAMES = frozenset(  # no verbs, and no words that are rather what somebody does
    ("wrist", "forearm", "wristband", "smartwatch", "ankle", "shin", "thigh", "trousers", "waist", "belt", "pelvis")
    + ("lumbar", "pocket", "torso", "sternum")
)


def places_of(text: str) -> set[str]:
    """Return the parts of the body that a text names, wider words together with what they include."""
    found = set(_named(text))
    return found | {part for place in found for part in WIDER.get(place, ())}


def placement_of(device: str, file_name: str) -> str:
    """Return where a device is worn: head, trunk, hip, thigh, ankle, upper arm or wrist; empty if nothing says so.

    A word that is too wide, such as arm, means the usual place: the upper arm.

    Args:
        device: Its name, which counts first.
        file_name: Of the recording, without its ending; words in it that can be activities say nothing.
    """
    in_file = " ".join(word for word in words_of(file_name) if word in IN_FILE_NAMES)
    for text in (device, in_file):
        found = {WIDER[place][0] if place in WIDER else place for place in _named(text)}
        if found:
            return found.pop() if len(found) == 1 else ""
    return ""


def _named(text: str) -> list[str]:
    """Return the place that each word of a text, or two words together, names."""
    words, found = words_of(text), []
    while words:
        two = " ".join(words[:2])
        used = 2 if len(words) > 1 and two in PLACES else 1
        place = PLACES.get(" ".join(words[:used]))
        found += [place] if place else []
        words = words[used:]
    return found
