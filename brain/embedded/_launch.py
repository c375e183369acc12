"""Becomes another program that dies with its parent. Run as a file by `children.py`, never imported.

    python -I -S _launch.py PARENT_PID SIGNAL UID GID PROGRAM ARGUMENT...      (UID and GID may be "-")

The order matters: the kernel forgets the parent-death signal when a process changes its user, so that comes first; and
a parent that died before the signal was asked for has left this process to somebody else, which is seen by its pid.
It is a program of its own, and not a `preexec_fn`, because code between fork and exec is unsafe beside threads.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Drop to the user, ask for the signal, make sure the parent still lives, become the program."""
    parent, death_signal, uid, gid, *argv = sys.argv[1:]
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0) != 0:
        sys.exit(f"prctl(PR_SET_PDEATHSIG) failed: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != int(parent):
        sys.exit("the process that started this one has gone")
    os.execv(argv[0], argv)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
