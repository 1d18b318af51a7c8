"""Shared by many tests: a project to run commands in, and the rule for missing system parts."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from tests.pipeline import guard, surroundings

ROOT = guard.ROOT
FROZEN = Path(__file__).parent / "frozen"  # a project that stays as it is: parameters, data and contract
TIMEOUT = 300  # seconds, for one command


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """Guard the project's files while a module is imported."""
    with guard.watching() if is_of_the_engine(collector) else nullcontext():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Guard the project's files while a test and its fixtures run."""
    with guard.watching(item) if is_of_the_engine(item) else nullcontext():
        return (yield)


def is_of_the_engine(node: pytest.Item | pytest.Collector) -> bool:
    """Whether it is a test of the engine: pytest calls these hooks for the project's tests as well."""
    return node.path.is_relative_to(Path(__file__).parent)


@pytest.hookimpl(trylast=True)  # so that pytest's own output follows the caller's environment
def pytest_configure(config: pytest.Config) -> None:
    surroundings.isolate(config)


def require(program: str) -> None:
    """Skip where a system part is missing; fail where PIPELINE_REQUIRE_SYSTEM_PARTS is set, as in CI."""
    if program in ("chromium", "docker"):
        guard.slow(program)
    if not shutil.which(program):
        missing(f"{program} is not installed")


def missing(reason: str) -> None:
    """Skip, or fail, for a missing system part."""
    if os.environ.get("PIPELINE_REQUIRE_SYSTEM_PARTS"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a disk of that size at the folder."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        missing("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Drop root's permissions on files, where the tests run as root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


class Project:
    """A copy of the template in a folder and a repository of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the project, with its output as text; the environment's programs come first on the PATH."""
        bin_folder = Path(sys.executable).parent
        path = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            command,
            cwd=self.folder,
            env=os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"} | env,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    def ok(self, *command: str, **env: str) -> str:
        """Run a command that has to succeed; what it prints."""
        completed = self.run(*command, **env)
        assert completed.returncode == 0, completed.stdout + completed.stderr
        return completed.stdout

    def commit(self, message: str = "change") -> None:
        self.ok("git", "add", "--all")
        self.ok("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", message)

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def configure(self, **sections: dict[str, Any]) -> None:
        """Set keys of params.yaml, section by section."""
        yaml, path = YAML(), self.folder / "params.yaml"
        content = yaml.load(path)
        for section, values in sections.items():
            content[section].update(values)
        yaml.dump(content, path)


def copy_template(folder: Path) -> Project:
    """The engine and the frozen parameters, without data and lock, in a repository of their own."""
    for name in ("src/pipeline", ".dvc"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "cache", "tmp"))
    for name in (".template.yaml", "dvc.yaml", "pyproject.toml", "uv.lock", ".gitignore", ".dvcignore"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copy(FROZEN / "params.yaml", folder)
    shutil.copytree(FROZEN / "src/project", folder / "src/project", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / guard.LOCKED, folder / guard.LOCKED)
    (folder / "data").mkdir()
    project = Project(folder)
    project.ok("git", "init", "-q", "-b", "main")
    return project


def small_table(task: str, rows: int = 1200, seed: int = 0) -> pd.DataFrame:
    """A table with every kind of column, whose target depends on three of them."""
    rng = np.random.default_rng(seed)
    income, age = rng.lognormal(10, 1, rows).round(2), rng.integers(18, 90, rows)
    town = rng.choice(["Oslo", "Bergen", "Tromsø"], rows)
    signal = (np.log(income) - 10) + (age - 50) / 30 + (town == "Oslo") + rng.normal(0, 0.7, rows)
    target: Any = {
        "binary": np.where(signal > 0.3, "yes", "no"),
        "multiclass": np.select([signal < -0.5, signal < 1], ["low", "mid"], "high"),
        "regression": signal.round(4),
    }[task]
    return pd.DataFrame(
        {
            "id": np.arange(rows) + 1,
            "income": np.where(rng.random(rows) < 0.1, np.nan, income),
            "age": age,
            "town": town,
            "member": rng.random(rows) < 0.5,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1000, rows), unit="D"),
            "outcome": target,
        }
    )


GATES: dict[str, dict[str, Any]] = {
    "binary": {"primary": "roc_auc", "floors": {"roc_auc": 0.6}},
    "multiclass": {"primary": "macro_f1", "floors": {"macro_f1": 0.4}, "fairness": None},
    "regression": {"primary": "rmse", "floors": {"r2": 0.1}, "fairness": None},
}


def small_project(folder: Path, task: str) -> Project:
    """A project on the small table: configured, fetched, with a contract, committed, not run."""
    project = copy_template(folder)
    small_table(task).to_parquet(folder / "data/table.parquet", index=False)
    positive = "yes" if task == "binary" else None
    project.configure(
        data={"source": "data/table.parquet", "key": "id"},
        task={"type": task, "target": "outcome", "positive": positive},
        train={"min_data_in_leaf": 10, "max_trees": 100},
        evaluate={"slices": ["town", "age"], "sensitive": ["town"], "bootstrap": 200},
        gate=GATES[task],
    )
    project.ok("pipeline", "fetch")
    project.ok("pipeline", "schema")
    project.commit("start")
    return project


@pytest.fixture
def binary_project(tmp_path: Path) -> Project:
    return small_project(tmp_path, "binary")


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    """Run an S3 server; boto3's client for it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    before = dict(os.environ)
    os.environ |= {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    os.environ |= {"AWS_DEFAULT_REGION": "us-east-1", "no_proxy": host}
    import boto3  # type: ignore[import-untyped]
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()  # those of an earlier store

    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    yield client
    os.environ.clear()
    os.environ |= before
    server.stop()
