"""How encoders are pretrained: a patch transformer on many data sets, a residual network (`resnet/`) on one.

`pretrain.py` goes from windows to a checkpoint: `corpus.py` draws batches, `augment/` changes them, `objectives/` say
what is learned, `loop.py` trains, `checkpoint.py` is the result. `resnet/` has the same parts for the other network and
shares loop, state and checkpoints with it.
"""
