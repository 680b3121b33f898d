"""A local web page on which a person tries a trained recogniser; one process, one list of activities per tab."""
