"""Windows of fixed length: cut from recordings, kept in memory-mapped files, or made while samples arrive."""
