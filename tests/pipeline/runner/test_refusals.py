"""Where the registrar can't register a runner, one line says what to do."""

from collections.abc import Callable
from pathlib import Path

from tests.pipeline.runner.conftest import make_key
from tests.pipeline.runner.processes import Process, wait_for
from tests.pipeline.runner.standin import GitHub


def assert_refused(process: Process, *words: str) -> None:
    code, _, err = process.wait()
    assert code == 2
    assert err.count("\n") == 1, err
    for word in words:
        assert word in err


def test_a_key_of_another_app_is_one_line(start: Callable[..., Process], tmp_path: Path) -> None:
    assert_refused(start(APP_KEY_FILE=str(make_key(tmp_path))), "App 4711", "APP_ID")


def test_an_id_of_another_app_is_one_line(start: Callable[..., Process]) -> None:
    assert_refused(start(APP_ID="1"), "App 1", "APP_ID")


def test_a_file_that_is_no_key_is_one_line(start: Callable[..., Process], tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("hello")
    assert_refused(start(APP_KEY_FILE=str(tmp_path / "no.pem")), "no.pem", "private key")


def test_an_app_that_is_not_installed_is_one_line(start: Callable[..., Process], github: GitHub) -> None:
    github.installed = False
    assert_refused(start(), "not installed on octo/model")


def test_a_permission_that_is_missing_is_named(start: Callable[..., Process], github: GitHub) -> None:
    github.errors = {"/access_tokens": [422]}
    assert_refused(start(), "administration: write")


def test_a_public_repository_without_the_setting_is_refused(start: Callable[..., Process], github: GitHub) -> None:
    github.private, github.policy = False, "first_time_contributors"
    code, _, err = start().wait()
    assert code == 2
    assert err.count("\n") == 1
    assert "Require approval for all external contributors" in err
    assert not github.bodies("POST", "/generate-jitconfig")


def test_a_private_repository_that_runs_forks_without_approval_is_refused(
    start: Callable[..., Process], github: GitHub
) -> None:
    github.forks["run_workflows_from_fork_pull_requests"] = True
    assert_refused(start(), "octo/model may run forks' workflows without approval", "Settings → Actions → General")
    assert not github.bodies("POST", "/generate-jitconfig")


def test_a_private_repository_whose_setting_may_not_be_read_is_refused(
    start: Callable[..., Process], github: GitHub
) -> None:
    github.errors = {"/fork-pr-workflows-private-repos": [403]}
    assert_refused(start(), "octo/model may run forks' workflows")


def test_the_setting_is_checked_again_before_each_registration(start: Callable[..., Process], github: GitHub) -> None:
    github.private = False
    registrar = start()
    with registrar.container() as container:
        assert container.recv(4096)
    wait_for(lambda: not github.runners)
    github.policy = "first_time_contributors"
    with registrar.container() as container:
        assert container.recv(4096) == b""
    assert registrar.wait()[0] == 2
    assert len(github.bodies("POST", "/generate-jitconfig")) == 1
