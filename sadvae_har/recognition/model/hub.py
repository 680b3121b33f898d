"""Models to and from a folder or a model hub, with the three methods that Hugging Face's libraries have for it.

    recognizer.save_pretrained("folder")
    recognizer.push_to_hub("user/name")
    recognizer = Recognizer.from_pretrained("user/name")

A repository holds the model file and a card made of it. `huggingface_hub` moves the files. Its own `ModelHubMixin` is
not a base class here: it copies the model into a JSON config on construction, and does not load a repository without
`config.json` where there is no network.
"""

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from httpx2 import HTTPError  # of huggingface_hub's own client
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

from feature_extraction.descriptions.embeddings import require_hub
from feature_extraction.errors import InputError
from feature_extraction.storage.files import write_text
from sadvae_har.recognition.model.card import HEADER, model_card
from sadvae_har.recognition.model.file import load_model
from sadvae_har.recognition.model.header import MODEL_FILE

CARD_FILE = "README.md"


class HubMixin(ABC):
    """What can be saved as a model file can be shared."""

    @abstractmethod
    def save(self, path: Path | str) -> Path:
        """Write a model file."""

    @classmethod
    @abstractmethod
    def load(cls, path: Path | str) -> Any:
        """Read a model file, or the one in a folder."""

    def save_pretrained(self, save_directory: Path | str) -> Path:
        """Write model file and card into a folder; return it.

        Raises:
            InputError: The folder cannot be written, or its README.md is not a card of this program.
        """
        folder = Path(save_directory)
        card = folder / CARD_FILE
        with _explained(f"{folder}: cannot be written", "choose another folder"):
            if card.exists() and not card.read_text(encoding="utf-8", errors="replace").startswith(HEADER):
                raise InputError(f"{card}: would be replaced by the card of the model; choose another folder")
            folder.mkdir(parents=True, exist_ok=True)
            self.save(folder / MODEL_FILE)
            write_text(card, model_card(load_model(folder / MODEL_FILE)))
        return folder

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        token: str | None = None,
        commit_message: str = "Model of sadvae-har",
        revision: str | None = None,
    ) -> str:
        """Upload model file and card; return the address of the commit.

        Args:
            repo_id: `user/name`; made if it does not exist.
            private: Whether a new repository is private; by default as the account has it.
            token: Access token; by default the one that `hf auth login` kept.
            commit_message: Message of the commit.
            revision: Branch; by default the main one.

        Raises:
            InputError: The hub is out of reach, or refuses name or token.
        """
        require_hub(f"{repo_id} cannot be pushed", "go online, or use save_pretrained")
        remedy = "check its name (user/name), the token (`hf auth login`) and the branch"
        with _explained(f"{repo_id}: cannot be pushed", remedy), tempfile.TemporaryDirectory() as name:
            folder = self.save_pretrained(Path(name) / "model")
            api = HfApi(token=token)
            api.create_repo(repo_id, private=private, exist_ok=True)
            return str(
                api.upload_folder(repo_id=repo_id, folder_path=folder, commit_message=commit_message, revision=revision)
            )

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: Path | str,
        *,
        revision: str | None = None,
        token: str | None = None,
        cache_dir: Path | str | None = None,
        local_files_only: bool = False,
    ) -> Self:
        """Load a model from a folder or from a hub; what was downloaded before is found without a network.

        Args:
            pretrained_model_name_or_path: A folder, or `user/name`.
            revision: Branch, tag or commit; by default the main branch.
            token: Access token; by default the one that `hf auth login` kept.
            cache_dir: Where downloads are kept; by default the cache of huggingface_hub.
            local_files_only: Do not look for a newer version.

        Raises:
            InputError: There is no such model, the hub is out of reach and it was not downloaded before, or the file
                is damaged or made by a newer version.
        """
        name = str(pretrained_model_name_or_path)
        if Path(name).exists():
            return cls.load(name)
        if name.startswith(("/", ".", "~")):
            raise InputError(f"{name}: no such folder; name one that holds {MODEL_FILE}, or a repository (user/name)")
        out_of_reach = "" if local_files_only else _out_of_reach(name)
        offline = local_files_only or bool(out_of_reach)
        with _explained(f"{name}: no model to be had", "check the name (user/name), the revision and the token"):
            try:
                path = hf_hub_download(
                    name, MODEL_FILE, revision=revision, token=token, cache_dir=cache_dir, local_files_only=offline
                )
            except LocalEntryNotFoundError:
                raise InputError(
                    out_of_reach or f"{name}: not downloaded before; go online and leave out local_files_only"
                ) from None
        return cls.load(path)


def _out_of_reach(name: str) -> str:
    """Return what to say if the hub is out of reach and nothing was downloaded before, else an empty text."""
    try:
        require_hub(
            f"{name}: neither a folder nor downloaded before", f"go online, or name a folder that holds {MODEL_FILE}"
        )
    except InputError as error:
        return str(error)
    return ""


@contextmanager
def _explained(what: str, remedy: str) -> Iterator[None]:
    """Turn errors of files and of the hub into one line."""
    try:
        yield
    except (OSError, HTTPError, HFValidationError) as error:
        raise InputError(f"{what} ({' '.join(str(error).split())[:200]}); {remedy}") from None
