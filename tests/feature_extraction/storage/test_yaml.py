from pathlib import Path

import pytest

from feature_extraction.errors import InputError
from feature_extraction.storage.yaml import read_yaml


def written(folder: Path, text: str) -> Path:
    path = folder / "value.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_plain_values_are_read(tmp_path: Path) -> None:
    text = "a: [1, 2.5, yes, ~]\nb: &same {c: text}\nd: *same\ne: !!str 5\n"
    expected = {"a": [1, 2.5, True, None], "b": {"c": "text"}, "d": {"c": "text"}, "e": "5"}
    assert read_yaml(written(tmp_path, text)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!bool maybe", "tag .*bool.* is not plain YAML"),
        ("a: !!int", "tag .*int.* is not plain YAML"),
        ("a: !!timestamp never", "tag .*timestamp.* is not plain YAML"),
        ("a: !!set [b]", "tag .*set.* is not plain YAML"),
        ("a: !!python/object/apply:os.system [ls]", "tag .*python.* is not plain YAML"),
        ("a: 2001-99-99", "month must be in"),
        ("a: 1\na: 2", "'a' stands there twice"),
        ("a: *b", r"alias \*b stands for nothing"),
        ("a: " + "[" * 60, "more than 50 levels"),
        ("a0: &a0 [1]\n" + "".join(f"a{k + 1}: &a{k + 1} [{f'*a{k}, ' * 10}]\n" for k in range(7)), "1,000,000 values"),
    ],
)
def test_what_is_not_plain_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"value\.yaml: not readable as YAML \(.*{message}"):
        read_yaml(written(tmp_path, text))
