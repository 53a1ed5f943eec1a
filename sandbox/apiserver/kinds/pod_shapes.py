"""The types of what the server reads in pods and in what makes pods."""

from msgspec import Struct

from kube.vocab.selectors import LabelSelector


class Shape(Struct, rename="camel", frozen=True, gc=False):
    """Base of all: unknown fields are ignored, absent ones have defaults."""


class Port(Shape, frozen=True):
    """A port of a container or service."""

    port: int = 0
    container_port: int = 0
    protocol: str = ""


class Container(Shape, frozen=True):
    """A container of a pod."""

    name: str = ""
    image: str = ""
    ports: tuple[Port, ...] = ()


class PodSpec(Shape, frozen=True):
    """What a pod runs."""

    node_name: str = ""
    termination_grace_period_seconds: int = 30
    containers: tuple[Container, ...] = ()


class Waiting(Shape, frozen=True):
    """Why a container does not run."""

    reason: str = ""


class ContainerState(Shape, frozen=True):
    """What a container does."""

    waiting: Waiting = Waiting()
    terminated: Waiting = Waiting()


class ContainerStatus(Shape, frozen=True):
    """How a container is."""

    ready: bool = False
    restart_count: int = 0
    state: ContainerState = ContainerState()


class Condition(Shape, frozen=True):
    """A condition of anything."""

    type: str = ""
    status: str = ""
    reason: str = ""


class Status(Shape, frozen=True):
    """How an object of any kind is."""

    phase: str = ""
    reason: str = ""
    replicas: int = 0
    ready_replicas: int = 0
    updated_replicas: int = 0
    available_replicas: int = 0
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()


class Pod(Shape, frozen=True):
    """A Pod."""

    spec: PodSpec = PodSpec()
    status: Status = Status()


class TemplateMeta(Shape, frozen=True):
    """The metadata of a template's pods."""

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Template(Shape, frozen=True):
    """A template of pods."""

    metadata: TemplateMeta = TemplateMeta()
    spec: PodSpec = PodSpec()


class RollingUpdate(Shape, frozen=True):
    """The limits of a rollout, as counts or percentages."""

    max_surge: int | str = 0
    max_unavailable: int | str = 0


class Strategy(Shape, frozen=True):
    """How pods of a new template replace the old ones."""

    type: str = ""
    rolling_update: RollingUpdate = RollingUpdate()


class WorkloadSpec(Shape, frozen=True):
    """How many pods of which kind."""

    replicas: int = 1
    min_ready_seconds: int = 0
    revision_history_limit: int = 10
    paused: bool = False
    strategy: Strategy = Strategy()
    update_strategy: Strategy = Strategy()
    selector: LabelSelector = LabelSelector()
    template: Template = Template()


class Workload(Shape, frozen=True):
    """A Deployment, ReplicaSet or StatefulSet."""

    spec: WorkloadSpec = WorkloadSpec()
    status: Status = Status()
