"""Class lists, written descriptions and kinematics, and their embeddings."""
