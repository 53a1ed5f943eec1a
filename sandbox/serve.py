"""`wpa-sandbox serve`: a cluster in the foreground."""

import asyncio
import errno
import shlex
import sys
import tempfile
import time
from pathlib import Path

import click

from kube.service import logs, runtime
from sandbox.cluster import SandboxCluster


@click.command("serve")
@click.option("--port", default=0, show_default="any free one", type=click.IntRange(0, 65535))
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where certificates and kubeconfig files go; a new temporary folder by default.",
)
@click.option("--nodes", default=3, show_default=True, type=click.IntRange(1, 1000))
@click.option(
    "--max-pods", type=click.IntRange(0), help="Room of all nodes together; further pods wait."
)
def serve(port: int, folder: Path | None, nodes: int, max_pods: int | None) -> None:
    """Run a small Kubernetes API server with its controllers until Ctrl-C."""
    logs.configure(encoder="console", timestamps="iso8601", nanoseconds=time.time_ns)

    async def main(stop: asyncio.Event) -> None:
        place = folder or Path(tempfile.mkdtemp(prefix="wpa-sandbox-"))
        cluster = SandboxCluster(place.resolve(), port=port, nodes=nodes, max_pods=max_pods)
        try:
            await cluster.start()
        except OSError as error:
            raise _cannot_start(error, port, place) from error
        try:
            click.echo(welcome(cluster))
            await stop.wait()
        finally:
            await cluster.close()

    sys.exit(runtime.run(main, program="wpa-sandbox serve"))


def _cannot_start(error: OSError, port: int, folder: Path) -> runtime.UsageError:
    if error.errno == errno.EADDRINUSE:
        text = f"port {port} is in use; stop the other process or choose another with --port"
    elif error.errno == errno.EACCES and not error.filename:
        text = f"port {port} is not allowed; choose one above 1023 with --port"
    else:
        text = f"cannot write to {folder}: {error.strerror or error}; choose another with --folder"
    return runtime.UsageError(text)


def welcome(cluster: SandboxCluster) -> str:
    """What a person needs to use the cluster, lines to paste included."""
    kubectl = f"kubectl --kubeconfig {shlex.quote(str(cluster.kubeconfig))}"
    return "\n".join(
        (
            f"The sandbox listens on {cluster.url}; Ctrl-C stops it and forgets everything.",
            f"kubeconfig: {cluster.kubeconfig}",
            "",
            f"  export KUBECONFIG={shlex.quote(str(cluster.kubeconfig))}",
            f"  {kubectl} get nodes",
            f"  {kubectl} create deployment web --image=example.test/web --replicas=3",
            f"  {kubectl} get pods -w",
        )
    )
