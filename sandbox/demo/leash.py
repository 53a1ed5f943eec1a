"""Start a program that dies with its parent: `python -m sandbox.demo.leash PARENT PROGRAM …`.

On Linux the kernel kills the program when the demo is gone, however it went (prctl(2),
PR_SET_PDEATHSIG; it survives execve). Elsewhere the demo's own clean-up is all there is.
"""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def main(arguments: list[str]) -> None:
    """Tie this process to `PARENT`, then become the program."""
    parent = int(arguments[0])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have gone before the call; then nobody sends the signal any more.
    if os.getppid() == parent:
        os.execvp(arguments[1], arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
