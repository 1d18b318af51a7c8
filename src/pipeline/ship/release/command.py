"""`pipeline release`: the model that dvc.lock names, as a signed image; `scan` and `verify` check one."""

import os
from pathlib import Path

import click

from pipeline.core import params
from pipeline.core.git import DIRTY, has_commit
from pipeline.github.client import steps
from pipeline.markup.markdown import escape
from pipeline.ship.release import (
    approval,
    attestations,
    bento,
    image,
    judging,
    locked_model,
    making,
    manifest,
    neighbours,
    overruling,
    production,
    publishing,
    registration,
    verdict,
)
from pipeline.ship.release.making import Content
from pipeline.ship.release.manifest import Release
from pipeline.ship.release.production import Predecessor
from pipeline.ship.release.scan import ScanResult
from pipeline.ship.release.verdict import Overruling

MAX_PACKAGES = 8  # the largest ones, which are listed
NO_TARGET = (
    "Nothing was deployed: no host is named. The repository variable `DEPLOY_TARGET` names one "
    "(`ssh://user@host`, with the secret `DEPLOY_SSH_KEY`); see docs/how-to/release.md."
)


@click.group(invoke_without_command=True, short_help="Build, scan, push and sign the image of the model.")
@click.option("--registry", metavar="HOST/NAME", help="Where the image goes (on GitHub: ghcr.io/OWNER/NAME).")
@click.option("--report", type=click.Path(path_type=Path), help="Grype's JSON on the image; without it, no push.")
@click.option("--sign", "key", metavar="KEY", help="Cosign's private key: a file, env://NAME or a KMS address.")
@click.option("--attested", "repository", metavar="OWNER/NAME", help="Without a key: who attests images on GitHub.")
@click.option("--base-image", envvar="PIPELINE_BASE_IMAGE", default=image.BASE, show_default=True)
@click.option("--champion", metavar="REV", help="Judge against the model of this revision (default: what serves).")
@click.option("--host", metavar="URL", help="Docker host whose ledger says what serves (default: as for deploy).")
@click.option("--overruled-by", "person", metavar="NAME", help="Who overrules a failed verdict; needs --reason.")
@click.option("--reason", metavar="WHY", help="Why; both are part of the release and of the ledger.")
@click.option("--json", "target", type=click.Path(path_type=Path), default=manifest.PATH, show_default=True)
@click.pass_context
def command(
    context: click.Context,
    registry: str | None,
    report: Path | None,
    key: str | None,
    repository: str | None,
    base_image: str,
    champion: str | None,
    host: str | None,
    person: str | None,
    reason: str | None,
    target: Path,
) -> None:
    """Judge the model that dvc.lock names and build its image; with a report that passes, push and sign it.

    Exit 1 where the gate or the scan fails: nothing is built, or nothing pushed.
    """
    if context.invoked_subcommand:
        return
    for former in (target, publishing.BILL):  # of a release before this one, which must not be taken for this one's
        former.unlink(missing_ok=True)
    overruled = overruling.by_person(person, reason)
    if host or os.environ.get("DEPLOY_TARGET"):
        neighbours.check()
    name = publishing.registry_name(registry)
    content = making.gather(Path(), base_image)
    own = content.md5[locked_model.MODEL]
    predecessor = production.find(Path(), own, params.read(), champion, host)
    published = publishing.find_published(name, content, key, repository) if name else None
    if published and approval.stands(published, predecessor):
        _finish(published, target, f"nothing to build: {published.image}", built=False)
        return
    try:
        release = _build(content, predecessor, overruled)
    except judging.RefusedError as refusal:
        steps.summary(escape(f"release {content.id}: {refusal}"))
        click.echo(f"release {content.id}: {refusal}", err=True)
        context.exit(1)
    if name is None or report is None:
        missing = "--registry" if report else "--report, Grype's JSON on the image"
        _finish(release, target, f"built, not pushed: that needs {missing}", built=True)
        return
    result = publishing.judge_scan(report, publishing.BILL)
    _print(result)
    if result.failing:
        context.exit(1)
    pushed = publishing.publish(content, release, name, key, target)
    click.echo(registration.register(pushed))
    _finish(pushed, target, f"{pushed.image}, {_proof(key, repository)}", built=True)


def _build(content: Content, predecessor: Predecessor, overruled: Overruling | None) -> Release:
    """The image on this machine, judged and built where there is none yet, with its bill of materials."""
    existing = image.find(content.tag)
    release = publishing.read_label(existing, content.tag) if existing else None
    if existing and release and _is_of_this_repository(release) and approval.stands(release, predecessor):
        release = release.model_copy(update={"image": str(existing["Id"])})
        click.echo(f"release {content.id}: the image exists already; {release.verdict}")
    else:
        judgement = approval.approve(Path(), predecessor, overruled)
        click.echo(f"release {content.id}: building the image on {content.base} ...")
        release = making.build(Path(), content, judgement)
    _write_bill(content)
    return release


def _is_of_this_repository(release: Release) -> bool:
    """Whether git knows the commit that an image names; another repository on this machine may build the same id."""
    return has_commit(Path(), release.commit.removesuffix(DIRTY))


def _write_bill(content: Content) -> None:
    """Write the image's bill of materials, and print its size and its largest packages."""
    components = image.write_bill(content.tag, publishing.BILL, bento.feature_files(Path()))
    megabytes = int((image.find(content.tag) or {})["Size"]) / 1e6
    largest = ", ".join(f"{name} {size:g}" for name, size in [*image.package_sizes(content.tag).items()][:MAX_PACKAGES])
    click.echo(f"image: {megabytes:.0f} MB, {components} components ({publishing.BILL}); in MB: {largest}")


def _proof(key: str | None, repository: str | None) -> str:
    """How the image's origin is proven."""
    if key:
        return "signed and attested"
    return "not signed: deploy.yaml attests it" if repository else "not signed: that needs --sign"


def _finish(release: Release, target: Path, outcome: str, *, built: bool) -> None:
    """Write the release's file, and report the outcome: on the terminal, in the step's summary and in its outputs."""
    manifest.write(target, release)
    line = f"release {release.id}: {outcome}"
    notes = [line, NO_TARGET] if os.environ.get("GITHUB_ACTIONS") and not os.environ.get("DEPLOY_TARGET") else [line]
    for note in notes:
        click.echo(note)
        steps.summary(note)
    name, _, digest = release.image.partition("@")
    outputs = {"built": str(built).lower(), "image": release.image, "name": name, "digest": digest, "id": release.id}
    for output, value in outputs.items():
        steps.output(output, value)


@command.command("scan")
@click.argument("report", type=click.Path(path_type=Path))
@click.option("--sbom", "bill", type=click.Path(path_type=Path), default=publishing.BILL, show_default=True)
@click.pass_context
def scan_command(context: click.Context, report: Path, bill: Path) -> None:
    """Judge Grype's JSON REPORT by release.scan of params.yaml; exit 1 where it fails or has no data."""
    result = publishing.judge_scan(report, bill)
    _print(result)
    context.exit(1 if result.failing else 0)


@command.command("verify")
@click.argument("reference", metavar="IMAGE")
@click.option("--key", help="Cosign's public key: a file, env://NAME or a KMS address.")
@click.option("--attested", "repository", metavar="OWNER/NAME", help="Without a key: who attested it on GitHub.")
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write the verified release to a file.")
def verify_command(reference: str, key: str | None, repository: str | None, target: Path | None) -> None:
    """Verify that IMAGE (NAME@sha256:...) was signed by this key, and print which release it is."""
    if target:  # a release that was verified before must not be taken for this one
        target.unlink(missing_ok=True)
    release = attestations.verify_release(reference, key, repository)
    if target:
        manifest.write(target, release)
    click.echo(f"release {release.id}: signed; commit {release.commit}, dvc.lock {release.lock}, model {release.model}")
    click.echo(verdict.line(release.verdict))


def _print(result: ScanResult) -> None:
    for line in result.ignored:
        click.echo(f"  · {line}")
    for line in result.failing:
        click.echo(f"  ✗ {line}")
    outcome = "fail" if result.failing else "pass"
    summary = f"scan: {outcome} ({result.matches} findings in {result.packages} packages)"
    click.echo(click.style(summary, fg="red" if result.failing else "green", bold=True))
    steps.summary(summary)
