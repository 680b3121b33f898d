"""Sentence embeddings that tests read instead of loading the text model: `text_archive.zip`, and what makes it anew.

python tests/helpers/text_archive.py
"""

import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

from feature_extraction.descriptions.class_list import VIEWS, load_class_list
from feature_extraction.descriptions.embeddings import embed, embed_views
from feature_extraction.descriptions.vocabulary import load_vocabulary

ARCHIVE = Path(__file__).with_suffix(".zip")
SENTENCES = {
    "jumping jacks": "A person jumps on the spot, legs apart and arms overhead, then back, again and again.",
    "lying": "A person lies on a bed and hardly moves.",
    "rowing": "A person sits and pulls an oar with both arms towards the belly, again and again.",
    "running": "A person runs at a fast pace and lands hard on every step.",
    "sitting": "A person sits on a chair and hardly moves.",
    "walking": "A person walks at an easy pace.",
}
# Of the everyday vocabulary: what `everyday_model.py` trains on.
EVERYDAY = ("walking", "running", "sitting", "waving", "walking upstairs", "walking downstairs")
EVERYDAY_PLACES = ("wrist", "thigh", "hip")
# What scikit-learn's checks call their classes.
LABELS = ("-1", "0", "0.0", "1", "1.0", "2", "3", "one", "two", "three")


def unpack(folder: Path) -> Path:
    """Unpack the archive as a text cache; return its folder."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(folder)
    return folder


def main() -> None:
    """Embed every text and write the archive."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        watch = load_class_list("watch")
        texts = [view for view in VIEWS if view != "kinematics"]
        embed_views([*watch.descriptions.values()], texts, cache=folder)
        everyday = [load_vocabulary().descriptions[name] for name in EVERYDAY]
        local = [replace(entry, motion={place: entry.motion[place] for place in EVERYDAY_PLACES}) for entry in everyday]
        embed_views(local, texts, cache=folder)
        embed([*SENTENCES, *SENTENCES.values(), *LABELS], cache=folder)
        with zipfile.ZipFile(ARCHIVE, "w") as archive:
            for path in sorted(folder.rglob("*.npz")):
                archive.writestr(zipfile.ZipInfo(str(path.relative_to(folder))), path.read_bytes())


if __name__ == "__main__":
    main()
