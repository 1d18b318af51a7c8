"""The environment of the tests: the same wherever they are started. Only variables named here are inherited."""

import locale
import os
import random
import resource
import signal
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Where programs are, and how this machine reaches Docker and the network: whole names, and prefixes of names.
KEPT = {"PATH", "USER", "LOGNAME", "TMPDIR", "XDG_CACHE_HOME", "PIPELINE_REQUIRE_SYSTEM_PARTS"}
KEPT |= {"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"}
KEPT |= {"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"}
KEPT |= {f"{name}_proxy" for name in ("http", "https", "no")} | {f"{name}_PROXY" for name in ("HTTP", "HTTPS", "NO")}
PREFIXES = ("PYTEST_", "LD_", "UV_", "PIP_", "FAKETIME")  # FAKETIME: libfaketime, to run the tests at another date
LOOPBACK = "127.0.0.1,localhost"
MAX_FILES = 4096  # open at once
ZONE = "Asia/Kathmandu"  # far from UTC, and not by whole hours
HANDLERS: dict[signal.Signals, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGCHLD: signal.SIG_DFL,
}
GIT = """\
[user]
	name = t
	email = t@example.org
[init]
	defaultBranch = main
[safe]
	directory = *
"""


def isolate(config: pytest.Config) -> None:
    """Make this process and its children independent of what started it, with a temporary HOME."""
    # No deadlines, as machines are busy. The same profile where CI is set.
    settings.register_profile(
        "tests", settings.get_profile("default"), deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("tests")
    if hasattr(config, "workerinput"):  # a worker of pytest-xdist: its parent has done the rest
        return
    home = tempfile.TemporaryDirectory(prefix="home-", ignore_cleanup_errors=True)
    config.add_cleanup(home.cleanup)
    _clear_environment(Path(home.name))
    time.tzset()
    locale.setlocale(locale.LC_ALL, os.environ["LC_ALL"])
    os.umask(0o022)
    _raise_file_limit()
    _handle_signals()


def _clear_environment(home: Path) -> None:
    (home / ".gitconfig").write_text(GIT, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith(PREFIXES)}
    kept.setdefault("XDG_CACHE_HOME", str(Path.home() / ".cache"))  # with downloads of earlier runs
    kept.setdefault("DOCKER_CONFIG", str(Path.home() / ".docker"))
    for name in ("no_proxy", "NO_PROXY"):
        kept[name] = ",".join(filter(None, [kept.get(name), LOOPBACK]))
    os.environ.clear()
    os.environ |= kept | {"HOME": str(home), "TZ": ZONE, "LC_ALL": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1"}
    os.environ["DVC_NO_ANALYTICS"] = "true"  # else each command of DVC starts another process, which calls the network
    # Models are trained on the CPU, whatever OpenCL driver or GPU the machine has.
    os.environ |= {"OCL_ICD_VENDORS": str(home / "no-opencl"), "CUDA_VISIBLE_DEVICES": ""}


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < MAX_FILES:  # below 0: without a limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(MAX_FILES, hard) if hard >= 0 else MAX_FILES, hard))


def _handle_signals() -> None:
    """Handle the signals that stop a process: children inherit an ignored one, as of a script's background job."""
    for number, handler in HANDLERS.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLERS)


def free_port() -> int:
    """A free port, below the range from which the kernel assigns ports."""
    while True:
        port = random.SystemRandom().randrange(10_000, 30_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
