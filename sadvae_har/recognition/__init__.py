"""The product: a trained model and a list of activities, on recordings."""
