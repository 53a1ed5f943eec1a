"""What a failed question to a metrics API means for the reading (D17)."""

from kube.client.errors import ApiError, Forbidden, KubeError, NotFound
from scaler.core.observed import ReadingState


def reading_state(error: KubeError) -> ReadingState:
    """The state of a reading that could not be made."""
    match error:
        case Forbidden():
            return "forbidden"
        case NotFound():
            return "not_found"
        case _:
            return "error"


def reading_text(error: KubeError) -> str:
    """What went wrong: the server's own words where the API itself refused."""
    return error.message if isinstance(error, ApiError) and error.code < 500 else str(error)
