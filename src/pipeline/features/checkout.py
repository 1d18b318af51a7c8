"""The feature code of the repository at hand, planned by its data contract and parameters."""

from pathlib import Path

from pipeline.core.params import Data, Features, TaskSection
from pipeline.data.contract.schema import Schema
from pipeline.features import package, plan
from pipeline.features.code import FeatureCode
from pipeline.features.contract_columns import inputs_of


def unfitted(contract: Schema, data: Data, task: TaskSection, features: Features, root: Path = Path()) -> FeatureCode:
    """`src/project/features/` without state; PipelineError, a line each, for what is wrong with it."""
    source = package.of_project(root)
    made = plan.make(source, plan.Names([*contract.columns], task.target, data.key), features.off)
    return FeatureCode(source, made, inputs_of(contract, made.read))
