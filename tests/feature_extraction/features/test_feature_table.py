"""Feature tables: what does not fit together is refused, files round-trip and damage is noticed."""

import json
from dataclasses import replace

import numpy as np
import pytest

from feature_extraction.errors import InputError
from feature_extraction.features.table import FeatureTable, concatenate
from feature_extraction.protocol.split import Provenance
from feature_extraction.storage.files import read_npz, write_npz

LEARNED = Provenance("synthetic", ("still", "slow"), ("s1", "s3"), True)


def make_table(block="statistical", width=3, provenance=(), **changes):
    fields = {
        "features": np.arange(4 * width, dtype=np.float32).reshape(4, width) + len(block),
        "labels": np.array(["still", "still", "slow", "fast"]),
        "subjects": np.array(["s1", "s2", "s3", "s4"]),
        "recordings": np.array(["a", "a", "b", "c"]),
        "start_s": np.array([0.0, 2.0, 0.0, 0.0]),
        "blocks": {block: width},
        "dataset": "synthetic",
        "window_key": "k1",
        "provenance": provenance,
        "encoders": {block: "abc"} if provenance else {},
    }
    return FeatureTable(**(fields | changes))


def test_a_file_holds_everything(tmp_path):
    table = concatenate([make_table(), make_table("resnet", 2, (LEARNED,))])
    table.save(tmp_path / "t.npz")
    again = FeatureTable.load(tmp_path / "t.npz")
    for name in ("features", "labels", "subjects", "recordings", "start_s"):
        np.testing.assert_array_equal(getattr(again, name), getattr(table, name))
    assert dict(again.blocks) == {"statistical": 3, "resnet": 2}
    assert again.provenance == (LEARNED,) and again.encoders == {"resnet": "abc"}
    assert (again.dataset, again.window_key) == ("synthetic", "k1")
    assert [path.name for path in tmp_path.iterdir()] == ["t.npz"]


def test_half_precision_is_close_and_refuses_what_does_not_fit(tmp_path):
    table = make_table(features=np.full((4, 3), 1.2345, dtype=np.float32))
    table.save(tmp_path / "t.npz", half=True)
    assert read_npz(tmp_path / "t.npz")["features"].dtype == np.float16
    again = FeatureTable.load(tmp_path / "t.npz")
    assert again.features.dtype == np.float32
    np.testing.assert_allclose(again.features, table.features, rtol=5e-4)
    with pytest.raises(InputError, match="half=False"):
        make_table(features=np.full((4, 3), 1e5, dtype=np.float32)).save(tmp_path / "u.npz", half=True)
    assert not (tmp_path / "u.npz").exists()


def test_select_reorders_blocks_and_keeps_provenance_with_what_learned():
    table = concatenate([make_table(), make_table("resnet", 2, (LEARNED,))])
    turned = table.select(("resnet", "statistical"))
    np.testing.assert_array_equal(turned.features, table.features[:, [3, 4, 0, 1, 2]])
    assert turned.provenance == (LEARNED,)
    statistical = table.select(("statistical",))
    assert statistical.provenance == () and statistical.encoders == {}
    np.testing.assert_array_equal(statistical.features, table.features[:, :3])
    with pytest.raises(InputError, match="statistical, resnet.*patch"):
        table.select(("patch",))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": np.array(["still"])}, "'labels' has shape"),
        ({"blocks": {"statistical": 4}}, "do not sum to 3"),
        (
            {"features": np.full((4, 3), np.nan, dtype=np.float32)},
            "window 0 has features that are not finite",
        ),
        ({"features": np.zeros(4, dtype=np.float32)}, "expected"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        make_table(**changes)


def test_only_tables_of_the_same_windows_are_joined():
    other = make_table("resnet", 2)
    with pytest.raises(InputError, match="different windows"):
        concatenate([make_table(), replace(other, window_key="k2")])
    with pytest.raises(InputError, match="different windows"):
        concatenate([make_table(), replace(other, subjects=other.subjects[::-1])])
    with pytest.raises(InputError, match="both have block statistical"):
        concatenate([make_table(), make_table()])
    with pytest.raises(InputError, match="at least one"):
        concatenate([])


def test_damaged_and_foreign_files_are_refused(tmp_path):
    path = tmp_path / "t.npz"
    with pytest.raises(InputError, match="no such file"):
        FeatureTable.load(path)
    make_table().save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"t\.npz: damaged"):
        FeatureTable.load(path)
    write_npz(path, {"features": np.zeros((2, 2))})
    with pytest.raises(InputError, match="not a feature table"):
        FeatureTable.load(path)


@pytest.mark.parametrize(
    "header", ["{", "[]", json.dumps({"format": "feature-table-0"}), '{"format": "feature-table-1"}']
)
def test_damaged_headers_are_refused(tmp_path, header):
    path = tmp_path / "t.npz"
    make_table().save(path)
    write_npz(path, read_npz(path) | {"header": np.array(header)})
    with pytest.raises(InputError, match=r"t\.npz"):
        FeatureTable.load(path)
