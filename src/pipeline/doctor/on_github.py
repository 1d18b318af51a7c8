"""The repository's settings on GitHub, as far as gh's token may read them."""

import difflib
import functools
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline.core import params, pipelines
from pipeline.core.errors import PipelineError
from pipeline.doctor import machine, workflow_files
from pipeline.doctor.finding import Check, Checks, Finding, good, missing, not_visible, wrong
from pipeline.github.client import api
from pipeline.github.protection import rulesets, wanted
from pipeline.github.protection.settings import Setting
from pipeline.predictions.options import DEPLOYMENT, VARIABLES
from pipeline.review.gate.override import LABEL
from pipeline.ship.release import neighbours

MAX_INTERVAL = timedelta(days=8)  # between two runs by the clock: a weekly schedule is fine
RUNNERS = '["self-hosted", "gpu"]'  # of train.yaml, without the variable
SETTINGS_PAGE = "docs/reference/settings.md"
KEYS_PAGE = "docs/how-to/cloud-access.md#secrets-for-main-alone"
GITHUB_REGISTRY = "ghcr.io"  # default of REGISTRY
CLOUD_REGISTRIES = (".dkr.ecr.", "-docker.pkg.dev", ".azurecr.io")  # logged in to by the cloud's credentials
# A setting, and those that it does not work without.
NEEDED_VARIABLES = {
    "PIPELINE_LABELS_URL": ("PIPELINE_LOG_URL",),
    "AWS_TRAIN_ROLE": ("AWS_REGION",),
    "AWS_WATCH_ROLE": ("AWS_REGION",),
    "AWS_RELEASE_ROLE": ("AWS_REGION",),
    "GOOGLE_TRAIN_ACCOUNT": ("GOOGLE_PROVIDER",),
    "GOOGLE_WATCH_ACCOUNT": ("GOOGLE_PROVIDER",),
    "GOOGLE_RELEASE_ACCOUNT": ("GOOGLE_PROVIDER",),
    "AZURE_TRAIN_CLIENT": ("AZURE_TENANT",),
    "AZURE_WATCH_CLIENT": ("AZURE_TENANT",),
    "AZURE_RELEASE_CLIENT": ("AZURE_TENANT",),
}
PAIRS = (
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    ("REGISTRY_USER", "REGISTRY_PASSWORD"),
    ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"),
    ("COSIGN_PRIVATE_KEY", "COSIGN_PASSWORD"),
)
GATE_KEY, GATE_CLIENT = "GATE_APP_PRIVATE_KEY", "GATE_APP_CLIENT_ID"


@dataclass
class Repository:
    """What several checks read, each fetched once; a refusal is raised to each of them."""

    @functools.cached_property
    def data(self) -> Any:
        if shutil.which("gh") is None:
            raise PipelineError("gh is not on the PATH")
        return api.call("GET", "", purpose="read the repository")

    @functools.cached_property
    def variables(self) -> dict[str, str]:
        """The values of the variables, the organization's too, as far as they can be read."""
        own = api.pages("actions/variables", purpose="list the variables", key="variables")
        values = {item["name"]: item["value"] for item in own}
        shared = _optional(lambda: list(api.pages("actions/organization-variables", purpose="list", key="variables")))
        return {item["name"]: item["value"] for item in shared} | values

    @functools.cached_property
    def secrets(self) -> set[str]:
        """The names of the secrets that any job may read: the repository's and the organization's."""
        own = api.pages("actions/secrets", purpose="list the names of the secrets", key="secrets")
        names = {item["name"] for item in own}
        shared = _optional(lambda: list(api.pages("actions/organization-secrets", purpose="list", key="secrets")))
        return names | {item["name"] for item in shared}

    @functools.cached_property
    def environments(self) -> dict[str, Any]:
        listed = api.pages("environments", purpose="list the environments", key="environments")
        return {item["name"]: item for item in listed}

    @functools.cache  # noqa: B019 - one object for a command
    def secrets_of(self, environment: str) -> set[str]:
        path = f"environments/{environment}/secrets"
        return {item["name"] for item in api.pages(path, purpose="list the names of its secrets", key="secrets")}

    def __hash__(self) -> int:
        return id(self)

    def every_secret(self) -> set[str]:
        """The names of all secrets, those of the environments too."""
        return self.secrets.union(*(self.secrets_of(name) for name in self.environments))


def actions(repository: Repository) -> Finding:
    """Whether Actions run, and may be those of other owners, as most of the workflows' are."""
    data = api.call("GET", "actions/permissions", purpose="read whether Actions are on")
    mend = "gh api -X PUT 'repos/{owner}/{repo}/actions/permissions' -F enabled=true -f allowed_actions=all"
    if not data["enabled"]:
        return wrong("Actions are off", mend)
    if data.get("allowed_actions") == "local_only":
        return wrong("only actions of this owner may run, and the workflows use others'", mend)
    return good(f"on; allowed actions: {data.get('allowed_actions', 'all')}")


def workflow_permissions(repository: Repository) -> Finding:
    data = api.call("GET", "actions/permissions/workflow", purpose="read the workflows' permissions")
    if not data["can_approve_pull_request_reviews"]:
        mend = (
            "gh api -X PUT 'repos/{owner}/{repo}/actions/permissions/workflow' -F can_approve_pull_request_reviews=true"
        )
        return missing("Actions may open no pull request: retraining leaves a link in its issue", mend)
    return good("each job asks for its rights; Actions may open pull requests")


def default_branch(repository: Repository) -> Finding:
    branch = repository.data["default_branch"]
    if lacking := workflow_files.lacking_branch(branch):
        return wrong(
            f"{branch} is not among the branches of {', '.join(lacking)}", f"add it to {lacking[0]}, on.*.branches"
        )
    return good(f"{branch}: the workflows run on it")


def variables(repository: Repository) -> Finding:
    """Whether the variables that are set fit what the workflows read, and each other."""
    names = workflow_files.named("vars")
    present = set(repository.variables)
    for name in sorted(present - names):
        if close := difflib.get_close_matches(name, names - present, n=1):
            return wrong(f"{name}: no workflow reads it; is {close[0]} meant?", f"gh variable set {close[0]}")
    for name, needed in NEEDED_VARIABLES.items():
        if name in present and (absent := [other for other in needed if other not in present]):
            return wrong(f"{name} is set without {absent[0]}", f"gh variable set {absent[0]}")
    if len(pipelines.folders()) > 1:
        for name in VARIABLES.values():
            if name in present and DEPLOYMENT not in repository.variables[name]:
                return wrong(
                    f"{name}: gives each pipeline of this repository one address",
                    f"write {DEPLOYMENT} in it ({pipelines.PAGE})",
                )
    return _set_of(present & names, names, "variable")


def secrets(repository: Repository) -> Finding:
    """Whether the secrets, by name, come in the pairs that are used, and none is where every branch can read it."""
    names = workflow_files.named("secrets")
    if GATE_KEY in repository.secrets:
        return wrong(f"{GATE_KEY}: a workflow of any branch can read it here", f"gh secret delete {GATE_KEY}")
    present = repository.every_secret()
    for name in sorted(present - names):
        if close := difflib.get_close_matches(name, names - present, n=1):
            return wrong(f"{name}: no workflow reads it; is {close[0]} meant?", f"gh secret set {close[0]}")
    for first, second in PAIRS:
        if (first in present) != (second in present):
            there, absent = (first, second) if first in present else (second, first)
            return wrong(f"{there} is set without {absent}", f"gh secret set {absent}")
    return _set_of(present & names, names, "secret")


def gate_app(repository: Repository) -> Finding:
    """Whether the App of `gate.app` has its client ID and, in the environment `gate`, its key."""
    app, client = params.read().gate.app, GATE_CLIENT in repository.variables
    page = "docs/how-to/set-up-github.md#an-app-that-sets-the-status"
    if app is None and not client:
        return missing("gate.app is null: whoever may write here can set the status `gate`", page)
    if app is None:
        return wrong(f"{GATE_CLIENT} is set, and gate.app in params.yaml names no App", page)
    if not client:
        return wrong(f"gate.app is {app}, and the variable {GATE_CLIENT} is not set", f"gh variable set {GATE_CLIENT}")
    name = wanted.GATE
    if name not in repository.environments or GATE_KEY not in repository.secrets_of(name):
        return wrong(f"the environment {name} lacks {GATE_KEY}", f"gh secret set {GATE_KEY} --env {name} < key.pem")
    return good(f"{app} sets the status, by a key of the environment {name}")


def environments(repository: Repository) -> Finding:
    """Whether the environment `release` keeps its secrets from other branches; GitHub makes those that are absent."""
    deployed = params.read().environment
    release = repository.environments.get("release")
    if release is None:
        return missing("`release` is not restricted to main: any branch can use its name", KEYS_PAGE)
    if not release.get("deployment_branch_policy"):
        if secrets := repository.secrets_of("release"):
            return wrong(f"`release`: every branch can read its secrets ({', '.join(sorted(secrets))})", KEYS_PAGE)
        return missing("`release` is open to every branch", KEYS_PAGE)
    others = "" if deployed in repository.environments else f"; `{deployed}` comes with the first deployment"
    return good(f"`release` is for chosen branches alone{others}")


def protection(repository: Repository) -> Finding:
    """Whether the rulesets are those of .github/rulesets/, as `make protect` compares them."""
    try:
        every = list(wanted.settings_of(repository.data, wanted.gates(), alone=len(wanted.writers()) == 1))
    except api.RefusedError:
        raise
    except PipelineError as error:
        if str(error) == rulesets.NO_RULESETS:
            return missing("this plan has no rulesets for a private repository: the status `gate` blocks nothing", "")
        raise
    settings = [setting for setting in every if setting.name != f"environment {wanted.RELEASE}"]  # has its own check
    differing = [setting for setting in settings if setting.difference]
    needed = [setting for setting in differing if not _needs_a_plan(setting)]
    mend = "make protect APPLY=1"
    if needed:
        how = "is missing" if needed[0].current is None else "differs from .github/rulesets/"
        return wrong(f"{needed[0].name} {how}: a pull request can be merged past the gate", mend)
    if differing:
        return missing(f"{differing[0].name} is missing (GitHub Team or Enterprise has push rules)", mend)
    return good(f"{', '.join(setting.name for setting in settings)}: as .github/rulesets/ has them")


def runners(repository: Repository) -> Finding:
    """Whether a runner has the labels that `train.yaml` asks for."""
    text = repository.variables.get("RUNNER_LABELS", RUNNERS)
    hosted = """gh variable set RUNNER_LABELS --body '["ubuntu-latest"]'"""
    try:
        labels = {str(label).lower() for label in json.loads(text)}
    except (ValueError, TypeError):
        return wrong(f"RUNNER_LABELS is {text}, which is no JSON list", hosted)
    if "self-hosted" not in labels:
        return good(f"GitHub's: {', '.join(sorted(labels))}")
    registered = list(api.pages("actions/runners", purpose="list the runners", key="runners"))
    fitting = [one for one in registered if labels <= {label["name"].lower() for label in one["labels"]}]
    if not fitting:
        return wrong(f"no runner has the labels {', '.join(sorted(labels))}: pull requests wait for one", hosted)
    online = [one["name"] for one in fitting if one["status"] == "online"]
    if not online:
        return wrong(f"{fitting[0]['name']}, with the right labels, is offline: pull requests wait for it", hosted)
    return good(f"{', '.join(online)}: online")


def schedule(repository: Repository, name: str) -> Finding:
    """Whether GitHub still starts a workflow by the clock, and how its last run ended."""
    enable = f"gh workflow enable {name}"
    try:
        workflow = api.call("GET", f"actions/workflows/{name}", purpose=f"read the state of {name}")
    except api.RefusedError as refusal:
        if refusal.status == 404:
            return wrong(f"GitHub does not know it: it is not on {repository.data['default_branch']}", "git push")
        raise
    if workflow["state"] != "active":
        return wrong(f"is off ({workflow['state']})", enable)
    path = f"actions/workflows/{name}/runs?event=schedule&per_page=1"
    found = api.call("GET", path, purpose=f"list the runs of {name}")["workflow_runs"]
    last = datetime.fromisoformat((found[0] if found else workflow)["created_at"])
    if datetime.now(UTC) - last > MAX_INTERVAL:
        ran = f"its schedule last started it {last:%Y-%m-%d}" if found else "its schedule has never started it"
        return wrong(ran, enable)
    if not found:
        return good("is active, and has not run yet")
    if found[0]["conclusion"] in {"failure", "timed_out", "startup_failure"}:
        return wrong(
            f"its last run, {last:%Y-%m-%d}, ended with {found[0]['conclusion']}",
            f"gh run view {found[0]['id']} --log-failed",
        )
    return good(f"last run {last:%Y-%m-%d}: {found[0]['conclusion'] or found[0]['status']}")


def registry(repository: Repository) -> Finding:
    """Whether `deploy.yaml` may push the image: by its own token, a cloud's credentials, or a login."""
    registry = repository.variables.get("REGISTRY", GITHUB_REGISTRY)
    if registry.partition("/")[0] == GITHUB_REGISTRY:
        return _package(repository)
    if any(part in registry for part in CLOUD_REGISTRIES):
        return good(f"{registry}: by the cloud's credentials")
    if "REGISTRY_USER" not in repository.every_secret():
        return wrong(f"{registry}: there is no login for it", "gh secret set REGISTRY_USER --env release")
    return good(f"{registry}: by the login in REGISTRY_USER")


def pages(repository: Repository) -> Finding:
    """Pages, which no workflow of the template needs: one that is on must build."""
    try:
        site = api.call("GET", "pages", purpose="read the state of Pages")
    except api.RefusedError as refusal:
        if refusal.status == 404:
            return good("off; no workflow needs it")
        raise
    if site["status"] == "errored":
        return wrong("its last build failed", "gh api 'repos/{owner}/{repo}/pages/builds/latest'")
    return good(f"on: {site.get('html_url')}")


def deploy_target(repository: Repository) -> Finding:
    """Whether a host is named that `deploy.yaml` can log in to, and no two pipelines take the same of it."""
    address = repository.variables.get("DEPLOY_TARGET", "")
    if not address:
        return missing("DEPLOY_TARGET names no host: an image is built and not deployed", "docs/how-to/deploy.md")
    try:
        for folder in pipelines.folders():
            neighbours.check(Path(folder))
    except PipelineError as error:
        return wrong(str(error), pipelines.PAGE)
    if address.startswith("ssh://"):
        if "DEPLOY_KNOWN_HOSTS" not in repository.variables:
            return wrong("DEPLOY_KNOWN_HOSTS is not set: SSH refuses the host", "gh variable set DEPLOY_KNOWN_HOSTS")
        if "DEPLOY_SSH_KEY" not in repository.every_secret():
            return wrong(
                "DEPLOY_SSH_KEY is not set: no key opens the host", "gh secret set DEPLOY_SSH_KEY --env release"
            )
    return machine.host(address, "the variable DEPLOY_TARGET", reachable_from_here=False)


def labels(repository: Repository) -> Finding:
    """Whether the label is there by which a person overrules the gate; GitHub makes the monitor's with its issue."""
    names = {item["name"] for item in api.pages("labels", purpose="list the labels")}
    if LABEL not in names:
        return missing(f"there is no label `{LABEL}` to overrule the gate with", f"gh label create '{LABEL}'")
    return good(f"`{LABEL}` is there")


def checks() -> Checks:
    """All of them, for one repository; none is visible without gh, a token or a repository on GitHub."""
    repository = Repository()
    table: dict[str, Callable[[Repository], Finding]] = {
        "Actions": actions,
        "workflow permissions": workflow_permissions,
        "default branch": default_branch,
        "variables": variables,
        "secrets": secrets,
        "gate App": gate_app,
        "environments": environments,
        "rulesets": protection,
        "runners": runners,
        "registry": registry,
        "Pages": pages,
        "deploy target": deploy_target,
        "labels": labels,
    }
    for name in workflow_files.scheduled():
        table[name] = functools.partial(schedule, name=name)
    return {f"GitHub: {name}": _visible(repository, check) for name, check in table.items()}


def _visible(repository: Repository, check: Callable[[Repository], Finding]) -> Check:
    """The check, which finds `not visible` where GitHub shows nothing to this token."""

    def checked() -> Finding:
        try:
            repository.data  # noqa: B018 - a wrong repository or token is one cause, for all
        except api.RefusedError as refusal:
            return not_visible(_shorter(str(refusal)), "gh auth login")
        except PipelineError as error:  # no gh, or no repository on GitHub
            return not_visible(_shorter(str(error)))
        try:
            return check(repository)
        except api.RefusedError as refusal:
            return not_visible(_shorter(str(refusal)))

    return checked


def _shorter(line: str) -> str:
    """A refusal without its advice for workflows: here a person's token is used."""
    return line.partition("; ")[0].partition(": give the job")[0].replace("the workflow's token", "this token")


def _set_of(present: set[str], names: set[str], kind: str) -> Finding:
    if not present:
        return missing(f"none of the {len(names)} that the workflows read is set", SETTINGS_PAGE)
    return good(f"{', '.join(sorted(present))} (of {len(names)} that the workflows read)")


def _needs_a_plan(setting: Setting) -> bool:
    """Whether only some plans have it, so that it may be impossible here."""
    return bool(setting.wanted.get("target") == rulesets.PUSH)


def _package(repository: Repository) -> Finding:
    """The package on GitHub's registry: `deploy.yaml` may push where it is linked to this repository."""
    full_name = repository.data["full_name"].lower()
    owner, _, name = params.read().named(full_name).partition("/")
    path = f"/users/{owner}/packages/container/{quote(name, safe='')}"
    try:
        package = api.call("GET", path, purpose="read the package")
    except api.RefusedError as refusal:
        if refusal.status == 404:
            return good(f"{GITHUB_REGISTRY}/{owner}/{name}: made by the first release")
        raise
    linked = (package.get("repository") or {}).get("full_name", "")
    if linked.lower() != full_name:
        text = f"{GITHUB_REGISTRY}/{owner}/{name} is not linked to this repository, so its workflows may not push"
        return wrong(text, f"link it at {package['html_url']}/settings")
    return good(f"{GITHUB_REGISTRY}/{owner}/{name}: linked to this repository")


def _optional(read: Callable[[], list[Any]]) -> list[Any]:
    """What an organization shares; nothing where there is none, or the token may not see it."""
    try:
        return read()
    except api.RefusedError:
        return []
