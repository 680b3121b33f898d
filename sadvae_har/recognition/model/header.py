"""What a model file says of itself: its header, read in a blink because PyTorch and the tensors stay unloaded."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open

from feature_extraction.errors import InputError
from feature_extraction.windows.input_format import InputFormat

MODEL_FILE = "recognizer.safetensors"
FORMAT, VERSION = "sadvae-har recognizer", 1
KIND = "sadvae_har_recognizer"  # the entry of safetensors' metadata
LARGEST_FILE = 4 << 30  # bytes
REMEDY = "make it again with `sadvae-har run`, or copy it again from where it came"


class ModelSummary(NamedTuple):
    """A model for the reader.

    Attributes:
        name: What it was trained on.
        source: The windows that it reads.
        trained: Sentence by name of each activity that it was trained on.
        described: The same of each activity added by its description.
    """

    name: str
    source: InputFormat
    trained: dict[str, str]
    described: dict[str, str]


def summarize_model(path: Path) -> ModelSummary:
    """Read what a model is and recognises; damage among its tensors goes unnoticed.

    Args:
        path: Model file, or folder of a finished run.

    Raises:
        InputError: It is missing, its header is damaged, or it was made by a newer version.
    """
    path = path / MODEL_FILE if path.is_dir() else path
    header = read_model_header(path)
    try:
        name, source = header["name"], InputFormat.from_dict(header["encoder"]["source"])
        lists = [{entry["name"]: entry["sentence"] for entry in header[key]} for key in ("trained", "described")]
    except (InputError, KeyError, TypeError) as error:
        raise InputError(f"{path}: damaged: its header lacks {error}; {REMEDY}") from error
    texts = [name, *(text for found in lists for pair in found.items() for text in pair)]
    if not all(isinstance(text, str) for text in texts):
        raise InputError(f"{path}: damaged: names and descriptions must be texts; {REMEDY}")
    return ModelSummary(name, source, *lists)


def read_model_header(path: Path) -> dict[str, Any]:
    """Read the header of a model file of this version.

    Raises:
        InputError: The file is missing, damaged, made by a newer version, or no model file.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such model file; name one, or the folder of a finished run (`sadvae-har run`)")
    if path.stat().st_size > LARGEST_FILE:
        raise InputError(f"{path}: {path.stat().st_size >> 30} GiB, no model is that large; {REMEDY}")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
        header = json.loads(metadata.get(KIND, "null"))
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: damaged or not a model file ({reason}); {REMEDY}") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise InputError(f"{path}: holds no recogniser; {REMEDY}")
    found = header.get("version")
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise InputError(f"{path}: damaged: format {found!r}; {REMEDY}")
    if found > VERSION:
        raise InputError(
            f"{path}: made by a newer version of this program (format {found!r}, {header.get('program')!r}), this one "
            f"reads format {VERSION}; update the program"
        )
    return header
