"""What the tests find around them, whoever starts them and wherever: of the caller's, what is named here, no more."""

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

# Where programs are, and how this machine reaches its engine and the network. Whole names, and beginnings of names.
KEPT = {"PATH", "USER", "LOGNAME", "TMPDIR", "XDG_CACHE_HOME", "PIPELINE_REQUIRE_SYSTEM_PARTS"}
KEPT |= {"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"}
KEPT |= {"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"}
KEPT |= {f"{name}_proxy" for name in ("http", "https", "no")} | {f"{name}_PROXY" for name in ("HTTP", "HTTPS", "NO")}
BEGINNINGS = ("PYTEST_", "LD_", "UV_", "PIP_", "FAKETIME")  # the last: libfaketime, for the tests of another day
LOOPBACK = "127.0.0.1,localhost"
FILES = 4096  # open at once
ZONE = "Asia/Kathmandu"  # far from UTC, and by no whole hour
HEARD: dict[signal.Signals, Any] = {
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


def settle(config: pytest.Config) -> None:
    """Make this process, and all that it starts, independent of what started it; a HOME of its own until the end."""
    # No deadlines: machines are busy. And no other profile where the environment says CI.
    settings.register_profile(
        "tests", settings.get_profile("default"), deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("tests")
    if hasattr(config, "workerinput"):  # of pytest-xdist: its parent has done the rest
        return
    made = tempfile.TemporaryDirectory(prefix="home-", ignore_cleanup_errors=True)
    config.add_cleanup(made.cleanup)
    _clear_environment(Path(made.name))
    time.tzset()
    locale.setlocale(locale.LC_ALL, os.environ["LC_ALL"])
    os.umask(0o022)
    _open_files()
    _hear()


def _clear_environment(home: Path) -> None:
    (home / ".gitconfig").write_text(GIT, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith(BEGINNINGS)}
    kept.setdefault("XDG_CACHE_HOME", str(Path.home() / ".cache"))  # what was once downloaded for the tests
    kept.setdefault("DOCKER_CONFIG", str(Path.home() / ".docker"))
    for name in ("no_proxy", "NO_PROXY"):
        kept[name] = ",".join(filter(None, [kept.get(name), LOOPBACK]))
    os.environ.clear()
    os.environ |= kept | {"HOME": str(home), "TZ": ZONE, "LC_ALL": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1"}


def _open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < FILES:  # below 0: without a limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, hard) if hard >= 0 else FILES, hard))


def _hear() -> None:
    """The signals that stop a process are heard: one that is ignored, as in a script's background job, is inherited."""
    for number, handler in HEARD.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)


def free_port() -> int:
    """A port that nobody has, below those that the kernel gives away meanwhile."""
    while True:
        port = random.SystemRandom().randrange(10_000, 30_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
