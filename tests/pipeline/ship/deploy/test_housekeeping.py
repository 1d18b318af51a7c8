"""Backup and restore, clean, and forgetting on a host: real engines, of which the second has nothing but a registry."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.conftest import require
from tests.pipeline.runner.containers import docker
from tests.pipeline.ship.deploy.hosts import PROXY, World, ask, serving
from tests.pipeline.ship.release.parts import registry

pytestmark = pytest.mark.engine
BRIDGE, GATEWAY = "pl-second", "172.30.255.1/24"  # --bridge=none would take the first engine's docker0 away
NETWORK = "172.29.0.0/16"  # of the second engine, which leaves the machine's firewall to the first


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    require("docker-registry")
    with registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture
def second(tmp_path: Path) -> Iterator[str]:
    """A second engine with data of its own; the address for DOCKER_HOST."""
    require("dockerd")
    require("iptables")
    require("ip")
    folder = Path("/run") / f"pipeline-engine-{os.getpid()}"  # the path of a socket is short
    folder.mkdir()
    host = f"unix://{folder}/docker.sock"
    options = [f"--data-root={tmp_path / 'data'}", f"--exec-root={folder / 'exec'}", f"--pidfile={folder / 'pid'}"]
    options += ["--host", host, f"--bridge={BRIDGE}", "--iptables=false", "--ip6tables=false"]
    options += ["--default-address-pool", f"base={NETWORK},size=24"]
    let_through = ["FORWARD", "--source", NETWORK, "--destination", NETWORK, "--jump", "ACCEPT"]
    subprocess.run(["iptables", "--append", *let_through], check=True)  # the first engine drops what it does not know
    for command in (["add", BRIDGE, "type", "bridge"], ["set", BRIDGE, "up"]):
        subprocess.run(["ip", "link", *command], check=True)
    subprocess.run(["ip", "address", "add", GATEWAY, "dev", BRIDGE], check=True)
    with (tmp_path / "log").open("w") as log:
        engine = subprocess.Popen(["dockerd", *options], stdout=log, stderr=log)
    try:
        end = time.monotonic() + 60
        while subprocess.run(["docker", "--host", host, "info"], capture_output=True, check=False).returncode:
            assert time.monotonic() < end, (tmp_path / "log").read_text()
            time.sleep(0.2)
        yield host
    finally:
        containers = _on(host, "ps", "--all", "--quiet").split()
        if containers:
            _on(host, "rm", "--force", "--volumes", *containers)
        engine.terminate()
        engine.wait(timeout=60)
        subprocess.run(["iptables", "--delete", *let_through], check=True)
        subprocess.run(["ip", "link", "delete", BRIDGE], check=True)
        subprocess.run(["rm", "-rf", folder], check=True)


def _on(host: str, *command: str) -> str:
    done = subprocess.run(["docker", "--host", host, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def push(world: World, name: str, address: str) -> None:
    """Push a release's image, and name it by digest in its file, as `pipeline release` does."""
    path = world.folder / f"{name}.json"
    content = json.loads(path.read_text())
    tag = f"{address}/{world.name}/{name}"
    docker("tag", content["image"], f"{tag}:1")
    docker("push", f"{tag}:1")
    digest = docker("image", "inspect", "--format", "{{index .RepoDigests 0}}", f"{tag}:1").stdout.strip()
    world.images |= {f"{tag}:1", digest}
    path.write_text(json.dumps(content | {"image": digest}))


def test_a_lost_host_is_rebuilt_from_the_registry_and_the_backup(empty: World, address: str, second: str) -> None:
    world = empty
    ids = {}
    for name in ("one", "two"):
        ids[name] = world.release(name)
        push(world, name, address)
        world.edit(min_requests=0)
        world.ok(name)
    status, output = world.run("backup", "host.json")
    assert status == 0, output
    assert output == f"backup: host.json: 4 entries of the ledger; release {ids['two']} serves\n"
    before = world.run("history")[1].splitlines()
    world.clean()  # the host is lost
    assert ask()[0] == 0

    archive = world.folder / "proxy.tar"
    docker("save", "--output", str(archive), PROXY)  # the proxy's image has no registry in the tests
    _on(second, "load", "--quiet", "--input", str(archive))
    status, output = world.run("restore", "host.json", "--unsigned", "--host", second)
    assert status == 0, output
    assert f"release {ids['two']} serves 100 %" in output
    assert serving(5) == {ids["two"]}
    history = world.run("history", "--host", second)[1].splitlines()
    assert history[0] == before[0]
    assert history[-1].split()[1] == ids["two"]
    assert history[-1].split()[3] == "serving", (output, history[-1])

    status, output = world.run("restore", "host.json", "--unsigned", "--host", second)
    assert (status, output.splitlines()[-1]) == (
        2,
        f"error: restore: release {ids['two']} serves on this host; only a host that lost its state is rebuilt",
    )
    status, output = world.run("rollback", "--host", second)  # a release that this engine never had
    assert status == 0, output
    assert serving(5) == {ids["one"]}


def test_clean_keeps_what_a_rollback_needs(empty: World, address: str) -> None:
    world = empty
    world.clean()
    world.edit(min_requests=0)
    ids = {}
    for name in ("r1", "r2", "r3", "r4"):
        ids[name] = world.release(name)
        push(world, name, address)
        world.ok(name)
        ask()  # a row of the log
    failed = world.release("dead", "dies")
    assert world.deploy("dead")[0] == 1
    digest = {name: json.loads((world.folder / f"{name}.json").read_text())["image"] for name in ids}
    volume = docker("volume", "inspect", "--format", "{{.Mountpoint}}", f"{world.name}-log").stdout.strip()
    for path in Path(volume, ids["r1"]).iterdir():
        os.utime(path, (0, 0))  # long read by every monitor

    status, output = world.run("clean")
    assert status == 0, output
    planned = [line.removeprefix("would remove ") for line in output.splitlines()[:-1]]
    assert planned[:2] == [f"container {world.name}-release-{failed}", f"image {digest['r1']}"]
    assert planned[2].startswith(f"log folder {ids['r1']} (")
    assert output.endswith("clean: 3 to remove; nothing was removed: --apply does it\n")
    assert docker("image", "inspect", digest["r1"], check=False).returncode == 0

    status, output = world.run("clean", "--apply")
    assert (status, output.splitlines()[-1]) == (0, "clean: 3 removed"), output
    assert serving(5) == {ids["r4"]}
    assert docker("image", "inspect", digest["r1"], check=False).returncode == 1
    assert sorted(path.name for path in Path(volume).iterdir()) == sorted(ids[name] for name in ("r2", "r3", "r4"))
    assert world.run("clean")[1] == "clean: nothing to remove\n"
    for name in ("r2", "r1"):  # its container is there; its image is pulled again
        status, output = world.run("rollback", ids[name])
        assert status == 0, output
    world.clean()
