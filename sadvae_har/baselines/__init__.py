"""Methods to compare with, behind `fit` and `score` (`method.py`).

`rivals/` holds those that read the same features and descriptions as ours, one file each. Apart stand the published
SA-DVAE recipe (`reference/`), ZeroHAR, which reads raw windows (`zerohar/`), the kinematic matcher, which reads
measured attributes, and the closed form, which is ours without its networks.
`softmax.py` and `pair_network.py` hold what several of them share.
"""
