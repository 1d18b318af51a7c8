"""An operator's switches and the shadow step on a real Docker host under constant load."""

import subprocess
import time

import pytest

from tests.pipeline.runner.containers import docker
from tests.pipeline.ship.deploy.hosts import Load, World, serving
from tests.pipeline.ship.release.parts import serving_base

pytestmark = pytest.mark.engine

LEASE = 6.5  # seconds, and some more


@pytest.fixture(scope="module")
def halves(world: World) -> World:
    """A host with two releases that served, and steps that are judged soon."""
    world.champion = world.release("second")
    world.edit(steps=[100], min_requests=0)  # nobody sends any
    world.ok("second")
    world.edit(steps=[50, 100], min_requests=20)
    return world


def deploy_until_paused(world: World, name: str) -> "subprocess.Popen[str]":
    """A deployment that has paused at 50 %."""
    deployment = world.start("deploy", "--release", f"{name}.json", "--unsigned", "--pause-at", "50")
    assert deployment.stdout
    output = []
    for line in deployment.stdout:
        output.append(line)
        if line.startswith("50 %: paused; "):
            return deployment
    raise AssertionError(output)


def last(world: World) -> str:
    return world.run("history")[1].splitlines()[-1]


def logged_lines(world: World, release: str) -> int:
    """How many lines the prediction log of a release has."""
    options = ["--volume", f"{world.name}-log:/logs:ro", "--entrypoint", "sh"]
    command = f"cat /logs/{release}/* 2>/dev/null | wc -l"
    return int(docker("run", "--rm", *options, serving_base(), "-c", command).stdout)


def test_a_paused_canary_keeps_its_share_until_somebody_promotes_it(halves: World) -> None:
    third = halves.release("third")
    with Load() as load:
        deployment = deploy_until_paused(halves, "third")
        assert serving() == {halves.champion, third}
        assert "paused: at 50 % by " in last(halves)
        status, told = halves.run("promote", "the figures are good")
        output, _ = deployment.communicate(timeout=120)
    assert (status, deployment.returncode) == (0, 0), told + output
    assert "its deployer goes on" in told
    assert "50 %: continued by " in output
    assert ": the figures are good" in output
    assert load.failed == {}
    assert serving(20) == {third}
    halves.champion = third


def test_a_deployer_that_is_killed_while_paused_leaves_the_champion_and_promote_takes_its_place(halves: World) -> None:
    fourth = halves.release("fourth")
    with Load() as load:
        deployment = deploy_until_paused(halves, "fourth")
        deployment.kill()
        deployment.communicate(timeout=60)
        time.sleep(LEASE)
        halves.wait_until_unlocked()
        assert serving() == {halves.champion}
        assert "its deployer has ended, and the champion has all traffic" in last(halves)
        status, output = halves.run("promote")
    assert status == 0, output
    assert f"release {fourth} was paused at 50 %, and its deployer has ended: taking it up" in output
    assert "100 %: good" in output
    assert "50 %: good" not in output
    assert load.failed == {}
    assert serving(20) == {fourth}
    halves.champion = fourth


def test_a_freeze_ends_a_paused_canary_and_refuses_the_next_while_a_rollback_works(halves: World) -> None:
    fifth = halves.release("fifth")
    with Load() as load:
        deployment = deploy_until_paused(halves, "fifth")
        assert halves.run("freeze", "an audit")[0] == 0
        output, _ = deployment.communicate(timeout=60)
        assert deployment.returncode == 1
        assert "at 50 %: deployments were frozen by " in output
        status, refused = halves.deploy("fifth")
        assert (status, refused.splitlines()[-1].startswith("error: deploy: deployments are frozen by ")) == (2, True)
        assert serving() == {halves.champion}
        rollbacks = [halves.run("rollback")[0], halves.run("rollback", halves.champion)[0]]
        assert halves.run("unfreeze", "it is over")[0] == 0
    assert rollbacks == [0, 0]
    assert load.failed == {}
    assert set(load.answers) >= {(200, halves.champion), (200, fifth)}
    assert serving(20) == {halves.champion}
    history = halves.run("history")[1]
    assert " frozen: an audit  (by " in history
    assert " unfrozen: it is over  (by " in history


def test_the_shadow_step_sends_a_bad_candidate_back_and_none_of_its_rows_is_logged(halves: World) -> None:
    bad, good = halves.release("bad", "disagrees"), halves.release("good")
    halves.edit(replay=0, shadow="20 s")
    with Load() as load:
        status, output = halves.deploy("bad")
        assert status == 1, output
        assert "shadow: agreement with the champion 0.0" in output.splitlines()[-1]
        assert (200, bad) not in load.answers
        halves.edit(shadow="5 s")
        assert " rows answered\nshadow: failed 0.0% of " in halves.ok("good")
    assert load.failed == {}
    assert logged_lines(halves, bad) == 0
    assert logged_lines(halves, good) == load.answers[200, good] > 0
