"""Pretraining of the residual network on the seen classes of one data set."""
