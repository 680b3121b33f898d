"""Packages, and the folders of data that travel in the wheel; everything else stands in pyproject.toml."""

import subprocess
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent
SHIPPED = {  # `feature_extraction/storage/places.py` finds them where they are installed
    "feature_extraction.shipped.class_lists": "class_lists",
    "feature_extraction.shipped.label_splits": "resources/label_splits",
    "feature_extraction.shipped.encoders": "resources/encoders",
    "feature_extraction.shipped.models": "resources/models",
    "feature_extraction.shipped.clips": "resources/clips",
    "feature_extraction.shipped.feature_tables": "resources/feature_tables",
}


def files_of(folder: str) -> list[str]:
    """Return the files of a folder that are under version control; in an unpacked sdist, all."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT / folder, capture_output=True, check=True)
        return [name for name in listed.stdout.decode().split("\0") if name]
    return [str(path.relative_to(ROOT / folder)) for path in (ROOT / folder).rglob("*") if path.is_file()]


setup(
    packages=[*find_packages(include=["feature_extraction*", "sadvae_har*"]), *SHIPPED],
    package_dir=SHIPPED,
    package_data={"sadvae_har": ["config/shipped/*.yaml"], **{name: files_of(at) for name, at in SHIPPED.items()}},
)
