"""`pipeline release`: the model that dvc.lock names, as a signed image; `scan` and `verify` are its two gates."""

import os
from pathlib import Path

import click

from pipeline.github.client import steps
from pipeline.ship.release import attestations, image, making, manifest, publishing, registration
from pipeline.ship.release.making import Content
from pipeline.ship.release.manifest import Release
from pipeline.ship.release.scan import Judged

HEAVIEST = 8  # packages that are named
NO_TARGET = (
    "Nothing was deployed: no host is named. The repository variable `DEPLOY_TARGET` names one "
    "(`ssh://user@host`, with the secret `DEPLOY_SSH_KEY`); docs/how-to/release.md says how."
)


@click.group(invoke_without_command=True, short_help="Build, scan, push and sign the image of the model.")
@click.option("--registry", metavar="HOST/NAME", help="Where the image goes (on GitHub: ghcr.io/OWNER/NAME).")
@click.option("--report", type=click.Path(path_type=Path), help="Grype's JSON on the image; without it, no push.")
@click.option("--sign", "key", metavar="KEY", help="Cosign's private key: a file, env://NAME or a KMS address.")
@click.option("--attested", "repository", metavar="OWNER/NAME", help="Without a key: who attests images on GitHub.")
@click.option("--base-image", envvar="PIPELINE_BASE_IMAGE", default=image.BASE, show_default=True)
@click.option("--champion", default="HEAD^", show_default=True, help="Git revision whose model this one follows.")
@click.option("--json", "target", type=click.Path(path_type=Path), default=manifest.PATH, show_default=True)
@click.pass_context
def command(
    context: click.Context,
    registry: str | None,
    report: Path | None,
    key: str | None,
    repository: str | None,
    base_image: str,
    champion: str,
    target: Path,
) -> None:
    """Build the image of the model that dvc.lock names; with a report that passes, push and sign it."""
    if context.invoked_subcommand:
        return
    content = making.gather(Path(), base_image)
    name = publishing.registry_name(registry)
    if name and (known := publishing.published(name, content, key, repository)):
        _finish(known, target, f"release {known.id}: nothing to build: {known.image}", built=False)
        return
    release = _built(content, champion)
    if report is None or name is None:
        lacking = "--report, Grype's JSON on the image" if report is None else "--registry"
        _finish(release, target, f"release {release.id}: built, not pushed: that needs {lacking}", built=True)
        return
    judged = publishing.judged(report, publishing.BILL)
    _show(judged)
    if judged.failing:
        context.exit(1)
    pushed = publishing.publish(content, release, name, key, target)
    click.echo(registration.register(pushed))
    unsigned = "not signed: deploy.yaml attests it" if repository else "not signed: that needs --sign"
    signed = "signed and attested" if key else unsigned
    _finish(pushed, target, f"release {pushed.id}: {pushed.image}, {signed}", built=True)


def _built(content: Content, champion: str) -> Release:
    """The image on this machine, built where it is missing, with its bill of materials."""
    found = image.find(content.tag)
    if found:
        release = publishing.labelled(found, content.tag).model_copy(update={"image": str(found["Id"])})
        click.echo(f"release {content.id}: the image is here already")
    else:
        click.echo(f"release {content.id}: building the image on {content.base} ...")
        release = making.build(Path(), content, champion)
    components = image.write_bill(content.tag, publishing.BILL)
    size = int((image.find(content.tag) or {})["Size"]) / 1e6
    heaviest = ", ".join(f"{name} {mb:g}" for name, mb in [*image.weights(content.tag).items()][:HEAVIEST])
    click.echo(f"image: {size:.0f} MB, {components} components ({publishing.BILL}); in MB: {heaviest}")
    return release


def _finish(release: Release, target: Path, line: str, *, built: bool) -> None:
    manifest.write(target, release)
    click.echo(line)
    steps.output("built", str(built).lower())
    steps.output("image", release.image)
    steps.output("name", release.image.partition("@")[0])
    steps.output("digest", release.image.partition("@")[2])
    steps.output("id", release.id)
    steps.summary(line)
    if os.environ.get("GITHUB_ACTIONS") and not os.environ.get("DEPLOY_TARGET"):
        click.echo(NO_TARGET)
        steps.summary(NO_TARGET)


@command.command("scan")
@click.argument("report", type=click.Path(path_type=Path))
@click.option("--sbom", "bill", type=click.Path(path_type=Path), default=publishing.BILL, show_default=True)
@click.pass_context
def scan_command(context: click.Context, report: Path, bill: Path) -> None:
    """Judge Grype's JSON REPORT by release.scan of params.yaml; exit 1 where it fails, or proves nothing."""
    judged = publishing.judged(report, bill)
    _show(judged)
    context.exit(1 if judged.failing else 0)


@command.command("verify")
@click.argument("reference", metavar="IMAGE")
@click.option("--key", help="Cosign's public key: a file, env://NAME or a KMS address.")
@click.option("--attested", "repository", metavar="OWNER/NAME", help="Without a key: who attested it on GitHub.")
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write the release that is proven to a file.")
def verify_command(reference: str, key: str | None, repository: str | None, target: Path | None) -> None:
    """Prove that IMAGE (NAME@sha256:...) was signed by this key, and say which release it is."""
    release = attestations.proven(reference, key, repository)
    if target:
        manifest.write(target, release)
    click.echo(f"release {release.id}: signed; commit {release.commit}, dvc.lock {release.lock}, model {release.model}")


def _show(judged: Judged) -> None:
    for line in judged.ignored:
        click.echo(f"  · {line}")
    for line in judged.failing:
        click.echo(f"  ✗ {line}")
    verdict = "fail" if judged.failing else "pass"
    told = f"scan: {verdict} ({judged.matches} findings in {judged.packages} packages)"
    click.echo(click.style(told, fg="red" if judged.failing else "green", bold=True))
    steps.summary(told)
