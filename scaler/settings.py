"""What can be set about the scaler, by flag or environment."""

from msgspec import Struct

from kube.service.logs import Encoder, Timestamps
from kube.service.settings import Address
from kube.vocab.times import SECOND
from scaler.core.label_tags import LabelTag
from scaler.core.recommender import Tls


class Settings(Struct, frozen=True):
    """Durations are in milliseconds."""

    kubeconfig: str | None = None
    context: str | None = None
    namespaces: tuple[str, ...] = ()
    """Namespaces to look after; empty is all."""
    period: int = 15 * SECOND
    max_sample_age: int = 120 * SECOND
    metrics_address: Address = Address("", 8383)
    health_port: int = 9440
    workers: int = 64
    leader_election: bool = True
    leader_election_namespace: str = "default"
    shards: int = 1
    """Leases over which the autoscalers are spread, so that several scalers work side by side."""
    fleet_breaker_share: int = 50
    """Percent of the metrics that were there whose loss freezes all shrinking; 0 is never."""
    fleet_thaw_percent: int = 10
    """Percent of all replicas that may go in a minute after that."""
    client_qps: float = 1000.0
    client_timeout: int = 10 * SECOND
    skip_not_scaling_events: bool = False
    cluster_name: str = ""
    """What recommenders are told about where their targets run."""
    recommender_tls: Tls | None = None
    """TLS settings towards recommenders where objects have none of their own."""
    label_tags: tuple[LabelTag, ...] = ()
    """Labels of autoscalers that a series shows, to join with."""
    log_level: str = "info"
    log_encoder: Encoder = "json"
    log_timestamps: Timestamps = "millis"
