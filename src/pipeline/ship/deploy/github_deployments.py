"""Writes a deployment into the host's ledger and, in a workflow, into GitHub's deployments."""

import os
from collections.abc import Callable

from pipeline.core.errors import PipelineError
from pipeline.github.client import api
from pipeline.ship.deploy import ledger
from pipeline.ship.deploy.targets import Host
from pipeline.ship.release.manifest import Release

LONGEST = 140  # characters of a deployment status's description, which is GitHub's limit


class Recorder:
    """`environment` names GitHub's; a GitHub that does not answer stops no deployment."""

    def __init__(self, environment: str, who: str, say: Callable[[str], None]) -> None:
        self._environment, self._who, self._say = environment, who, say
        self._number: int | None = None

    def start(self, host: Host, release: Release, champion: str | None) -> None:
        self._number = self._begin(release)
        host.record(ledger.entry("started", release, by=self._who, champion=champion, github=self._number))

    def serve(self, host: Host, release: Release, reason: str | None = None) -> None:
        """Recording what serves must not undo that it does."""
        try:
            host.record(ledger.entry("serving", release, by=self._who, reason=reason, github=self._number))
        except PipelineError as error:
            self._say(f"warning: the ledger could not be written ({error}); the next command enters it")
        self._status(self._number, "success", reason or f"release {release.id} serves")

    def fail(self, host: Host, release: Release, reason: str) -> None:
        try:
            host.record(ledger.entry("failed", release, by=self._who, reason=reason, github=self._number))
        except PipelineError as error:
            self._say(f"warning: the ledger could not be written ({error})")
        self._status(self._number, "failure", reason)

    def reconcile(self, host: Host) -> None:
        """Enter what a deployer that went away could not: how its deployment ended, as the host runs it now."""
        entries, champion = host.ledger(), host.champion()
        left = ledger.unfinished(entries)
        serves = host.known(champion) if champion else None
        if serves and ledger.serving(entries) != serves.id:
            number = left.get("github") if left and left["release"] == serves.id else None
            host.record(ledger.entry("serving", serves, by=self._who, reason="found serving", github=number))
            self._status(number, "success", f"release {serves.id} serves")
        elif left:
            host.record(left | ledger.moment() | {"event": "failed", "reason": ledger.GONE})
            self._status(left.get("github"), "failure", ledger.GONE)
            self._say(f"the deployment of release {left['release']} had not ended: {ledger.GONE}; recorded as failed")

    def _begin(self, release: Release) -> int | None:
        if not os.environ.get("GITHUB_REPOSITORY"):
            return None
        body = {
            "ref": release.commit,
            "environment": self._environment,
            "description": f"release {release.id}",
            "auto_merge": False,
            "required_contexts": [],
            "payload": {"release": release.id, "image": release.image},
        }
        try:
            number = int(api.call("POST", "deployments", body, to="record the deployment", again=False)["id"])
        except PipelineError as error:
            self._say(f"warning: GitHub has no record of this deployment: {error}")
            return None
        self._status(number, "in_progress", f"release {release.id}: canary")
        return number

    def _status(self, number: int | None, state: str, description: str) -> None:
        if number is None or not os.environ.get("GITHUB_REPOSITORY"):
            return
        body = {"state": state, "description": description[:LONGEST], "auto_inactive": state == "success"}
        try:
            api.call("POST", f"deployments/{number}/statuses", body, to="record how the deployment went", again=False)
        except PipelineError as error:
            self._say(f"warning: GitHub's record of this deployment is not up to date: {error}")
