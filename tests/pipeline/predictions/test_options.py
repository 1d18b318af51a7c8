"""Where log and labels are: one variable for all pipelines of a repository, with the name of each one's deployment."""

from pathlib import Path

import pytest

from pipeline.core.git import git
from pipeline.predictions.damage import Input, InputUnreadableError
from pipeline.predictions.options import own
from tests.pipeline.core.test_pipelines import add

URL = "s3://bucket/log"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    git(tmp_path, "init", "-q")
    add(tmp_path, "", None)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_name_of_the_deployment_takes_its_place(repository: Path) -> None:
    assert own("/volumes/{deploy.name}-log/_data", "log") == "/volumes/pipeline-log/_data"


def test_a_variable_needs_no_name_where_there_is_one_pipeline(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_LOG_URL", URL)
    assert own(URL, "log") == URL


@pytest.mark.parametrize(("kind", "variable"), [("log", "PIPELINE_LOG_URL"), ("labels", "PIPELINE_LABELS_URL")])
def test_a_variable_that_gives_all_the_same_address_is_unreadable(
    repository: Path, kind: Input, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(repository, "churn/", "churn")
    monkeypatch.setenv(variable, URL)
    with pytest.raises(
        InputUnreadableError, match=rf"^{variable}: is {URL} for each .*; write {{deploy.name}} in"
    ) as no:
        own(URL, kind)
    assert no.value.kind == kind
    assert own("s3://bucket/{deploy.name}", kind) == "s3://bucket/pipeline"


def test_an_address_in_the_parameters_or_an_option_is_the_pipelines_own(repository: Path) -> None:
    add(repository, "churn/", "churn")
    assert own(URL, "log") == URL
