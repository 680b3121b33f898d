"""Which classes of different data sets mean the same activity, or ones that give each other away.

Two classes are synonyms if what they mean in the vocabulary (`class_lists/everyday.yaml`) shares an activity.
"""

from collections.abc import Sequence
from functools import lru_cache

from feature_extraction.descriptions.vocabulary import called, load_vocabulary

Class = tuple[str, str]  # data set, class name


def find_synonym(entry: Class, classes: Sequence[Class]) -> Class | None:
    """Return the first of `classes` that means the same as `entry`, or none.

    Equal names mean the same whatever the data sets. A class of a data set that the vocabulary does not know, such as a
    user's own, means the activity of its name and whatever shipped classes of its name mean.
    """
    own = _activities(entry)
    return next((other for other in classes if other[1] == entry[1] or own & _activities(other)), None)


@lru_cache(maxsize=4096)
def _activities(entry: Class) -> frozenset[str]:
    """Return what a class may mean; nothing if its data set is shipped and has no such class."""
    dataset, name = entry
    vocabulary = load_vocabulary()
    if dataset in vocabulary.meanings:
        known = vocabulary.meanings[dataset].get(name)
        return frozenset(known.activities if known else ())
    namesakes = [names[called(name)] for names in vocabulary.meanings.values() if called(name) in names]
    return frozenset(a for m in (vocabulary.meaning(dataset, name), *namesakes) for a in m.activities)
