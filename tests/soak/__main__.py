"""`python -m tests.soak adapter` or `scaler`, each with flags of its own."""

import sys

from tests.soak.adapter import command as adapter
from tests.soak.scaler import command as scaler

ROOMS = {"adapter": adapter.main, "scaler": scaler.main}

if __name__ == "__main__":
    room, *arguments = sys.argv[1:] or ["adapter"]
    if room.startswith("-"):
        room, arguments = "adapter", sys.argv[1:]
    if room not in ROOMS:
        sys.exit(f"there is no soak of {room!r}, only of {' and '.join(ROOMS)}")
    sys.exit(ROOMS[room](arguments))
