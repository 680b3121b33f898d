"""What a process gives up for good before it meets code of others: writing files, and the network.

Linux has Landlock (https://docs.kernel.org/userspace-api/landlock.html); POSIX has limits of resources, which keep
files from growing but not from being overwritten. A thread that runs before the limits stays without them.
"""

import ctypes
import sys

FILES, NETWORK = "writing files", "TCP connections"
NO_TRUNCATION, NO_NETWORK, NO_DEVICES, NO_SIGNALS = 3, 4, 5, 6  # versions of Landlock that first can

_CREATE_RULESET, _RESTRICT_SELF, _NO_NEW_PRIVILEGES = 444, 446, 38  # the same on every architecture
_VERSION_FLAG = 1
_WRITE = 1 << 1 | sum(1 << right for right in range(4, 13))  # write, remove, make anything
_MOVE, _TRUNCATE, _DEVICES = 1 << 13, 1 << 14, 1 << 15
_BIND_AND_CONNECT, _ABSTRACT_SOCKETS_AND_SIGNALS = 3, 3


class _Ruleset(ctypes.Structure):
    """`landlock_ruleset_attr`; no rule is added to it, so what it handles is denied everywhere."""

    _fields_ = [("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


def confine() -> tuple[str, ...]:
    """Limit this process and all that it starts, for good.

    Returns:
        What this system cannot deny: some of `FILES` and `NETWORK`.
    """
    _limit_resources()
    version = landlock_version()
    if not (version and _restrict(version)):
        return FILES, NETWORK
    return tuple(what for what, since in ((FILES, NO_TRUNCATION), (NETWORK, NO_NETWORK)) if version < since)


def landlock_version() -> int:
    """Return which version of Landlock the system offers, 0 for none."""
    if sys.platform != "linux":
        return 0
    return max(0, _libc().syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG))


def _limit_resources() -> None:
    if sys.platform == "win32":
        return
    import resource

    for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        resource.setrlimit(kind, (0, 0))


def _restrict(version: int) -> bool:
    """Deny what a version of Landlock can; return whether that worked."""
    ruleset = _Ruleset(
        files=_WRITE
        | (_MOVE if version >= 2 else 0)
        | (_TRUNCATE if version >= NO_TRUNCATION else 0)
        | (_DEVICES if version >= NO_DEVICES else 0),
        network=_BIND_AND_CONNECT if version >= NO_NETWORK else 0,
        scoped=_ABSTRACT_SOCKETS_AND_SIGNALS if version >= NO_SIGNALS else 0,
    )
    libc = _libc()
    handle = libc.syscall(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(ctypes.sizeof(ruleset)), 0)
    if handle < 0 or libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return False
    return libc.syscall(_RESTRICT_SELF, handle, 0) == 0


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
