"""Whether deployments are refused: somebody froze the host, and nobody has unfrozen it."""

from collections.abc import Mapping
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.ship.deploy.target import Host
from pipeline.ship.release import ledger


def refuse_if_frozen(host: Host, command: str) -> None:
    """PipelineError, before anything is changed, where deployments are refused."""
    if frozen := ledger.frozen(host.ledger()):
        raise PipelineError(
            f"{command}: deployments are {_sentence(frozen)}; "
            "`pipeline unfreeze` allows them again, and `pipeline rollback` works all the same"
        )


def stop_if_frozen(host: Host, place: str) -> None:
    """PipelineError, for which the candidate is rolled back, where deployments have been frozen meanwhile."""
    if frozen := ledger.frozen(host.ledger()):
        raise PipelineError(f"{place}: deployments were {_sentence(frozen)}")


def _sentence(frozen: Mapping[str, Any]) -> str:
    return f"frozen by {frozen.get('by')} ({frozen['time']}): {frozen.get('reason')}"
