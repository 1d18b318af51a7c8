"""What clients do to the proxy, and a host that is busy: others are answered all the same, in bounded memory."""

import contextlib
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.ship.deploy.docker import front
from tests.pipeline.runner.containers import docker
from tests.pipeline.ship.deploy.hosts import PORT, PROXY, Load, World, ask, serving

pytestmark = pytest.mark.engine

ATTACKERS = Path(__file__).with_name("attackers.py")
IDLE, SLOW, SECONDS = 3000, 100, 15  # more connections need more open files than some machines allow
BUSY = "import time\nend = time.monotonic() + 60\nwhile time.monotonic() < end: pass"


@contextlib.contextmanager
def attack(*command: str) -> Iterator["subprocess.Popen[str]"]:
    arguments = [str(IDLE), str(SLOW), str(SECONDS)]
    with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True) as attackers:
        assert attackers.stdout
        assert attackers.stdout.readline() == "ready\n"
        yield attackers


def slow_answers(attackers: "subprocess.Popen[str]") -> dict[str, int]:
    output, _ = attackers.communicate(timeout=60)
    return {name: count for name, count in json.loads(output).items() if name.startswith("slow")}


def address(world: World) -> str:
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return docker("inspect", "--format", form, f"{world.name}-proxy").stdout.strip()


def starts(world: World) -> list[str]:
    """When the proxy's containers have started, and whether they were killed for their memory."""
    form = "{{.State.StartedAt}} {{.RestartCount}} {{.State.OOMKilled}}"
    return docker("inspect", "--format", form, f"{world.name}-proxy", f"{world.name}-balancer").stdout.splitlines()


def test_idle_and_slow_clients_at_the_same_address_stop_nobody(world: World) -> None:
    before = starts(world)
    with attack(sys.executable, str(ATTACKERS), address(world), "8080") as attackers, Load(clients=3) as load:
        answers = slow_answers(attackers)
    assert load.failed == {}
    assert sum(load.answers.values()) > 100
    assert answers["slow: HTTP/1.1 429"] > SLOW - front.LARGE_BY_SOURCE - 1
    assert starts(world) == before


def test_idle_and_slow_clients_at_another_address_stop_nobody(world: World) -> None:
    before = starts(world)
    options = ["--network", f"{world.name}-network", "--volume", f"{ATTACKERS}:/attackers.py:ro"]
    container = ["docker", "run", "--rm", *options, "--entrypoint", "python3", PROXY, "/attackers.py"]
    with attack(*container, f"{world.name}-proxy", "8080") as attackers, Load(clients=3) as load:
        assert large() == 200
        answers = slow_answers(attackers)
    assert load.failed == {}
    assert answers["slow: HTTP/1.1 429"] > SLOW - front.LARGE_BY_SOURCE - 1
    assert starts(world) == before


def test_a_champion_that_stalls_keeps_its_traffic(world: World) -> None:
    name = f"{world.name}-release-{world.champion}"
    with Load() as load:
        docker("pause", name)
        time.sleep(4)
        docker("unpause", name)
    assert load.failed == {}


def test_a_champion_whose_checks_failed_is_still_asked_while_nothing_better_is_there(world: World) -> None:
    name = f"{world.name}-release-{world.champion}"
    with Load() as load:
        docker("pause", name)
        time.sleep(0.5)
        command(world, "set server service/a health down")
        command(world, "set server service/b health down")
        time.sleep(3)
        assert not any(state(world).values())
        docker("unpause", name)
    assert load.failed == {}
    assert serving(5) == {world.champion}


def test_a_champion_that_is_dead_is_noticed(world: World) -> None:
    name = f"{world.name}-release-{world.champion}"
    assert any(state(world).values())
    docker("kill", name)
    start = time.monotonic()
    while any(state(world).values()):
        assert time.monotonic() - start < 20
        time.sleep(0.1)
    start = time.monotonic()
    assert ask()[0] == 503
    assert time.monotonic() - start < 1
    docker("start", name)
    while ask()[0] != 200:
        assert time.monotonic() - start < 30
        time.sleep(0.1)


def test_a_busy_host_fails_no_request_of_a_deployment(world: World) -> None:
    world.release("busy")
    world.edit(steps=[50, 100])  # enough requests for a step come sooner
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(3)]
    try:
        with Load() as load:
            world.ok("busy")
            assert world.run("rollback", world.champion)[0] == 0
    finally:
        for process in busy:
            process.kill()
            process.wait()
        world.edit(steps=[5, 25, 100])
    assert load.failed == {}


def test_the_public_port_answers_clients_and_the_other_one_operators(world: World) -> None:
    assert get(PORT, "/readyz") == (200, {"release": world.champion})
    for path in ("/metrics", "/release", "/docs.json", "/schema.json", "/a/metrics", "//metrics", "/"):
        status, content = get(PORT, path)
        assert (status, content["error"]) == (404, "no such path on this port; deploy.operator_port has the others")
    for path, empty in (("metrics", 200), ("release", 503)):  # Prometheus takes an empty slot for one that is up
        expected = sorted([(200, {"release": world.champion}), (empty, {})], key=str)
        end = time.monotonic() + 30  # what was retired a moment ago is empty once it has failed its checks
        while (slots := sorted((get(PORT + 100, f"/{slot}/{path}") for slot in "ab"), key=str)) != expected:
            assert time.monotonic() < end, slots
            time.sleep(0.2)
    assert get(PORT + 100, "/metrics") == (200, {"release": world.champion})


def test_operators_reach_both_releases_while_two_serve(world: World) -> None:
    candidate = world.release("observed")
    with Load():
        deployment = world.start("deploy", "--release", "observed.json", "--unsigned")
        assert deployment.stdout
        for line in deployment.stdout:
            if line.startswith("5 %: "):
                break
        answers = [get(PORT + 100, f"/{slot}/metrics") for slot in "ab"]
        deployment.communicate(timeout=60)
        assert world.run("rollback", world.champion)[0] == 0
    assert {content["release"] for _, content in answers} == {world.champion, candidate}


def test_the_client_is_the_forwarded_address_of_a_trusted_proxy_alone(world: World) -> None:
    form = "{{(index .IPAM.Config 0).Gateway}}"
    gateway = docker("network", "inspect", f"{world.name}-network", "--format", form).stdout.strip()
    try:
        assert statuses_behind_large_requests(world, "10.0.0.1", "10.0.0.2") == [429, 429]  # nobody is trusted
        world.edit(trusted_proxies=[gateway, "192.0.2.0/24"])
        world.ok("first")
        remake(world)
        forwarded = ["10.0.0.1", "10.0.0.2", "10.0.0.2, 10.0.0.1", "10.0.0.1, 192.0.2.7", "x"]
        assert statuses_behind_large_requests(world, *forwarded) == [429, 200, 429, 429, 200]
    finally:
        world.edit(trusted_proxies=[])
        remake(world)


def test_the_proxy_of_an_earlier_version_is_used_until_it_is_removed(world: World) -> None:
    start_earlier_proxy(world)
    assert "the proxy still has the settings of an earlier version" in world.ok("first")
    remake(world)  # the balancer then needs a configuration that the earlier version did not write
    assert serving(5) == {world.champion}
    start_earlier_proxy(world)
    world.release("later")
    with Load() as load:
        output = world.ok("later")
        assert world.run("rollback", world.champion)[0] == 0
    assert load.failed == {}
    assert f"to change that: `docker rm -f {world.name}-proxy` on the host" in output
    remake(world)
    assert "the proxy still has" not in world.ok("first")
    assert serving(5) == {world.champion}


def start_earlier_proxy(world: World) -> None:
    """One container for both parts, whose configuration has no socket for a front."""
    docker("rm", "--force", f"{world.name}-proxy", f"{world.name}-balancer")
    state = ("--volume", f"{world.name}-state:/state")
    edit = ["-i", "/requests.sock/d", "/state/haproxy.cfg"]
    docker("run", "--rm", "--network", "none", "--user", "0", *state, "--entrypoint", "sed", PROXY, *edit)
    docker(
        *("run", "--detach", "--name", f"{world.name}-proxy", "--network", f"{world.name}-network"),
        *("--publish", f"{PORT}:8080", "--user", "65534:65534", *state),
        *("--volume", f"{world.name}-run:/run/proxy", "--entrypoint", "haproxy"),
        *(PROXY, "-db", "-f", "/state/haproxy.cfg"),
    )


def remake(world: World) -> None:
    docker("rm", "--force", f"{world.name}-proxy", f"{world.name}-balancer", check=False)
    world.ok("first")
    for _ in range(100):
        if ask()[0] == 200:
            return
        time.sleep(0.1)


def large(**headers: str) -> int:
    """The status of a request that is larger than the front's buffer."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    body = json.dumps({"rows": [{"x": 0.5}] * 2000})
    connection.request("POST", "/predict", body, {"content-type": "application/json", **headers})
    status = connection.getresponse().status
    connection.close()
    return status


def statuses_behind_large_requests(world: World, *forwarded: str) -> list[int]:
    """What large requests for these clients get while 10.0.0.1 holds as many as it may."""
    held = [http.client.HTTPConnection(address(world), 8080) for _ in range(front.LARGE_BY_SOURCE)]
    for connection in held:
        connection.putrequest("POST", "/predict")
        connection.putheader("x-forwarded-for", "10.0.0.1")
        connection.putheader("content-length", "100000")
        connection.endheaders(b"x" * 50_000)
    time.sleep(1)
    statuses = []
    for source in forwarded:
        connection = http.client.HTTPConnection(address(world), 8080, timeout=30)
        body = json.dumps({"rows": [{"x": 0.5}] * 2000})
        connection.request("POST", "/predict", body, {"x-forwarded-for": source})
        statuses.append(connection.getresponse().status)
        connection.close()
    for connection in held:
        connection.close()
    return statuses


def get(port: int, path: str) -> tuple[int, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    is_json = (response.getheader("content-type") or "") == "application/json"
    return response.status, json.loads(text) if is_json else {}


def command(world: World, text: str) -> str:
    """The answer of the balancer's admin socket."""
    code = (
        "import socket, sys\nc = socket.socket(socket.AF_UNIX)\nc.connect('/run/proxy/admin.sock')\n"
        "c.sendall(sys.argv[1].encode() + b'\\n')\nprint(b''.join(iter(lambda: c.recv(65536), b'')).decode())"
    )
    options = ["--volume", f"{world.name}-run:/run/proxy", "--user", "65534", "--entrypoint", "python3"]
    return docker("run", "--rm", *options, PROXY, "-c", code, text).stdout


def state(world: World) -> dict[str, bool]:
    """Whether each slot passes its check."""
    lines = [line.split() for line in command(world, "show servers state service").splitlines()[2:] if line]
    return {parts[3]: parts[5] == "2" for parts in lines}
