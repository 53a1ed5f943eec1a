"""What all tests share."""

import asyncio

from hypothesis import HealthCheck, settings

# How long an example takes is a matter of the machine and of what else it does.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

pytest_plugins = ["tests.controlplane.fixtures"]


def pytest_configure() -> None:
    """Keep the default policy from making a loop of its own that nobody closes.

    pytest-asyncio asks it for the loop to restore after each test; Python 3.11 makes one when asked
    and none was ever set.
    """
    asyncio.set_event_loop(None)
