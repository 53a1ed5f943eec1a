"""What all tests share."""

import asyncio

pytest_plugins = ["tests.controlplane.fixtures"]


def pytest_configure() -> None:
    """Keep the default policy from making a loop of its own that nobody closes.

    pytest-asyncio asks it for the loop to restore after each test; Python 3.11 makes one when asked
    and none was ever set.
    """
    asyncio.set_event_loop(None)
