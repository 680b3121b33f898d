"""What a reader declares about its data set, and how every reader finds its files and class names."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from feature_extraction.descriptions.class_list import ClassList, load_class_list
from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel, Recording, Skipped
from feature_extraction.storage.escaping import visible
from feature_extraction.storage.places import RAW_FOLDER
from feature_extraction.windows.cutting import WindowSettings

Item = TypeVar("Item")


@dataclass(frozen=True)
class DatasetSpec:
    """One data set: where it comes from, where its files lie, how they are read.

    Attributes:
        name: Name on the command line and of the class list.
        title: Full name.
        homepage: Where to get it.
        licence: Terms of use, short.
        citation: What to cite.
        layout: The files expected, as the authors lay them out (shown in errors).
        rate_hz: Rate of the recordings.
        windowing: Default windows.
        list_files: Raw folder to every file that is read, sorted; InputError if there is none.
        read_files: Those files and the class list to recordings, in a fixed order.
        load_classes: Returns the class list.
        folder: Where the raw files lie by default; `resources/raw/<name>` if not given.
        channels: One per column of the recordings.
        signature: Whatever else decides what `read_files` returns (the settings of a custom data set).
    """

    name: str
    title: str
    homepage: str
    licence: str
    citation: str
    layout: str
    rate_hz: float
    windowing: WindowSettings
    list_files: Callable[[Path], list[Path]]
    read_files: Callable[[Sequence[Path], ClassList], Iterator[Recording | Skipped]]
    load_classes: Callable[[], ClassList] | None = None
    folder: Path | None = None
    channels: tuple[Channel, ...] = ()
    signature: str = ""

    @property
    def is_own(self) -> bool:
        """Whether a user describes it, units and rates included; those of the others are known to be right."""
        return bool(self.signature)

    @property
    def hint(self) -> str:
        """What was expected and where to get it, to end a message about missing files."""
        return f"expected {self.layout}; get it from {self.homepage}"

    def class_list(self) -> ClassList:
        """Return the classes and their descriptions.

        Raises:
            InputError: The class list or a description is missing or wrong.
        """
        return self.load_classes() if self.load_classes is not None else load_class_list(self.name)

    def recording(
        self, samples: np.ndarray, name: str, subject: str, label: str, placements: dict[str, str]
    ) -> Recording:
        """Return a recording of this data set at its rate; its channels are those of the devices in `placements`."""
        channels = tuple(channel for channel in self.channels if channel.device in placements)
        return Recording(samples, channels, self.rate_hz, self.name, name, subject, label, placements)

    def raw_folder(self, raw: Path | None) -> Path:
        """Return `raw`, or where the files lie by default."""
        return Path(raw) if raw is not None else self.folder or RAW_FOLDER / self.name

    def read(self, raw: Path | None = None, class_list: ClassList | None = None) -> Iterator[Recording | Skipped]:
        """Read every recording in a fixed order; `Skipped` says what was left out.

        Raises:
            InputError: A file is missing, damaged or not laid out as expected.
        """
        files = self.list_files(self.raw_folder(raw))
        return self.read_files(files, class_list or self.class_list())


def find_files(raw: Path, tops: Sequence[str], pattern: str, spec: DatasetSpec) -> list[Path]:
    """List files below the first of `raw/top` that has any, in natural order.

    Args:
        raw: Folder the user named.
        tops: Folders relative to `raw` that may hold the files; "" is `raw` itself.
        pattern: Glob pattern below such a folder.
        spec: The data set, for the message.

    Raises:
        InputError: The folder or the files are missing.
    """
    if not raw.is_dir():
        raise InputError(f"{raw}: no such folder; name the folder of the raw recordings. {spec.hint}")
    for top in tops:
        found = sorted((raw / top).glob(pattern), key=natural_key)
        if found:
            return found
    raise InputError(f"{raw}: no files like {pattern} in it; {spec.hint}")


def natural_key(path: Path) -> tuple[tuple[int, int, str], ...]:
    """Sort key in which `a2` comes before `a10`."""
    parts = re.split(r"(\d+)", str(path))
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts)


def class_name(class_list: ClassList, code: str, where: object) -> str:
    """Translate the code of a class in the raw files.

    Raises:
        InputError: The code is not in the class list.
    """
    name = class_list.codes.get(code)
    if name is None:
        known = ", ".join(class_list.codes)
        raise InputError(
            f"{where}: class code {code!r} is not in the class list of {class_list.dataset}; "
            f"add it there or take the file away (known: {known})"
        )
    return name


def progress(items: Iterable[Item], name: str, unit: str) -> Iterator[Item]:
    """Show a progress bar on standard error while reading, if that is a terminal."""
    from tqdm import tqdm  # slow to import, and a warm cache never needs it

    return iter(tqdm(items, desc=visible(f"{name}: reading"), unit=unit, disable=None, leave=False))
