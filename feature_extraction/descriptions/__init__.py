"""Class lists, the vocabulary of everyday activities, written descriptions and kinematics, and their embeddings."""
