"""One process at a time where a file is read, changed and written again."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # no POSIX system: nothing keeps two processes apart there
    fcntl = None  # type: ignore[assignment]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait until no other process or thread holds this lock of a file, and hold it; it is not to be taken twice.

    Args:
        path: File to be changed, which need not exist. The lock is a hidden file beside it, for as long as it is held.

    Raises:
        OSError: The lock cannot be made, as in a folder that cannot be written.
    """
    real = Path(os.path.realpath(path))
    lock = real.with_name(f".{real.name[:80]}.lock")
    handle = _take(lock)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(handle)


def _take(lock: Path) -> int:
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        if fcntl is None:
            return handle
        with suppress(OSError):  # file systems without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), lock.stat()):
                return handle
        os.close(handle)  # whoever held it took the file away: this is the lock of nothing
