"""What a model file says about itself, as the README.md that a model hub shows.

Nothing in it is measured here: a model file holds no test results, so the card states none.
"""

from pathlib import Path

from feature_extraction.datasets import DATASETS, get_dataset
from feature_extraction.descriptions.class_list import ClassDescription
from feature_extraction.errors import InputError
from feature_extraction.protocol.groups import NOUNS
from feature_extraction.protocol.split import Split, find_split
from feature_extraction.storage.escaping import markdown_cell, markdown_link
from sadvae_har.recognition.model.parts import RecognizerModel

HEADER = """---
library_name: sadvae-har
tags:
- human-activity-recognition
- zero-shot
- wearable-sensors
- inertial-measurement-unit
---
"""
MOST_SUBJECTS_NAMED = 20


def model_card(model: RecognizerModel) -> str:
    """Return the card as Markdown with a YAML header."""
    n_trained, n_described = len(model.trained), len(model.described)
    title = f"# Activity recogniser: {markdown_cell(model.encoder.source.dataset)}"
    summary = (
        f"Recognises {n_trained + n_described} activities in recordings of wearable inertial sensors: {n_trained} were "
        f"trained on recordings, {n_described} are known by their description alone. More can be added by describing "
        "them, without any training."
    )
    parts = [title, summary, _usage(), _activities(model), _sensors(model), _provenance(model), _limits()]
    return HEADER + "\n" + "\n\n".join(parts) + "\n"


def _usage() -> str:
    return """## Use

```python
from sadvae_har.recognition.recognizer import Recognizer

recognizer = Recognizer.from_pretrained("user/name")  # this repository, or a local copy of it
recognizer.add_activity("rope skipping", "A person jumps over a swinging rope again and again, both feet at once.")
prediction = recognizer.predict(recording)
```

One file, `recognizer.safetensors`, holds everything; nothing in it is executed on loading."""


def _activities(model: RecognizerModel) -> str:
    lines = ["## Activities", "", "| activity | known from | description |", "|---|---|---|"]
    for known_from, entries in (("recordings", model.trained), ("its description", model.described)):
        lines += [_row(entry, known_from) for entry in entries]
    return "\n".join(lines)


def _row(entry: ClassDescription, known_from: str) -> str:
    return f"| {markdown_cell(entry.name)} | {known_from} | {markdown_cell(entry.sentence)} |"


def _sensors(model: RecognizerModel) -> str:
    source, settings = model.encoder.source, model.encoder.source.settings
    lines = ["## Sensors", "", "| channel | unit |", "|---|---|"]
    blocks, text_model = markdown_cell(", ".join(model.encoder.blocks)), markdown_cell(_public(model.text.model))
    lines += [f"| {markdown_cell(channel.name)} | {markdown_cell(channel.unit)} |" for channel in source.channels]
    worn = f" Worn at: {markdown_cell(', '.join(source.placements))}." if source.placements else ""
    lines += [
        "",
        f"{settings.rate_hz:g} Hz, windows of {settings.window_s:g} s, one every {source.stride_s:g} s; recordings at "
        f"other rates and in other units are converted.{worn} Features: {blocks}. "
        f"Descriptions are read by {text_model}.",
    ]
    return "\n".join(lines)


def _public(name: str) -> str:
    """Return the name of a text model without the folder that it lies in on the machine of the author."""
    return Path(name).name if name.startswith(("/", ".", "~")) or "\\" in name else name


def _provenance(model: RecognizerModel) -> str:
    split = _split(model)
    people = "subjects that the model file does not name"
    if split is not None:
        names = split.train_subjects
        named = f" ({markdown_cell(', '.join(names))})" if len(names) <= MOST_SUBJECTS_NAMED else ""
        noun = "subjects" if split.holds_out == "people" else NOUNS[split.holds_out][1]
        people = f"{len(names)} training {noun}{named}"
    return "\n".join(
        [
            "## Provenance",
            "",
            *_dataset(model),
            f"- Trained on: {markdown_cell(model.name)}.",
            f"- The file holds the standardised features ({model.fold.train_features.shape[1]} numbers each) of "
            f"{len(model.fold.train_features)} windows of {people}. It holds no recordings.",
            "- Sharing the file shares these features: the terms of the data set apply to it.",
        ]
    )


def _dataset(model: RecognizerModel) -> list[str]:
    """Return what is known of the data set; of users' own ones nothing that could be a path."""
    name = model.encoder.source.dataset
    try:
        spec = get_dataset(name if name in DATASETS else model.config.dataset)
    except InputError:
        return [
            f"- Data set: {markdown_cell(name)}, described nowhere on the machine that wrote this card; its terms are "
            "not known."
        ]
    lines = [f"- Data set: {markdown_cell(spec.title if name in DATASETS else name)}"]
    lines += [f"- Homepage: {markdown_link(spec.homepage)}"] if spec.homepage.startswith("http") else []
    lines += [f"- Licence terms: {markdown_cell(spec.licence)}"]
    return lines + ([f"- Please cite: {markdown_cell(spec.citation)}"] if spec.citation else [])


def _split(model: RecognizerModel) -> Split | None:
    """Return the shipped split that the model was trained on, if it is one and has the model's classes."""
    try:
        split = find_split(model.encoder.source.dataset, model.config.split)
    except InputError:
        return None
    trained = {entry.name for entry in model.trained}
    return split if set(split.seen) == trained else None


def _limits() -> str:
    return """## Limits

No accuracy is stated, since the model file holds no test results: test it on your own people and sensors. It is no
medical device."""
