"""The registrar with a stand-in GitHub: one registration for each container, and none left behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipeline.runner.processes import Process, wait_for
from tests.pipeline.runner.standin import GitHub


def test_each_container_gets_its_own_configuration(start: Callable[..., Process], github: GitHub) -> None:
    registrar = start(RUNNER_LABELS='["self-hosted", "gpu", "a100"]')
    received = []
    for _ in range(2):
        with registrar.container() as container:
            received.append(container.recv(4096).decode().strip())
        wait_for(lambda: not github.runners)
    bodies = github.bodies("POST", "/generate-jitconfig")
    assert received == [f"jit-of-{body['name']}" for body in bodies]
    assert len(set(received)) == 2
    assert bodies[0]["labels"] == ["self-hosted", "gpu", "a100"]
    assert bodies[0]["runner_group_id"] == 1


def test_a_job_gets_no_second_configuration_while_its_container_runs(
    start: Callable[..., Process], github: GitHub
) -> None:
    registrar = start()
    with registrar.container() as container:
        assert container.recv(4096)
        with registrar.container() as job:
            job.settimeout(2)
            with pytest.raises(TimeoutError):
                job.recv(4096)
    wait_for(lambda: not github.runners)
    registrar.stop()
    assert len(github.bodies("POST", "/generate-jitconfig")) == 1


def test_the_container_gets_neither_the_key_nor_a_token(
    start: Callable[..., Process], key: Path, tmp_path: Path, github: GitHub
) -> None:
    registrar = start()
    with registrar.container() as container:
        received = container.recv(65536)
        name = github.runners[0]["name"]
        assert received == f"jit-of-{name}\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["socket"]


def test_a_stopped_registrar_removes_the_runner_that_has_no_job(start: Callable[..., Process], github: GitHub) -> None:
    registrar = start()
    with registrar.container() as container:
        assert container.recv(4096)
        assert "removed" in registrar.stop()
    assert github.runners == []
    assert registrar.process.returncode == 0


def test_a_running_job_keeps_its_registration(start: Callable[..., Process], github: GitHub) -> None:
    registrar = start()
    with registrar.container() as container:
        assert container.recv(4096)
        github.runners[0]["busy"] = True
        assert registrar.stop().count("removed") == 0
    assert len(github.runners) == 1


def test_at_its_start_registrations_of_an_earlier_registrar_are_removed(
    start: Callable[..., Process], github: GitHub
) -> None:
    github.add("gpu-1-0123abcd", status="online")
    other = github.add("gpu-10-0123abcd")
    registrar = start()
    wait_for(registrar.socket.exists)
    assert github.runners == [other]


def test_after_a_short_outage_the_call_is_tried_again(start: Callable[..., Process], github: GitHub) -> None:
    github.errors = {"/generate-jitconfig": [502], "/installation": [503]}
    with start().container() as container:
        assert container.recv(4096).startswith(b"jit-of-")


def test_a_name_that_is_taken_is_replaced(start: Callable[..., Process], github: GitHub) -> None:
    github.errors = {"/generate-jitconfig": [409]}
    with start().container() as container:
        assert container.recv(4096).startswith(b"jit-of-")
    names = [body["name"] for body in github.bodies("POST", "/generate-jitconfig")]
    assert len(set(names)) == 2


def test_a_group_registers_with_the_organization(start: Callable[..., Process], github: GitHub) -> None:
    github.private, github.policy = False, "first_time_contributors"
    with start(RUNNER_GROUP_ID="3").container() as container:
        assert container.recv(4096).startswith(b"jit-of-")
    assert github.bodies("POST", "/orgs/octo/actions/runners/generate-jitconfig")[0]["runner_group_id"] == 3


def test_the_token_is_requested_for_this_repository_only(start: Callable[..., Process], github: GitHub) -> None:
    wait_for(start().socket.exists)
    requested = github.bodies("POST", "/app/installations/7/access_tokens")
    assert requested == [{"repositories": ["model"], "permissions": {"administration": "write", "metadata": "read"}}]
