"""The method as a scikit-learn estimator on features."""
