"""From bytes on disk to a feature table: recordings, windows, encoders and text embeddings."""
