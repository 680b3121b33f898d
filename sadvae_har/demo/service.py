"""What all tabs of one page share: settings, the trained model, the offered recordings and the workers."""

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from feature_extraction.errors import InputError
from sadvae_har.demo.clips import Examples, find_examples
from sadvae_har.demo.session import DemoSession, TimeLimit
from sadvae_har.recognition.model.header import EVERYDAY
from sadvae_har.recognition.recognizer import Recognizer


@dataclass(frozen=True)
class DemoSettings:
    """What the page was started with.

    Attributes:
        model: Run folder, model file, or name of a shipped model.
        recordings: Folder of recordings to offer, or None.
        max_upload_mb: Largest upload.
        time_limit_s: Longest time for one answer.
    """

    model: Path = Path(EVERYDAY)
    recordings: Path | None = None
    max_upload_mb: int = 50
    time_limit_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuse an impossible limit.

        Raises:
            InputError: Naming the value.
        """
        if not 1 <= self.max_upload_mb <= 2000:
            raise InputError(f"--max-upload-mb: {self.max_upload_mb} cannot be used; give 1 to 2000")

    def to_json(self) -> str:
        """Return a text that `from_json` reads: how the settings reach the script of the page."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> "DemoSettings":
        """Rebuild from `to_json`."""
        value = json.loads(text)
        folder = value["recordings"]
        return cls(**value | {"model": Path(value["model"]), "recordings": None if folder is None else Path(folder)})


@dataclass(frozen=True)
class DemoService:
    """Shared by all tabs; nobody changes it."""

    settings: DemoSettings
    recognizer: Recognizer
    examples: Examples
    limit: TimeLimit

    def new_session(self) -> DemoSession:
        """Return the state of a new tab."""
        return DemoSession(self.recognizer, self.limit)


@lru_cache(maxsize=1)
def open_service(settings: DemoSettings) -> DemoService:
    """Load the model and find the recordings, once per process.

    Raises:
        InputError: The model or the folder of recordings cannot be used.
    """
    recognizer = Recognizer.load(settings.model)
    examples = find_examples(settings.model, recognizer, settings.recordings)
    limit = TimeLimit(settings.time_limit_s)
    # Loads the sentence encoder, so that the first activity somebody types does not wait for it.
    limit.begin(lambda: recognizer.copy().add_activity("a movement to begin with", "The person moves one arm."))
    return DemoService(settings, recognizer, examples, limit)
