"""Runs a program that dies with its parent: `python leash.py PARENT_PID PROGRAM ARGS...`.

Linux ends it when the thread that started it ends, however that happens, kill -9 included. A
program of its own instead of a `preexec_fn`: that one is unsafe in a process with threads.
Elsewhere the program runs without this safety.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask for the signal, see that the parent is still there, become the program."""
    parent, program, *arguments = sys.argv[1:]
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
        if os.getppid() != int(parent):
            sys.exit("the parent is gone already")
    os.execv(program, [program, *arguments])


if __name__ == "__main__":
    main()
