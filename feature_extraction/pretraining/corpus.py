"""The windows an encoder may learn from, pooled over data sets, and how batches are drawn from them.

A batch holds windows of one device of one data set. So a contrastive objective has to tell movements apart and not
data sets, nothing is padded, and a device is what the encoder learns to read; sets of devices are read one by one.
Axis legend: B windows of a batch, T time, C channels, P patches, S samples of a patch, E text dimension,
K statistics.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from feature_extraction.descriptions.embeddings import DEFAULT_TEXT_MODEL
from feature_extraction.descriptions.synonyms import find_synonym
from feature_extraction.encoders.patch_transformer.device_readers import DeviceReader, describe_devices
from feature_extraction.encoders.patch_transformer.patches import PatchConfig, channel_scale, make_patches
from feature_extraction.encoders.statistical.features import statistical_features
from feature_extraction.errors import InputError
from feature_extraction.pretraining.augment.augment import AugmentConfig, augment
from feature_extraction.pretraining.objectives.objective import UNLABELLED, PatchBatch
from feature_extraction.pretraining.schedule import draw_balanced
from feature_extraction.protocol.draw_splits import known_partition, random_partition
from feature_extraction.protocol.split import Provenance, Split
from feature_extraction.storage.places import TEXT_CACHE
from feature_extraction.windows.window_set import WindowSet

MEASURED_WINDOWS = 512  # of each data set, for the scale of its statistics


@dataclass(frozen=True)
class Part:
    """What one data set gives.

    Attributes:
        windows: All windows of the data set.
        train: Windows to learn from [n].
        val: Windows that choose the epoch [m].
        banned: Classes whose labels are not used: synonyms of a split's unseen classes.
    """

    windows: WindowSet
    train: np.ndarray
    val: np.ndarray
    banned: frozenset[str] = frozenset()

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes whose labels may be used, in order of the alphabet."""
        return tuple(sorted(set(self.windows.labels[self.train].tolist()) - self.banned))

    def provenance(self, labelled: bool) -> tuple[Provenance, ...]:
        """Return what is learned from this data set: classes with their labels, and without."""
        rows = np.concatenate([self.train, self.val])
        classes = frozenset(self.windows.labels[rows].tolist())
        subjects = tuple(sorted(set(self.windows.subjects[rows].tolist())))
        kinds = ((classes - self.banned, labelled), (classes & self.banned, False))
        return tuple(
            Provenance(self.windows.dataset, tuple(sorted(names)), subjects, flag) for names, flag in kinds if names
        )


def choose_windows(windows: WindowSet, split: Split | None = None, strict: bool = False) -> Part:
    """Choose what an encoder may learn from one data set.

    Of the split's own data set these are the seen classes of its train subjects. Of every other data set they are the
    train subjects of its fixed partition; classes that are synonyms of an unseen class lose their labels or, when
    `strict`, are left out.

    Args:
        windows: All windows of a data set.
        split: The zero-shot problem the encoder is for; none if it is for no particular one.
        strict: Leave synonyms of unseen classes out altogether.

    Raises:
        InputError: Nothing is left to learn from, or to choose by.
        LeakageError: An unseen class or a test subject among what was chosen.
    """
    labels, subjects = windows.labels, windows.subjects
    if split is not None and windows.dataset == split.dataset:
        train, val = (split.rows(labels, subjects, split.seen, part) for part in ("train", "val"))
        rows = np.concatenate([train, val])
        split.check_fit(labels[rows].tolist(), subjects[rows].tolist(), "encoder pretraining")
        return _checked(Part(windows, train, val))
    unseen = [] if split is None else [(split.dataset, name) for name in split.unseen]
    recorded = {str(name): set(subjects[labels == name].tolist()) for name in np.unique(labels)}
    banned = frozenset(name for name in recorded if find_synonym((windows.dataset, name), unseen))
    partition = known_partition(windows.dataset) or random_partition(recorded, 0, windows.dataset)
    usable = ~np.isin(labels, sorted(banned)) if strict else np.ones(len(labels), dtype=bool)
    train, val = (np.flatnonzero(usable & np.isin(subjects, part)) for part in (partition.train, partition.val))
    return _checked(Part(windows, train, val, frozenset() if strict else banned))


def _checked(part: Part) -> Part:
    for name, rows in (("train", part.train), ("validation", part.val)):
        if len(rows) == 0:
            raise InputError(
                f"encoder pretraining: {part.windows.dataset} has no windows of {name} subjects left; "
                "leave the data set out or choose another split"
            )
    return part


@dataclass(frozen=True)
class _Device:
    """One device of a data set, as batches are made of it.

    Attributes:
        reader: Its columns and channels; three after three belong to one sensor.
        places: Placement -> sentence embeddings of the channels [C, E].
        scale: Physical scale of each channel, [C].
        statistics: Names of its statistical features, without the device.
    """

    reader: DeviceReader
    places: dict[str, Tensor]
    scale: Tensor
    statistics: tuple[str, ...]

    @property
    def sensors(self) -> list[range]:
        """Columns, within the device, of each of its three-axis sensors."""
        return [range(start, start + 3) for start in range(0, len(self.reader.columns), 3)]


class Corpus:
    """Parts of several data sets, ready to draw batches from."""

    def __init__(
        self,
        parts: Sequence[Part],
        patches: PatchConfig,
        text_model: str = DEFAULT_TEXT_MODEL,
        text_cache: Path = TEXT_CACHE,
        exponent: float = 0.5,
    ) -> None:
        """Embed the sentences of all channels.

        Args:
            parts: One per data set.
            patches: Patches of the encoder.
            text_model: Sentence-transformers model.
            text_cache: Folder of embeddings made before.
            exponent: A data set of n windows is drawn with a probability in proportion to n^exponent.

        Raises:
            InputError: No parts, a data set twice, channels that cannot be read, or no text model.
        """
        names = [part.windows.dataset for part in parts]
        if not parts or len(set(names)) < len(names):
            raise InputError(f"encoder pretraining: data sets {names}; name at least one, each once")
        self.parts, self.patches = tuple(parts), patches
        self.text_model, self.text_cache = text_model, text_cache
        self.devices = tuple(_devices(part.windows, text_model, text_cache) for part in parts)
        self.bank = tuple((part.windows.dataset, name) for part in parts for name in part.labels)
        position = {entry: k for k, entry in enumerate(self.bank)}
        self.targets = tuple(
            torch.tensor([position.get((part.windows.dataset, name), UNLABELLED) for name in part.windows.labels])
            for part in parts
        )
        sizes = torch.tensor([len(part.train) for part in parts], dtype=torch.float64)
        self.chances = sizes**exponent / (sizes**exponent).sum()
        self.statistics = tuple(
            sorted({name for devices in self.devices for device in devices for name in device.statistics})
        )
        self._mean, self._spread = self._measure_statistics()

    def draw(self, n_windows: int, augmented: AugmentConfig, generator: torch.Generator, balanced: bool) -> PatchBatch:
        """Draw a training batch: a data set, one of its devices, then windows with replacement.

        Args:
            n_windows: B.
            augmented: Strengths of the augmentations of both views.
            generator: Source of randomness.
            balanced: Draw classes evenly. Uses labels, so it is for labelled objectives only.
        """
        k = int(torch.multinomial(self.chances, 1, generator=generator))
        device = int(torch.randint(len(self.devices[k]), (1,), generator=generator))
        rows = self.parts[k].train
        if balanced:
            targets = self.targets[k][rows].numpy()  # windows whose label is not to be used are one group
            groups = [rows[targets == target] for target in np.unique(targets)]
            picked = draw_balanced(groups, n_windows, generator)
        else:
            picked = rows[torch.randint(len(rows), (n_windows,), generator=generator).numpy()]
        return self.batch(k, device, picked, augmented, generator)

    def validation(self, n_windows: int, per_device: int) -> Iterator[PatchBatch]:
        """Read the same validation windows each time, evenly spaced, not augmented.

        Args:
            n_windows: B.
            per_device: At most so many windows of each device of each data set.
        """
        plain, generator = AugmentConfig(0, 0, 0, 0), torch.Generator()
        for k, part in enumerate(self.parts):
            rows = _spread_evenly(part.val, per_device)
            for device in range(len(self.devices[k])):
                for start in range(0, len(rows), n_windows):
                    yield self.batch(k, device, rows[start : start + n_windows], plain, generator)

    def batch(
        self, part: int, device: int, rows: np.ndarray, augmented: AugmentConfig, generator: torch.Generator
    ) -> PatchBatch:
        """Read windows of one device of one data set and make two augmented views of them."""
        windows, source = self.parts[part].windows, self.devices[part][device]
        rows = np.sort(rows)  # in the order of the file
        clean = torch.from_numpy(np.array(windows.samples[rows][:, :, source.reader.columns], dtype=np.float32))
        views = [augment(clean, augmented, source.scale, [source.sensors], generator) for _ in range(2)]
        first, second, plain = (
            make_patches(view, source.reader.channels, windows.settings.rate_hz, self.patches)
            for view in (*views, clean)
        )
        return PatchBatch(
            values=first.values,
            second=second.values,
            clean=plain.values,
            valid=plain.valid,
            descriptions=torch.stack([source.places[place] for place in windows.placements[rows].tolist()]),
            dataset=torch.full((len(rows),), part),
            targets=self.targets[part][rows],
            statistics=(self._raw_statistics(part, device, rows) - self._mean) / self._spread,
        )

    def _raw_statistics(self, part: int, device: int, rows: np.ndarray) -> Tensor:
        """Return statistical features of one device in the order of `statistics` [B, K], NaN where it has none."""
        windows, source = self.parts[part].windows, self.devices[part][device]
        samples = windows.samples[rows][:, :, source.reader.columns]
        values, _ = statistical_features(samples, source.reader.channels, windows.settings.rate_hz)
        result = torch.full((len(rows), len(self.statistics)), float("nan"))
        result[:, [self.statistics.index(name) for name in source.statistics]] = torch.from_numpy(values)
        return result

    def _measure_statistics(self) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of each statistic over evenly spaced train windows of all devices."""
        found = []
        for k, part in enumerate(self.parts):
            rows = np.unique(_spread_evenly(part.train, MEASURED_WINDOWS))
            found += [self._raw_statistics(k, device, rows) for device in range(len(self.devices[k]))]
        values = torch.cat(found).double()
        mean = values.nanmean(dim=0)
        return mean.float(), ((values - mean).square().nanmean(dim=0).sqrt() + 1e-6).float()


def _spread_evenly(rows: np.ndarray, most: int) -> np.ndarray:
    """Return at most `most` of the rows, evenly spaced."""
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]


def _devices(windows: WindowSet, text_model: str, text_cache: Path) -> tuple[_Device, ...]:
    by_place = {
        place: describe_devices(windows.channels, place, text_model, text_cache)
        for place in np.unique(windows.placements).tolist()
    }
    found = []
    for readers in zip(*by_place.values(), strict=True):
        places = {place: reader.sentences for place, reader in zip(by_place, readers, strict=True)}
        reader = readers[0]
        scale = torch.tensor([channel_scale(channel) for channel in reader.channels])
        first = windows.samples[:1][:, :, reader.columns]
        _, names = statistical_features(first, reader.channels, windows.settings.rate_hz)
        found.append(_Device(reader, places, scale, tuple(name.partition(".")[2] for name in names)))
    return tuple(found)
