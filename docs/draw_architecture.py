"""The picture of docs/architecture.md, made from the imports.

    python docs/draw_architecture.py

Rooms stand on the lowest floor that their imports allow. An arrow goes from a room to one that it imports from; those
that follow from others (A reads B, B reads C, so A may read C) are left out.
"""

import ast
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"feature_extraction": "#dbe9f6", "sadvae_har": "#fde6cf"}
EVERYWHERE = {"feature_extraction.errors", "feature_extraction.storage"}  # everybody writes through them


def find_imports() -> dict[str, set[str]]:
    """Return for every room the rooms that it imports from."""
    rooms: dict[str, set[str]] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if len(parts) < 2 or parts[1] == "__init__":
                continue
            room = ".".join(parts[:2])
            read = rooms.setdefault(room, set())
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PACKAGES:
                    names = [f"{node.module}.{alias.name}" for alias in node.names]
                    read |= {".".join(name.split(".")[:2]) for name in names if name.split(".")[0] in PACKAGES}
            read.discard(room)
    return {room: {other for other in read if other in rooms} for room, read in rooms.items()}


def floors(imports: dict[str, set[str]]) -> dict[str, int]:
    """Return the floor of every room: one above the highest room that it imports from."""
    found: dict[str, int] = {}

    def floor(room: str) -> int:
        if room not in found:
            found[room] = 1 + max((floor(other) for other in imports[room]), default=-1)
        return found[room]

    return {room: floor(room) for room in imports}


def reachable(room: str, imports: dict[str, set[str]]) -> set[str]:
    """Return all rooms that a room leads to."""
    return imports[room].union(*(reachable(other, imports) for other in imports[room]))


def draw(target: Path) -> None:
    """Write the picture."""
    imports = find_imports()
    level = floors(imports)
    n_floors = max(level.values()) + 1
    places = {}
    for package, middle in (("feature_extraction", -3.6), ("sadvae_har", 3.6)):
        for number in range(n_floors):
            row = [room for room in imports if room.startswith(package) and level[room] == number]
            places |= {room: (middle + 3.1 * (k - (len(row) - 1) / 2), 1.5 * number) for k, room in enumerate(row)}
    figure, axes = pyplot.subplots(figsize=(11, 0.8 * n_floors + 0.5))
    for room, read in imports.items():
        implied = set().union(*(reachable(other, imports) for other in read)) if read else set()
        for other in read - implied - EVERYWHERE:
            axes.annotate(
                "",
                (places[other][0], places[other][1] + 0.38),
                (places[room][0], places[room][1] - 0.38),
                arrowprops={"arrowstyle": "-|>", "color": "#777777", "lw": 0.9, "shrinkA": 0, "shrinkB": 0},
            )
    for room, (x, y) in places.items():
        package, _, name = room.partition(".")
        box = {"boxstyle": "round,pad=0.45", "facecolor": PACKAGES[package], "edgecolor": "#555555"}
        axes.text(x, y, name, ha="center", va="center", fontsize=11, bbox=box)
    for package, middle in (("feature_extraction", -3.6), ("sadvae_har", 3.6)):
        axes.text(middle, 1.5 * n_floors - 0.6, package, ha="center", fontsize=12, fontweight="bold")
    axes.set_xlim(-10, 10)
    axes.set_ylim(-0.8, 1.5 * n_floors)
    axes.axis("off")
    figure.savefig(target, dpi=110, bbox_inches="tight")


if __name__ == "__main__":
    draw(ROOT / "docs" / "architecture.png")
