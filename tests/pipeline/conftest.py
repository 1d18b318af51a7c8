"""What several tests use: a project of its own to run in, and the rule for missing system parts."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
TIMEOUT = 300  # seconds, for one command


def require(program: str) -> None:
    """Skip where a system part is missing; fail where PIPELINE_REQUIRE_SYSTEM_PARTS is set, as in CI."""
    if not shutil.which(program):
        missing(f"{program} is not installed")


def missing(reason: str) -> None:
    """Skip for a system part that is missing, or fail."""
    if os.environ.get("PIPELINE_REQUIRE_SYSTEM_PARTS"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """The folder as a disk of that size."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        missing("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's rights to files, where the tests run as root."""
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
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "GIT_", "MLFLOW_"))}
        return subprocess.run(
            command,
            cwd=self.folder,
            env=kept | {"PATH": path, "OMP_NUM_THREADS": "1"} | env,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    def ok(self, *command: str, **env: str) -> str:
        done = self.run(*command, **env)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

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
    """The files that a fork would have, without the sample data and the lock, in a repository of their own."""
    for name in ("src", ".dvc"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "cache", "tmp"))
    for name in ("dvc.yaml", "params.yaml", "pyproject.toml", "uv.lock", ".gitignore", ".dvcignore", ".template.yaml"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "data").mkdir()
    project = Project(folder)
    project.ok("git", "init", "-q", "-b", "main")
    return project


def small_table(task: str, rows: int = 1200, seed: int = 0) -> pd.DataFrame:
    """A table of every kind of column whose target follows three of them."""
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
    """An S3 store; boto3's client for it."""
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
