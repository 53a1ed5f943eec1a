"""How the demo shortens time so that it can be watched, and how its script scales."""

from typing import Final

from msgspec import Struct

PERIOD: Final = 3
"""Seconds between evaluations of an autoscaler; 15 in real life."""

SCRAPE: Final = 1
"""Seconds between scrapes and rule evaluations; 15 in real life."""

SHORTEST: Final = 60
"""Seconds below which calm, burst and calm no longer fit around delays and windows."""

DEFAULT: Final = 120
"""Seconds of one round of the script when the demo runs until it is stopped."""


class Windows(Struct, frozen=True):
    """The time fields of a WatermarkPodAutoscaler that the demo overrides, in seconds."""

    upscale_forbidden: int = 6
    downscale_forbidden: int = 6
    upscale_delay: int = 6
    downscale_delay: int = 9

    def fields(self) -> dict[str, int]:
        """Under their names in `spec`."""
        return {
            "upscaleForbiddenWindowSeconds": self.upscale_forbidden,
            "downscaleForbiddenWindowSeconds": self.downscale_forbidden,
            "upscaleDelayAboveWatermarkSeconds": self.upscale_delay,
            "downscaleDelayBelowWatermarkSeconds": self.downscale_delay,
        }


WINDOWS: Final = Windows()

PHASES: Final = (("calm", 0.2), ("burst", 0.3), ("calm again", 0.5))
"""The script: names and shares of the whole."""
