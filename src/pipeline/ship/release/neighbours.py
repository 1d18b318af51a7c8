"""The other pipelines of the repository, which are deployed to the same host: names and ports must differ."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.core import params, pipelines
from pipeline.core.errors import PipelineError
from pipeline.core.params import Deploy


def check(root: Path = Path()) -> None:
    """PipelineError where another pipeline has the name of this one's deployment, or one of its ports."""
    own, place = _taken(params.read(root / params.PATH).deploy), f"{pipelines.folder(root)}{params.PATH}"
    for folder, other in pipelines.others(root):
        taken = _taken(other.deploy)
        if value := next((value for value in own if value in taken), None):
            raise PipelineError(
                f"{place}: deploy.{own[value]}: is {value}, as deploy.{taken[value]} in {folder}{params.PATH}; both "
                f"are deployed to one host: give each pipeline another ({pipelines.PAGE})"
            )


def _taken(deploy: Deploy) -> Mapping[str | int, str]:
    """What the deployment takes of its host, and the key that says so."""
    taken: dict[str | int, str] = {deploy.name: "name", deploy.port: "port"}
    return taken | ({deploy.operator_port: "operator_port"} if deploy.operator_port else {})
