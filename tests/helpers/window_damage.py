"""Ways in which a saved window set can be damaged."""

import numpy as np

from feature_extraction.storage.files import atomic_path


def damage_by_truncating(folder):
    data = (folder / "windows.npy").read_bytes()
    (folder / "windows.npy").write_bytes(data[:-8])


def damage_by_flipping(folder):
    data = bytearray((folder / "windows.npy").read_bytes())
    data[-3] ^= 1
    (folder / "windows.npy").write_bytes(bytes(data))


def damage_by_other_shape(folder):
    with atomic_path(folder / "windows.npy") as path:
        np.save(path, np.zeros((6, 9, 3), dtype=np.float32))


def damage_by_broken_json(folder):
    (folder / "info.json").write_text('{"dataset": "tiny", ')


def damage_by_missing_key(folder):
    (folder / "info.json").write_text('{"dataset": "tiny"}')


def damage_by_wrong_json(folder):
    (folder / "info.json").write_text("[1, 2]")


def damage_by_missing_file(folder):
    (folder / "windows.npy").unlink()


def damage_by_broken_index(folder):
    data = (folder / "index.npz").read_bytes()
    (folder / "index.npz").write_bytes(data[: len(data) // 2])


DAMAGES = [
    damage_by_truncating,
    damage_by_flipping,
    damage_by_other_shape,
    damage_by_broken_json,
    damage_by_missing_key,
    damage_by_wrong_json,
    damage_by_missing_file,
    damage_by_broken_index,
]
