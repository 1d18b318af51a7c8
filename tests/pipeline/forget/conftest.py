"""The small project of the retraining tests, and the command line run in this process."""

from tests.pipeline.watch.retrain.conftest import pipeline, project, project_for, template

__all__ = ["pipeline", "project", "project_for", "template"]
