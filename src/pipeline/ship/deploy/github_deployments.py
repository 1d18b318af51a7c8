"""Writes a deployment into the host's ledger and, in a workflow, into GitHub's deployments."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.github.client import api
from pipeline.ship.deploy.target import Host
from pipeline.ship.release import ledger
from pipeline.ship.release.manifest import Release

MAX_DESCRIPTION = 140  # characters of a deployment status's description, which is GitHub's limit


class Recorder:
    """`environment` is the one on GitHub; an error of GitHub's API never stops a deployment."""

    def __init__(self, environment: str, deployer: str, say: Callable[[str], None]) -> None:
        self._environment, self._deployer, self._say = environment, deployer, say
        self._number: int | None = None

    def start(self, host: Host, release: Release, champion: str | None) -> None:
        self._number = self._create(release)
        host.record(ledger.new_entry("started", release, by=self._deployer, champion=champion, github=self._number))

    def pause(self, host: Host, release: Release, percent: int) -> None:
        """Record that the canary stays at this share until somebody continues it."""
        entry = ledger.new_entry("paused", release, by=self._deployer, percent=percent, github=self._number)
        host.record(entry)
        self._status(self._number, "in_progress", f"release {release.id}: paused at {percent} %")

    def take_up(self, host: Host, paused: Mapping[str, Any], reason: str) -> None:
        """Record that this deployer continues a canary whose own has ended."""
        self._number = paused.get("github")
        host.record(ledger.continued(paused, self._deployer, reason))
        self.go_on(paused["release"])

    def go_on(self, release: str) -> None:
        """Tell GitHub that a paused canary is continued; the ledger has the entry of who did it."""
        self._status(self._number, "in_progress", f"release {release}: canary")

    def serve(self, host: Host, release: Release, reason: str | None = None) -> None:
        """Record that the release serves; a ledger that can't be written must not undo that it does."""
        try:
            host.record(ledger.new_entry("serving", release, by=self._deployer, reason=reason, github=self._number))
        except PipelineError as error:
            self._say(f"warning: the ledger could not be written ({error}); the next command records it")
        self._status(self._number, "success", reason or f"release {release.id} serves")

    def fail(self, host: Host, release: Release, reason: str) -> None:
        try:
            host.record(ledger.new_entry("failed", release, by=self._deployer, reason=reason, github=self._number))
        except PipelineError as error:
            self._say(f"warning: the ledger could not be written ({error})")
        self._status(self._number, "failure", reason)

    def reconcile(self, host: Host) -> None:
        """Record how an interrupted deployment ended, by what the host runs now."""
        entries, champion = host.ledger(), host.champion()
        unfinished = ledger.unfinished(entries)
        serving = host.find_release(champion) if champion else None
        if serving and ledger.serving(entries) != serving.id:
            number = unfinished.get("github") if unfinished and unfinished["release"] == serving.id else None
            host.record(ledger.new_entry("serving", serving, by=self._deployer, reason="found serving", github=number))
            self._status(number, "success", f"release {serving.id} serves")
        elif unfinished:
            reason = ledger.GIVEN_UP if unfinished["event"] == "paused" else ledger.GONE
            host.record(unfinished | ledger.timestamp() | {"event": "failed", "reason": reason})
            self._status(unfinished.get("github"), "failure", reason)
            release = unfinished["release"]
            self._say(f"the deployment of release {release} did not finish: {reason}; recorded as failed")

    def _create(self, release: Release) -> int | None:
        if not os.environ.get("GITHUB_REPOSITORY"):
            return None
        body = {
            "ref": release.commit,
            "environment": self._environment,
            "description": f"release {release.id}",
            "auto_merge": False,
            "required_contexts": [],
            "payload": _payload(release),
        }
        try:
            number = int(api.call("POST", "deployments", body, purpose="record the deployment", retry=False)["id"])
        except PipelineError as error:
            self._say(f"warning: GitHub has no record of this deployment: {error}")
            return None
        self._status(number, "in_progress", f"release {release.id}: canary")
        return number

    def _status(self, number: int | None, state: str, description: str) -> None:
        if number is None or not os.environ.get("GITHUB_REPOSITORY"):
            return
        body = {"state": state, "description": description[:MAX_DESCRIPTION], "auto_inactive": state == "success"}
        try:
            api.call(
                "POST", f"deployments/{number}/statuses", body, purpose="record how the deployment went", retry=False
            )
        except PipelineError as error:
            self._say(f"warning: GitHub's record of this deployment is not up to date: {error}")


def _payload(release: Release) -> dict[str, Any]:
    """What `pipeline release` reads back to find out which model serves, and the verdict for people."""
    verdict = release.verdict.entry() if release.verdict else None
    return {"release": release.id, "image": release.image, "model": release.model, "verdict": verdict}
