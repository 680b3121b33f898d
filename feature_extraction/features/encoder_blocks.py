"""Feature blocks `encoder:PATH`: what a pretrained patch transformer or an encoder of others makes of windows.

PATH is the folder of a patch encoder or the YAML file that describes an encoder of others. A bare name, as in
`encoder:tiny`, is a shipped encoder. In feature tables such a block is called by the last part of PATH alone.
The encoder is frozen and the same for every split and every inner fold; `Split.check_provenance` refuses it where it
met too much. Axis legend: n windows, D features.
"""

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from feature_extraction.encoders.external import check_external, load_external
from feature_extraction.errors import InputError
from feature_extraction.features.cache import cached, single_block, stream
from feature_extraction.features.table import FeatureTable
from feature_extraction.pretraining.checkpoint import PatchCheckpoint
from feature_extraction.protocol.split import Provenance
from feature_extraction.storage.places import ENCODERS_FOLDER, TEXT_CACHE
from feature_extraction.windows.window_set import WindowSet

PREFIX = "encoder:"
DESCRIPTIONS = (".yaml", ".yml")
BATCH_WINDOWS = 256


@dataclass(frozen=True)
class LoadedEncoder:
    """A frozen encoder behind one feature block.

    Attributes:
        block: Name of the block in feature tables, such as `encoder:tiny`.
        key: Digest of everything that decides its features.
        provenance: What it learned from.
        embed: Maps a window set and rows of it to features [n, D].
    """

    block: str
    key: str
    provenance: tuple[Provenance, ...]
    embed: Callable[[WindowSet, slice], np.ndarray]


def is_encoder(block: str) -> bool:
    """Return whether a block is spelled `encoder:PATH`."""
    return block.startswith(PREFIX)


def block_name(block: str) -> str:
    """Return what a block is called in feature tables: `encoder:my/folder` is `encoder:folder` there."""
    if not is_encoder(block):
        return block
    path = Path(os.path.abspath(_path(block)))  # a link is called by its own name
    return PREFIX + (path.stem if path.suffix in DESCRIPTIONS else path.name)


def check_encoders(blocks: Sequence[str], trust_code: Collection[str] = ()) -> None:
    """Refuse encoders that are not there or not trusted, and two that a feature table could not tell apart.

    Raises:
        InputError: Naming the block and the remedy.
    """
    named: dict[str, str] = {}
    for block in filter(is_encoder, blocks):
        path = find_encoder(block)
        if _is_external(path):
            check_external(path, trust_code)
        other = named.setdefault(block_name(block), block)
        if other != block:
            raise InputError(f"blocks {other!r} and {block!r} would both be {block_name(block)!r}; rename one of them")


def find_encoder(block: str) -> Path:
    """Return the folder or YAML file of an encoder.

    Args:
        block: `encoder:PATH`; PATH alone does, too.

    Raises:
        InputError: It is not there; for a bare name the message lists the shipped encoders.
    """
    path = _path(block)
    if _is_bare(block):
        if (ENCODERS_FOLDER / path).is_dir():
            return ENCODERS_FOLDER / path
        shipped = sorted(entry.name for entry in ENCODERS_FOLDER.glob("*/"))
        here = f"for the folder here write {PREFIX}./{path}"
        hint = here if path.exists() else f"or give a path, {PREFIX}FOLDER/NAME"
        raise InputError(f"{block}: no shipped encoder of this name; there are: {', '.join(shipped) or 'none'}; {hint}")
    if not path.exists():
        raise InputError(
            f"{block}: no such folder or file; name the folder that `encoder pool` made, or the YAML file of another "
            "encoder"
        )
    return path


def load_encoder(block: str, text_cache: Path = TEXT_CACHE, trust_code: Collection[str] = ()) -> LoadedEncoder:
    """Load the encoder of a block.

    Args:
        block: `encoder:PATH`.
        text_cache: Folder of sentence embeddings made before.
        trust_code: SHA-256 digests of code of others that may run.

    Raises:
        InputError: It is not there, is damaged, is an encoder of another kind, or code that is not trusted.
    """
    path = find_encoder(block)
    if _is_external(path):
        external = load_external(path, trust_code)

        def encode(windows: WindowSet, rows: slice) -> np.ndarray:
            return external.encode(windows.samples[rows], windows.channels, windows.settings.rate_hz, rows.start)

        return LoadedEncoder(block_name(block), external.key, external.provenance, encode)
    checkpoint = PatchCheckpoint.load(path)

    def embed(windows: WindowSet, rows: slice) -> np.ndarray:
        return checkpoint.embed_windows(windows, np.arange(len(windows))[rows], text_cache)

    return LoadedEncoder(block_name(block), checkpoint.digest, checkpoint.provenance, embed)


def extract_loaded(windows: WindowSet, encoder: LoadedEncoder, folder: Path) -> FeatureTable:
    """Embed every window, or read the features if the folder holds them.

    Args:
        windows: N windows [N, T, C] in m/s² and rad/s.
        encoder: A frozen encoder.
        folder: Where the features of these windows lie, one file per encoder.

    Raises:
        InputError: The encoder cannot read the windows, a window has no finite patch, or the file is of other windows.
    """
    name, keys = encoder.block.removeprefix(PREFIX), {encoder.block: encoder.key}

    def compute() -> FeatureTable:
        try:
            features = stream(windows, lambda rows: encoder.embed(windows, rows), BATCH_WINDOWS, name)
        except InputError as error:
            raise InputError(f"{encoder.block}, windows of {windows.dataset}: {error}") from error
        finite = np.isfinite(features).all(axis=1)
        if not finite.all():
            raise InputError(
                f"{encoder.block}, windows of {windows.dataset}: features of window {int(np.argmin(finite))} are not "
                "finite; the weights are damaged, pretrain again"
            )
        return single_block(windows, encoder.block, features, encoder.provenance, keys)

    return cached(folder / f"encoder-{name}-{encoder.key[:8]}.npz", windows, encoder.block, compute, keys)


def _is_external(path: Path) -> bool:
    return path.suffix in DESCRIPTIONS and path.is_file()


def _path(block: str) -> Path:
    text = block.removeprefix(PREFIX)
    if not text.strip():
        raise InputError(f"{block!r}: names no encoder; write {PREFIX}NAME or {PREFIX}PATH")
    return Path(text).expanduser()


def _is_bare(block: str) -> bool:
    """Return whether a block names an encoder and not a place."""
    text = block.removeprefix(PREFIX)
    return Path(text).name == text and text not in (".", "..") and not text.endswith(DESCRIPTIONS)
