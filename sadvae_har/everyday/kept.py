"""Finished parts of a training that takes minutes: an interrupted one goes on, and ends with the same model."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from feature_extraction.descriptions.vocabulary import load_vocabulary
from feature_extraction.errors import InputError
from feature_extraction.storage.files import content_hash, keep_checksums, read_npz, write_npz
from sadvae_har.everyday.corpus import Corpus

logger = logging.getLogger(__name__)

PARTS = "parts"  # in the folder of the model, until that is finished
METHOD = 1  # raise it when training changes, so that parts made before are not used


class Kept:
    """A folder of finished parts, or none: then every part is made anew."""

    def __init__(self, folder: Path | None = None) -> None:
        """Look for parts in a folder, which need not exist."""
        self._folder = folder

    @classmethod
    def of(cls, corpus: Corpus, config: object, folder: Path) -> "Kept":
        """Keep the parts of one training in the folder of its model.

        Args:
            corpus: What is learned from.
            config: Settings, whose text tells them apart.
            folder: Of the model.
        """
        windows, text = corpus.windows, repr(sorted(load_vocabulary().descriptions.items()))
        arrays = [*vars(windows).values(), corpus.features, corpus.possible]
        words = [str(METHOD), torch.__version__, repr(config), text, *corpus.activities]
        return cls(folder / PARTS / content_hash(*words, *(array.tobytes() for array in arrays)))

    def arrays(self, name: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """Return a part by its name, made now if it is not there yet or is damaged."""
        if self._folder is None:
            return make()
        keep_checksums(self._folder)
        path = self._folder / f"{name}.npz"
        if path.exists():
            try:
                return read_npz(path)
            except InputError as error:
                logger.warning("%s; making it again", error)
        write_npz(path, make())
        return read_npz(path)

    def clear(self) -> None:
        """Delete all parts, of this training and of others of the same folder."""
        if self._folder is not None:
            shutil.rmtree(self._folder.parent, ignore_errors=True)
