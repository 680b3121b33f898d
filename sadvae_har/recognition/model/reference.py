"""What the training windows of a model say about recordings it can be used on: where gravity pointed in them.

Nothing is kept for it in a model file: the standardised features of the training windows hold it.
"""

import numpy as np

from feature_extraction.encoders.statistical.features import statistical_features
from feature_extraction.own_files.plausibility import Reference
from sadvae_har.recognition.model.parts import RecognizerModel


def reference_of(model: RecognizerModel) -> Reference:
    """Return what is known of the recordings that a model was trained on; no directions if its features do not tell."""
    source = model.encoder.source
    devices = tuple(dict.fromkeys(channel.device for channel in source.channels))
    places = source.placements if len(devices) == 1 else (*source.placements, *devices)
    activities = tuple(description.name for description in (*model.trained, *model.described))
    columns = _columns(model)
    gravity, size = {}, {}
    for device in devices if columns else ():
        wanted = [columns[f"{device}.{name}"] for name in ("gravity_x", "gravity_y", "gravity_z", "gravity_mps2")]
        standardised = model.fold.train_features.numpy()[:, wanted]
        values = standardised * model.standardizer.scale[wanted] + model.standardizer.mean[wanted]
        length = np.linalg.norm(values[:, :3], axis=1, keepdims=True)
        gravity[device] = (values[:, :3] / np.maximum(length, np.finfo(np.float32).tiny)).astype(np.float64)
        size[device] = float(np.median(values[:, 3]))
    return Reference(gravity, size, places, activities)


def _columns(model: RecognizerModel) -> dict[str, int]:
    """Return the column of every statistical feature, if their block stands first or last."""
    encoder, blocks = model.encoder, model.encoder.blocks
    if "statistical" not in (blocks[0], blocks[-1]):
        return {}
    settings, channels = encoder.source.settings, encoder.source.channels
    window = np.ones((1, settings.window_samples, len(channels)), dtype=np.float32)
    names = statistical_features(window, channels, settings.rate_hz)[1]
    first = 0 if blocks[0] == "statistical" else len(model.standardizer.mean) - len(names)
    return {name: first + number for number, name in enumerate(names)}
