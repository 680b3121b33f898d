"""What a process gives up for good before it meets code of others: writing files, and the network.

Linux denies writing by Landlock (https://docs.kernel.org/userspace-api/landlock.html) and sockets by a filter of system
calls (https://docs.kernel.org/userspace-api/seccomp_filter.html). What POSIX limits, the size of files, keeps them from
being written but not from being changed through mapped memory, shortened or deleted. A thread that runs before stays
without these limits.
"""

import ctypes
import os
import sys

FILES, NETWORK = "writing files", "the network"
NO_TRUNCATION, NO_DEVICES, NO_SIGNALS = 3, 5, 6  # versions of Landlock that first can

_NO_NEW_PRIVILEGES, _SET_FILTER, _FILTER_MODE = 38, 22, 2  # of prctl
_CREATE_RULESET, _RESTRICT_SELF, _VERSION_FLAG = 444, 446, 1  # system calls, the same on every architecture
_WRITE = 1 << 1 | sum(1 << right for right in range(4, 13))  # write, remove, make anything
_MOVE, _TRUNCATE, _DEVICES, _OTHER_PROCESSES = 1 << 13, 1 << 14, 1 << 15, 3

_SOCKET = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}  # architecture in filters, system call
_IO_URING, _FIRST_OF_X32 = 425, 1 << 30  # two other ways to a socket
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _NOT_PERMITTED = 0x7FFF0000, 0x00050001


class _Ruleset(ctypes.Structure):
    """`landlock_ruleset_attr`; no rule is added to it, so what it handles is denied everywhere."""

    _fields_ = [("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _Instruction(ctypes.Structure):
    """`sock_filter`: where to jump if true, and if false, counts from the next one."""

    _fields_ = [("code", ctypes.c_uint16), ("true", ctypes.c_uint8), ("false", ctypes.c_uint8), ("k", ctypes.c_uint32)]


class _Filter(ctypes.Structure):
    """`sock_fprog`."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(_Instruction))]


def confine() -> tuple[str, ...]:
    """Limit this process and all that it starts, for good.

    Returns:
        What this system cannot deny: some of `FILES` and `NETWORK`.
    """
    if sys.platform != "win32":
        import resource

        for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
            resource.setrlimit(kind, (0, 0))
    if sys.platform != "linux" or _libc().prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return FILES, NETWORK
    denied = {FILES: _deny_writing(landlock_version()), NETWORK: _deny_sockets(os.uname().machine)}
    return tuple(what for what, done in denied.items() if not done)


def landlock_version() -> int:
    """Return which version of Landlock the system offers, 0 for none."""
    if sys.platform != "linux":
        return 0
    return max(0, _libc().syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG))


def _deny_writing(version: int) -> bool:
    """Deny what a version of Landlock can; return whether that is all writing."""
    if not version:
        return False
    ruleset = _Ruleset(
        files=_WRITE
        | (_MOVE if version >= 2 else 0)
        | (_TRUNCATE if version >= NO_TRUNCATION else 0)
        | (_DEVICES if version >= NO_DEVICES else 0),
        scoped=_OTHER_PROCESSES if version >= NO_SIGNALS else 0,
    )
    size = ctypes.c_size_t(ctypes.sizeof(ruleset))
    handle = _libc().syscall(_CREATE_RULESET, ctypes.byref(ruleset), size, 0)
    return handle >= 0 and _libc().syscall(_RESTRICT_SELF, handle, 0) == 0 and version >= NO_TRUNCATION


def _deny_sockets(machine: str) -> bool:
    """Deny new sockets of any kind, also those to other programs here; return whether that worked."""
    if machine not in _SOCKET or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    architecture, socket = _SOCKET[machine]
    steps = (
        (_LOAD, 0, 0, 4),
        (_IF_EQUAL, 0, 5, architecture),
        (_LOAD, 0, 0, 0),
        (_IF_AT_LEAST, 3, 0, _FIRST_OF_X32),
        (_IF_EQUAL, 2, 0, socket),
        (_IF_EQUAL, 1, 0, _IO_URING),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _NOT_PERMITTED),
    )
    instructions = (_Instruction * len(steps))(*(_Instruction(*step) for step in steps))
    program = _Filter(len(steps), instructions)
    return _libc().prctl(_SET_FILTER, _FILTER_MODE, ctypes.byref(program), 0, 0) == 0


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
