"""Whether something answers, asked several times: a busy host may answer one request slowly."""

import time
from collections.abc import Callable

from pipeline.ship.deploy.target import Host

PAUSES = (1.0, 1.0, 1.0, 0.0)  # seconds after each time


def is_ready(host: Host, release: str) -> bool:
    """Whether the release's container answers."""
    return holds(lambda: host.is_ready(release))


def holds(condition: Callable[[], bool]) -> bool:
    """Whether it holds at one of the times."""
    for pause in PAUSES:
        if condition():
            return True
        time.sleep(pause)
    return False
