"""The rivals that the benchmark runs: every file of this folder that has a `NAME` and `candidates()`."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pkgutil import iter_modules

from sadvae_har import baselines
from sadvae_har.baselines.method import Method

# Rows of the tables that have no order of their own; a rival that is not named here follows these.
TABLE_ORDER = (
    *("chance", "ridge", "mlp", "devise", "conse", "ale", "sae", "eszsl"),
    *("revise", "cada-vae", "sdgzsl", "f-clswgan", "smie"),
)


def find_rivals() -> Mapping[str, Callable[[], tuple[Method, ...]]]:
    """Return every rival's name and the function that lists its candidate settings."""
    modules = [import_module(f"{baselines.__name__}.{entry.name}") for entry in iter_modules(baselines.__path__)]
    found = {module.NAME: module.candidates for module in modules if hasattr(module, "NAME")}
    return {name: found[name] for name in dict.fromkeys((*TABLE_ORDER, *found))}


RIVALS = find_rivals()
