"""What a model reads: which sensors in which order, where they are worn, and how recordings are cut into windows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from feature_extraction.errors import InputError
from feature_extraction.recordings.recording import Channel
from feature_extraction.windows.window_set import WindowSet, WindowSettings


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
        placements = dict.fromkeys(place for place in windows.placements.tolist() if place)
        return cls(windows.dataset, windows.channels, tuple(sorted(placements)), windows.settings)

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
    def from_dict(cls, value: Mapping[str, Any]) -> "InputFormat":
        """Rebuild from `to_dict`.

        Raises:
            InputError: A field is missing, unknown or unusable.
        """
        try:
            channels = tuple(Channel(**channel) for channel in value["channels"])
            names = [value["dataset"], *value["placements"], *(text for c in channels for text in (c.device, c.unit))]
            if not isinstance(value["placements"], list | tuple) or not all(isinstance(name, str) for name in names):
                raise TypeError(f"names must be texts, found {names}")
            settings = WindowSettings.from_dict(value["settings"])
            if set(settings.quantities) != {channel.quantity for channel in channels}:
                raise ValueError(f"quantities {settings.quantities} are not those of the channels")
            return cls(value["dataset"], channels, tuple(value["placements"]), settings)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"format of the windows: not usable ({error!r})") from None
