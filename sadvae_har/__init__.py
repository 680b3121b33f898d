"""Zero-shot recognition of human activities from wearable IMU signals and written descriptions.

Rooms in the order of the data; each imports only from those above it, and from `feature_extraction`:

    config       settings of a run, and the YAML files they come from
    evaluation   metrics, intervals, the numbers of a run
    method       networks, losses, training, synthesis, classifiers, gate
    experiment   one split: its problem, the four stages, the run folder
    baselines    rivals of the method
    report       pages of one run, and of several compared
    recognition  the product: load, predict, add an activity, explain, export
    benchmark    every method on every split
    pipeline     from a config to results
    demo         the page to try a model
    commands     the command line, one file a group of commands
    __main__     its entry
"""

__version__ = "0.1.0"
