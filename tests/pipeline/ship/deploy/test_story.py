"""Deployments on a real Docker host under constant load: no client sees a failed request."""

import signal
import time

import pytest

from tests.pipeline.runner.containers import docker
from tests.pipeline.ship.deploy.hosts import PORT, Load, World, ask, serving

pytestmark = pytest.mark.engine

STEPS = ["starting", "ready;", "replay:", "5 %: ", "25 %: ", "100 %: ", "promoting"]
# Kills the deployer after the configuration was written and before the running proxy is updated.
HALF_PROMOTED = """
import os, signal
from pipeline import cli
from pipeline.ship.deploy.docker.proxy import Proxy
original = Proxy.command
def command(self, text):
    if text.startswith("lease settle b") or text.startswith("lease settle a"):
        if os.path.exists("armed"):
            os.kill(os.getpid(), signal.SIGKILL)
    elif text.endswith(" 94 5"):
        open("armed", "w").close()
    return original(self, text)
Proxy.command = command
cli.main()
"""


def test_the_first_release_serves_after_its_smoke_test(world: World) -> None:
    assert serving(5) == {world.champion}
    status, output = world.deploy("first")
    assert (status, output.splitlines()[-1]) == (0, f"release {world.champion} serves already: nothing to do")


def test_a_release_replaces_the_champion_under_load_without_a_failed_request_and_rollback_returns(world: World) -> None:
    second = world.release("second")
    with Load() as load:
        output = world.ok("second")
        status, rollback_output = world.run("rollback")
    assert status == 0, rollback_output
    assert load.failed == {}
    assert set(load.answers) == {(200, world.champion), (200, second)}
    assert sum(load.answers.values()) > 500
    steps = [next(step for step in STEPS if line.startswith(step)) for line in output.splitlines() if "good" in line]
    assert steps == ["5 %: ", "25 %: ", "100 %: "]
    assert serving() == {world.champion}
    assert [line.split()[3] for line in world.run("history")[1].splitlines()[-3:]] == ["served", "served", "serving"]


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("disagrees", "replay: agreement with the champion 0.0"),
        ("shifts", "mean score +"),
        ("slow", "p99 "),
        ("fails", "failed 100.0%"),
        ("crashes", "the candidate stopped (exit status 1"),
        ("dies", "does not start (exit status 1: no model)"),
    ],
)
def test_a_bad_candidate_is_rolled_back_without_a_failed_request(world: World, behaviour: str, reason: str) -> None:
    bad = world.release("bad", behaviour)
    world.edit(steps=[50, 100])  # half of the traffic is proof ten times sooner than 5 %
    with Load() as load:
        status, output = world.deploy("bad")
    world.edit(steps=[5, 25, 100])
    assert status == 1, output
    failure = output.splitlines()[-1]
    assert reason in failure
    assert failure.endswith(f"release {world.champion} serves 100 %")
    assert load.failed == {}
    assert serving() == {world.champion}
    assert reason in world.run("history")[1].splitlines()[-1]
    kept = docker("ps", "--all", "--quiet", "--filter", f"name={world.name}-release").stdout.count("\n")
    assert kept <= 3  # the champion, the release that served before, and the newest that failed
    failed = docker("inspect", "--format", "{{.State.Running}}", f"{world.name}-release-{bad}")
    assert failed.stdout.strip() == "false"


def test_a_wrong_golden_row_gets_no_traffic(world: World) -> None:
    world.release("untrue", golden=[{"row": {"x": 0.25}, "expected": {"score": 0.2500001}}])
    status, output = world.deploy("untrue")
    assert status == 1
    assert "golden row 0: score is 0.25; training gave 0.2500001" in output


def test_a_candidate_that_refuses_what_clients_send_gets_no_traffic(world: World) -> None:
    world.release("narrow", "refuses", features=["x", "y", "z"])
    with Load() as load:
        status, output = world.deploy("narrow")
    assert status == 1
    assert "replay: row 0 answered 422" in output
    assert "make z nullable in data/schema.yaml until all clients send it" in output
    assert load.failed == {}


def test_a_column_is_added_and_removed_under_old_clients_without_a_failed_request(world: World) -> None:
    added = world.release("adds", "reads_z", features=["x", "y", "z"], model="3" * 32)
    removed = world.release("removes", "ignores_z", against="3" * 32)
    with Load() as load:  # of clients that never send z
        outputs = [world.ok("adds"), world.ok("removes")]
        rollbacks = [world.run("rollback"), world.run("rollback", world.champion)]
    assert load.failed == {}
    assert set(load.answers) == {(200, release) for release in (world.champion, added, removed)}
    assert "the candidate newly needs z, which not all logged rows have" in outputs[0]
    assert "newly needs" not in outputs[1]
    for output in outputs:
        assert "replay: agreement with the champion 1.000 on " in output
    assert [(status, output.splitlines()[-1].split()[:3]) for status, output in rollbacks] == [
        (0, ["release", removed, "drained"]),
        (0, ["release", added, "drained"]),
    ]
    assert serving() == {world.champion}


def test_probes_are_no_evidence(world: World) -> None:
    world.release("probed")
    world.edit(steps=[100], deadline=5)
    with Load(path="/healthz") as load:
        status, output = world.deploy("probed")
    world.edit(steps=[5, 25, 100], deadline=120)
    assert sum(load.answers.values()) > 20
    assert (status, "too little to judge by within 5 s: 0 of 20 requests" in output) == (1, True), output


def test_a_tracking_server_that_is_down_fails_neither_a_deployment_nor_a_rollback(world: World) -> None:
    world.release("untold")
    world.edit(steps=[100], min_requests=0)
    down = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    for command in (["deploy", "--release", "untold.json", "--unsigned"], ["rollback"]):
        status, output = world.run(*command, **down)
        assert status == 0, output
        assert "register: http://127.0.0.1:9 can't be reached" in output
    world.edit(steps=[5, 25, 100], min_requests=20)


def test_a_setting_that_needs_a_new_proxy_is_named(world: World) -> None:
    world.edit(port=PORT + 50)
    status, output = world.deploy("first")
    assert status == 0, output
    assert f"the proxy still has deploy.port {PORT}, not {PORT + 50}; to change that: `docker rm -f" in output
    world.edit(port=PORT)
    assert "the proxy still has" not in world.ok("first")


def test_a_second_deployment_is_refused_in_one_line(world: World) -> None:
    world.release("third")
    first = world.start("deploy", "--release", "third.json", "--unsigned")
    assert first.stdout
    for line in first.stdout:
        if line.startswith("starting"):
            break
    status, output = world.deploy("third")
    first.terminate()
    first.communicate(timeout=60)
    assert status == 2
    assert output.splitlines()[-1].startswith("error: a deployment is under way (")
    assert serving(20) == {world.champion}
    assert "interrupted" in world.run("history")[1].splitlines()[-1]


def test_a_proxy_that_is_killed_and_restarted_serves_the_champion(world: World) -> None:
    world.release("fourth")
    with Load():
        deployment = world.start("deploy", "--release", "fourth.json", "--unsigned")
        assert deployment.stdout
        for line in deployment.stdout:
            if line.startswith("5 %: "):
                world.kill_proxy()
                break
        output, _ = deployment.communicate(timeout=60)
    assert deployment.returncode == 1
    assert "proxy" in output
    wait_for_answer()
    assert serving() == {world.champion}


def test_a_champion_that_dies_beside_a_candidate_is_succeeded_by_it_without_a_failed_request(world: World) -> None:
    heir = world.release("heir")
    world.edit(steps=[50, 100], min_requests=1_000_000)
    with Load() as load:
        deployment = world.start("deploy", "--release", "heir.json", "--unsigned")
        assert deployment.stdout
        for line in deployment.stdout:
            if line.startswith("50 %: "):
                docker("kill", f"{world.name}-release-{world.champion}")
                break
        output, _ = deployment.communicate(timeout=60)
    world.edit(steps=[5, 25, 100], min_requests=20)
    assert deployment.returncode == 0, output
    assert "at 50 %: the champion stopped (exit status 137" in output
    assert load.failed == {}
    assert serving() == {heir}
    assert world.run("rollback", world.champion)[0] == 0


def test_a_deployer_that_is_killed_at_any_step_leaves_the_champion_and_the_next_run_continues(world: World) -> None:
    fifth = world.release("fifth")
    with Load(pause=0.04) as load:  # most of the time passes until leases end
        for step in STEPS[:-1]:
            killed = world.start("deploy", "--release", "fifth.json", "--unsigned")
            assert killed.stdout
            for line in killed.stdout:
                if line.startswith(step):
                    killed.kill()
                    break
            killed.communicate(timeout=60)
            assert killed.returncode == -signal.SIGKILL, step
            if "%" in step or step == "promoting":
                time.sleep(6.5)  # the lease
            world.wait_until_unlocked()
            assert serving(40) == {world.champion}, step
            assert "failed: the deployer went away" in world.run("history")[1].splitlines()[-1]
        half = world.start("deploy", "--release", "fifth.json", "--unsigned", code=HALF_PROMOTED)
        assert half.wait(60) == -signal.SIGKILL
        time.sleep(6.5)
        output = world.ok("fifth")
        assert f"release {fifth} serves already" in output
    assert load.failed == {}
    assert serving() == {fifth}
    assert world.run("rollback", world.champion)[0] == 0


def wait_for_answer() -> None:
    end = time.monotonic() + 20
    while ask()[0] != 200:
        assert time.monotonic() < end
        time.sleep(0.2)
