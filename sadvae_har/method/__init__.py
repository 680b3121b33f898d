"""The method: networks, losses, model, training, synthesis, classifiers, gate."""
