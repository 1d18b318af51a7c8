"""Registers one runner for one job at a time, and hands its just-in-time configuration to the job's container.

The job's container connects to a socket and keeps the connection open until it ends. Nobody else is served meanwhile,
so that a job can't fetch the configuration of the next one. Neither the App's key nor a token goes through the socket.
"""

import os
import re
import secrets
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import exposure
from github_app import App, RefusedError, RegistrarError, UnreachableError
from settings import Settings, from_environment
from version_watch import VersionWatch

CHECK_INTERVAL = 60.0  # seconds between two checks of the repository's settings and of stale registrations
DEFAULT_GROUP = 1  # GitHub's number of the group that every repository has
NAME_TRIES = 3
SETTLE = 2.0  # seconds in which an ended container's other connections close


class Stop(BaseException):
    """The registrar was sent SIGTERM."""


@dataclass
class Registrar:
    settings: Settings
    app: App
    interval: float = CHECK_INTERVAL
    clock: Callable[[], float] = time.monotonic
    version_watch: VersionWatch = field(init=False)
    _offline_since: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.version_watch = VersionWatch(self.app, self.settings.runner_version, log)

    def serve(self) -> None:
        """For ever: register one runner for one container, and wait until that container has ended."""
        exposure.check(self.app, self.settings.group)
        self.version_watch.check()
        for runner in self._own():  # of an earlier registrar, with which their containers ended
            self._remove_unused(runner)
        with _listen(self.settings) as listener:
            labels = ", ".join(self.settings.labels)
            log(f"ready for {self.settings.repository}: runners {self.settings.name}-*, labels {labels}")
            while True:
                while not _readable(listener, self.interval):
                    self.check_registrations()
                container, _ = listener.accept()
                with container:
                    # A connection that a job left behind closes with its container, which takes a moment.
                    self.app.sleep(SETTLE)
                    if not _ended(container, 0):
                        self.serve_container(container)

    def serve_container(self, container: socket.socket) -> None:
        """Register a runner for this container, and wait until the container has ended."""
        exposure.check(self.app, self.settings.group)
        runner, configuration = self._register()
        log(f"{runner['name']} registered")
        try:
            container.sendall(configuration.encode() + b"\n")
            while not _ended(container, self.interval):
                self.check_registrations(runner["id"])
        except OSError:  # the container ended meanwhile
            pass
        finally:
            self._remove_unused(runner)

    def check_registrations(self, current: int | None = None) -> None:
        """Check the repository's settings again, and remove stale registrations of this machine."""
        try:
            exposure.check(self.app, self.settings.group)
            own = self._own()
        except UnreachableError as error:  # an outage must not end a job
            log(f"{error}")
            return
        self.version_watch.check()
        now = self.clock()
        idle = [runner for runner in own if runner["status"] == "offline" and not runner["busy"]]
        self._offline_since = {runner["id"]: self._offline_since.get(runner["id"], now) for runner in idle}
        for runner in idle:
            stale = now - self._offline_since[runner["id"]] >= self.settings.stale_minutes * 60
            if stale and runner["id"] != current:
                self._remove_unused(runner)

    def _register(self) -> tuple[dict[str, Any], str]:
        path = f"{self.settings.owner_path}/actions/runners/generate-jitconfig"
        for _ in range(NAME_TRIES):
            name = f"{self.settings.name}-{secrets.token_hex(4)}"
            group = self.settings.group or DEFAULT_GROUP
            body = {"name": name, "runner_group_id": group, "labels": list(self.settings.labels)}
            try:
                response = self.app.call("POST", path, body)
            except RefusedError as refused:
                if refused.status == 409:  # the name is taken, by an earlier try that ended in a 5xx
                    continue
                raise RegistrarError(
                    f"GitHub registers no runner for {self.settings.repository}: it responded {refused}"
                ) from None
            return response["runner"], response["encoded_jit_config"]
        raise RegistrarError(
            f"GitHub says that {NAME_TRIES} new names are taken: check the repository's list of runners"
        )

    def _own(self) -> list[dict[str, Any]]:
        """This machine's registrations, by name; those of other machines are left alone."""
        runners: list[dict[str, Any]] = []
        page = 1
        while True:
            listing = self._list_page(page)
            runners += listing["runners"]
            if not listing["runners"] or page * 100 >= listing["total_count"]:
                break
            page += 1
        own_name = re.compile(re.escape(self.settings.name) + "-[0-9a-f]{8}")
        return [runner for runner in runners if own_name.fullmatch(runner["name"])]

    def _list_page(self, page: int) -> Any:
        try:
            return self.app.call("GET", f"{self.settings.owner_path}/actions/runners?per_page=100&page={page}")
        except RefusedError as refused:
            raise RegistrarError(
                f"the runners of {self.settings.repository} can't be listed: GitHub responded {refused}"
            ) from None

    def _remove_unused(self, runner: dict[str, Any]) -> None:
        """Remove the registration. GitHub refuses while a job runs (422), and has removed it itself after one (404)."""
        try:
            self.app.call("DELETE", f"{self.settings.owner_path}/actions/runners/{runner['id']}")
            log(f"{runner['name']} removed: it ran no job")
        except RefusedError as refused:
            if refused.status not in (404, 422):
                log(f"{runner['name']} could not be removed: GitHub responded {refused}")
        except RegistrarError as failure:
            log(f"{runner['name']} could not be removed: {failure}")


def _listen(settings: Settings) -> socket.socket:
    settings.socket.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(settings.socket))
    settings.socket.chmod(0o666)  # the job has another user; only the two containers see the folder
    listener.listen(1)
    return listener


def _readable(sock: socket.socket, seconds: float) -> bool:
    return bool(select.select([sock], [], [], seconds)[0])


def _ended(container: socket.socket, seconds: float) -> bool:
    """Wait up to `seconds` for the end of the container's connection; its data are ignored."""
    return _readable(container, seconds) and container.recv(4096) == b""


def log(line: str) -> None:
    print(f"registrar: {line}", flush=True)


def _stop(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the clean-up is not interrupted
    raise Stop


def main() -> int:
    signal.signal(signal.SIGTERM, _stop)
    try:
        settings = from_environment(os.environ)
        app = App(settings.api, settings.app_id, settings.key_file, settings.repository, settings.permissions)
        Registrar(settings, app).serve()
    except RegistrarError as failure:
        print(f"registrar: {failure}", file=sys.stderr, flush=True)
        return 2
    except Stop:
        log("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
