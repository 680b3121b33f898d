"""YAML that people write: plain values only, no key twice, and no more nesting or repetition than they can mean.

What a value is follows from how it is written. A tag that claims a type (`!!bool maybe`) is refused, all but `!!str`.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from feature_extraction.errors import InputError
from feature_extraction.storage.files import read_bounded

LARGEST = 8 << 20  # bytes; the longest that ships has a thirtieth
DEEPEST, MOST_VALUES = 50, 1_000_000  # libyaml overflows the stack some ten thousand levels down
_PLAIN_TAGS = (None, "!", "tag:yaml.org,2002:str")
_TEXT_TAG, _MERGE_TAG = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
_SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _UniqueKeyLoader(_SafeLoader):  # type: ignore[misc, valid-type]
    """Safe YAML in which a key that stands twice is an error, not a silent overwrite."""

    texts: frozenset[str] | None = None  # see `read_yaml`

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        known: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in known:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key.value!r} stands there twice; keep one", key.start_mark
                )
            known.add(str(key.value))
        if self.texts is not None:
            for key, value in node.value:
                is_text = isinstance(key, yaml.ScalarNode) and key.value in self.texts
                for entry in (key, *(_scalars(value) if is_text else ())):
                    if isinstance(entry, yaml.ScalarNode) and entry.tag != _MERGE_TAG:
                        entry.tag = _TEXT_TAG
        return super().construct_mapping(node, deep)


def _scalars(node: Any) -> list[Any]:
    """Return a scalar itself, and what stands in a list; null stays nothing where a value was left out."""
    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    return [entry for entry in nodes if isinstance(entry, yaml.ScalarNode) and entry.value]


def read_yaml(path: Path, texts: Collection[str] | None = None) -> Any:
    """Read YAML in which no key stands twice.

    Args:
        path: The file.
        texts: If given, all keys are text as they are written, and so are the values of these: `01` stays `01`, and
            `null`, `no` or `1e3` are words.

    Raises:
        InputError: The file is missing, or is not such YAML.
    """
    content = read_bounded(path, LARGEST)
    try:
        text = content.decode()
        _require_bearable(text)
        loader = _UniqueKeyLoader(text)
        loader.texts = None if texts is None else frozenset(texts)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except (ValueError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not readable as YAML ({' '.join(str(error).split())})") from error


def _require_bearable(text: str) -> None:
    """Refuse tags, nesting too deep for a parser, and aliases that multiply a few lines into millions of values."""
    sizes: dict[str | None, int] = {}  # of what an anchor stands for
    open_nodes: list[tuple[str | None, int]] = []  # anchor, and the number of values before it
    total = 0
    for event in yaml.parse(text, Loader=_SafeLoader):
        tag = getattr(event, "tag", None)
        if tag not in _PLAIN_TAGS:
            raise ValueError(f"tag {tag!r} is not plain YAML; leave it away")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise ValueError(f"alias *{event.anchor} stands for nothing, or for what it is part of")
            total += sizes[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, total))
            total += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            sizes[anchor] = total - before
        if len(open_nodes) > DEEPEST or total > MOST_VALUES:
            raise ValueError(f"more than {DEEPEST} levels or {MOST_VALUES:,} values")
