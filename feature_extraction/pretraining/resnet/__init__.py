"""Pretraining of a residual network on the seen classes of the train subjects of one data set."""
