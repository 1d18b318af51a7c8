"""Registers one runner for one job at a time, and hands its just-in-time configuration to the job's container.

The job's container connects to a socket and holds the connection as long as it lives. Nothing else is served meanwhile,
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

TICK = 60.0  # seconds between two looks at the settings and at the stale registrations
DEFAULT_GROUP = 1  # GitHub's number of the group that every repository has
NAME_TRIES = 3
SETTLE = 2.0  # seconds


class Stop(BaseException):
    """The machine asks the registrar to end."""


@dataclass
class Registrar:
    settings: Settings
    app: App
    tick: float = TICK
    clock: Callable[[], float] = time.monotonic
    _offline_since: dict[int, float] = field(default_factory=dict)

    def serve(self) -> None:
        """For ever: one container, one registration, until that container is gone."""
        exposure.check(self.app, self.settings.group)
        for runner in self._own():  # an earlier registrar's: their containers ended with it
            self._remove_unused(runner)
        with _listen(self.settings) as listener:
            labels = ", ".join(self.settings.labels)
            say(f"ready for {self.settings.repository}: runners {self.settings.name}-*, labels {labels}")
            while True:
                while not _readable(listener, self.tick):
                    self.look_after()
                container, _ = listener.accept()
                with container:
                    # What a job left waiting here dies with its container, which takes a moment.
                    self.app.sleep(SETTLE)
                    if not _ended(container, 0):
                        self.hand_over(container)

    def hand_over(self, container: socket.socket) -> None:
        """Register a runner for this container, and stay until the container has ended."""
        exposure.check(self.app, self.settings.group)
        runner, configuration = self._register()
        say(f"{runner['name']} registered")
        try:
            container.sendall(configuration.encode() + b"\n")
            while not _ended(container, self.tick):
                self.look_after(runner["id"])
        except OSError:  # the container ended while it was written to
            pass
        finally:
            self._remove_unused(runner)

    def look_after(self, current: int | None = None) -> None:
        """What the clock does: look at the settings again, and remove stale registrations of this machine."""
        try:
            exposure.check(self.app, self.settings.group)
            own = self._own()
        except UnreachableError as error:  # no reason to end a job
            say(f"{error}")
            return
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
                made = self.app.call("POST", path, body)
            except RefusedError as refused:
                if refused.status == 409:  # the name is taken, by an earlier try that GitHub answered with 5xx
                    continue
                raise RegistrarError(
                    f"GitHub registers no runner for {self.settings.repository}: it answered {refused}"
                ) from None
            return made["runner"], made["encoded_jit_config"]
        raise RegistrarError(
            f"GitHub says that {NAME_TRIES} fresh names are taken: look at the repository's list of runners"
        )

    def _own(self) -> list[dict[str, Any]]:
        """This machine's registrations: other runners are nobody's business."""
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            answer = self._listing(page)
            found += answer["runners"]
            if not answer["runners"] or page * 100 >= answer["total_count"]:
                break
            page += 1
        own = re.compile(re.escape(self.settings.name) + "-[0-9a-f]{8}")
        return [runner for runner in found if own.fullmatch(runner["name"])]

    def _listing(self, page: int) -> Any:
        try:
            return self.app.call("GET", f"{self.settings.owner_path}/actions/runners?per_page=100&page={page}")
        except RefusedError as refused:
            raise RegistrarError(
                f"the runners of {self.settings.repository} can't be listed: GitHub answered {refused}"
            ) from None

    def _remove_unused(self, runner: dict[str, Any]) -> None:
        """Take the registration back. GitHub keeps it while a job runs (422), and has removed it after one (404)."""
        try:
            self.app.call("DELETE", f"{self.settings.owner_path}/actions/runners/{runner['id']}")
            say(f"{runner['name']} removed: it ran no job")
        except RefusedError as refused:
            if refused.status not in (404, 422):
                say(f"{runner['name']} could not be removed: GitHub answered {refused}")
        except RegistrarError as failure:
            say(f"{runner['name']} could not be removed: {failure}")


def _listen(settings: Settings) -> socket.socket:
    settings.socket.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(settings.socket))
    settings.socket.chmod(0o666)  # the job's user is another one; only the two containers see the folder
    listener.listen(1)
    return listener


def _readable(sock: socket.socket, seconds: float) -> bool:
    return bool(select.select([sock], [], [], seconds)[0])


def _ended(container: socket.socket, seconds: float) -> bool:
    """Wait up to `seconds` for the end of the container's connection; what it says is not listened to."""
    return _readable(container, seconds) and container.recv(4096) == b""


def say(line: str) -> None:
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
        say("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
