"""From bytes on disk to a feature table: recordings, windows, encoders and text embeddings.

Rooms in the order of the data; each imports only from those above it:

    errors        the one error that a user's input raises
    storage       files written whole or not at all, and where they lie
    recordings    one recording: channels, units, rate, gaps
    own_files     recordings as devices and people export them
    windows       cutting, resampling, streaming
    descriptions  class lists, the vocabulary, written descriptions and kinematics, their embeddings
    datasets      one reader a data set, checks, the cache of windows
    protocol      splits, provenance, standardising
    encoders      statistics, kinematics, networks, checkpoints of others
    pretraining   how the networks among them are trained
    features      feature tables, made block by block
"""
