"""Take the network from this process for good, by a seccomp filter: it needs no privilege, and children inherit it.

The filter also refuses what leads to the sockets and the memory of other processes of the same user. It needs Linux on
x86-64 or ARM64; elsewhere the decoders have the other limits only. Tested in tests/scans/isolation/test_offline.py.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys

#: Architectures: their number (AUDIT_ARCH_...), and the calls socket, ptrace, process_vm_readv, process_vm_writev.
_KNOWN = {"x86_64": (0xC000003E, (41, 101, 310, 311)), "aarch64": (0xC00000B7, (198, 117, 270, 271))}
#: io_uring_setup, which opens sockets too, and pidfd_getfd; one number everywhere.
_EVERYWHERE = (425, 438)
#: From here on the numbers are those of another interface of x86-64 (x32).
_X32 = 0x40000000
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
#: Instructions of the filter: load a word, return, jump if equal, jump if at least.
_LOAD, _RETURN, _EQUAL, _AT_LEAST = 0x20, 0x06, 0x15, 0x35
#: Where a filter finds the number of the call, and the architecture.
_CALL, _ARCHITECTURE = 0, 4


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def go_offline() -> bool:
    """Refuse this process every new socket, and return whether the system let it."""
    known = _KNOWN.get(platform.machine())
    if not sys.platform.startswith("linux") or known is None:
        return False
    code = _filter(*known)
    program = _Program(len(code) // 8, code)
    call = ctypes.CDLL(None, use_errno=True).prctl
    if call(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(call(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0)


def _filter(architecture: int, calls: tuple[int, ...]) -> bytes:
    """Return the filter; each instruction is a code, how far to jump if it holds and if not, and a number."""
    refused = (*calls, *_EVERYWHERE)
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _CALL),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _KILL),
        *((_EQUAL, len(refused) - at, 0, number) for at, number in enumerate(refused)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
