"""What a model reads: which sensors in which order, where they are worn, and how recordings are cut into windows."""

from dataclasses import asdict, dataclass
from typing import Any

from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel
from feature_extraction.storage.plain import from_plain
from feature_extraction.windows.cutting import WindowSettings
from feature_extraction.windows.window_set import WindowSet


@dataclass(frozen=True)
class InputFormat:
    """The windows that features were computed from.

    Attributes:
        dataset: Data set the windows came from.
        channels: One per column, in SI units.
        placements: Where a lone device was worn; empty where several devices tell by their names.
        settings: How recordings are cut.
    """

    dataset: str
    channels: tuple[Channel, ...]
    placements: tuple[str, ...]
    settings: WindowSettings

    @classmethod
    def of(cls, windows: WindowSet) -> "InputFormat":
        """Return the format of a window set."""
        placements = sorted({place for place in windows.placements.tolist() if place})
        return cls(windows.dataset, windows.channels, tuple(placements), windows.settings)

    @property
    def placement(self) -> str:
        """The placement, where there is exactly one, else an empty text."""
        return self.placements[0] if len(self.placements) == 1 else ""

    @property
    def stride_s(self) -> float:
        """Seconds from the start of one window to the start of the next."""
        return self.settings.step_samples / self.settings.rate_hz

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: Any) -> "InputFormat":
        """Rebuild from `to_dict`.

        Raises:
            InputError: A field is missing, unknown or unusable.
        """
        source = from_plain(cls, value, "format of the windows")
        if set(source.settings.quantities) != {channel.quantity for channel in source.channels}:
            raise InputError(f"format of the windows: quantities {source.settings.quantities} are not of its channels")
        return source
