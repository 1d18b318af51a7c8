"""`pipeline serve`: runs the service on this machine, after checking what it needs."""

import os
import socket
import sys
from pathlib import Path

import click

from pipeline.core.errors import PipelineError
from pipeline.ship.service import predictor


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
def command(port: int, host: str) -> None:
    """Serve the model in models/ until interrupted."""
    loaded = predictor.load(Path())
    check_port(host, port)
    click.echo(f"serve: release {loaded.release['release']}; the page of its API: http://{host}:{port}/")
    # A folder for each port: BentoML empties the folder of metrics when it starts, even if another service uses it.
    home = Path(".pipeline/bentoml").absolute() / str(port)
    defaults = {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}
    program = str(Path(sys.executable).with_name("bentoml"))
    arguments = ["serve", "pipeline.ship.service.app:Service", "--host", host, "--port", str(port)]
    sys.stdout.flush()
    os.execve(program, [program, *arguments], defaults | os.environ)  # noqa: S606  # no shell is wanted


def check_port(host: str, port: int) -> None:
    """PipelineError where the port can't be listened on."""
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PipelineError(f"port {port} on {host}: {reason}; choose another: `PORT=3001 make serve`") from None
