"""Methods to compare with, one file each behind `fit` and `score` (`method.py`).

`RIVALS` is the list that the benchmark runs; a new method is one more file and one more line here. Apart stand the
published SA-DVAE recipe (`reference.py`), the kinematic matcher, which reads measured attributes, ZeroHAR
(`zerohar.py`), which reads raw windows, and the supervised upper bound.
"""

from collections.abc import Callable, Mapping

from sadvae_har.baselines import (
    ale,
    cada_vae,
    chance,
    clswgan,
    conse,
    devise,
    eszsl,
    mlp_prototype,
    revise,
    ridge,
    sae,
    sdgzsl,
    smie,
)
from sadvae_har.baselines.method import Method

RIVALS: Mapping[str, Callable[[], tuple[Method, ...]]] = {
    "chance": chance.candidates,
    "ridge": ridge.candidates,
    "mlp": mlp_prototype.candidates,
    "devise": devise.candidates,
    "conse": conse.candidates,
    "ale": ale.candidates,
    "sae": sae.candidates,
    "eszsl": eszsl.candidates,
    "revise": revise.candidates,
    "cada-vae": cada_vae.candidates,
    "sdgzsl": sdgzsl.candidates,
    "f-clswgan": clswgan.candidates,
    "smie": smie.candidates,
}
