"""Starts a program that dies with its parent: `python leash.py PARENT_PID PROGRAM ARGS…`.

On Linux the kernel kills the program when the thread that started it is gone, however it went, kill
-9 included (prctl(2), PR_SET_PDEATHSIG; it survives execve). A program of its own instead of a
`preexec_fn`: that one is unsafe in a process with threads. Elsewhere the parent's own clean-up is
all there is. Uses the standard library alone, so that it starts quickly and from anywhere.
"""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def main(arguments: list[str]) -> None:
    """Ask for the signal, see that the parent is still there, become the program."""
    parent, program, *rest = arguments
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
        # The parent may have gone before the call; then nobody sends the signal any more.
        if os.getppid() != int(parent):
            sys.exit("the parent is gone already")
    os.execvp(program, [program, *rest])


if __name__ == "__main__":
    main(sys.argv[1:])
