"""`pipeline monitor`: judge the prediction log, window by window."""

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import click

from pipeline.core import costs, files, params
from pipeline.core.errors import PipelineError
from pipeline.core.params import Params
from pipeline.markup import preview
from pipeline.models import signature as signatures
from pipeline.models.model_text import SIGNATURE
from pipeline.models.signature import Signature
from pipeline.predictions import label_join as later
from pipeline.predictions import periods
from pipeline.predictions.damage import InputUnreadableError
from pipeline.predictions.options import Moment, log_options, own
from pipeline.predictions.windows import WindowedLog
from pipeline.watch.monitor import assessment, report, windowing
from pipeline.watch.monitor import reference_data as references
from pipeline.watch.monitor import result as results
from pipeline.watch.monitor.result import Result

MODEL, FOLDER = Path("models"), Path("reports/monitor")
STATUS = {"ok": 0, "not_enough_data": 0, "alarm": 1}


@click.command(short_help="Judge the prediction log: drift, performance, missing values, volume, latency.")
@log_options
@click.option("--since", type=Moment(), help="Start of a past period; without --until, to the end of the log.")
@click.option("--until", type=Moment(), help="End of the period (default: now).")
@click.option("--window", help="Size of a window, as monitor.window in params.yaml.")
@click.option("--folder", type=click.Path(path_type=Path), default=FOLDER, show_default=True, help="Where to write to.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Result (default: in the folder).")
@click.option(
    "--html", "html_path", type=click.Path(path_type=Path), help="Evidently's report too (some seconds more)."
)
@click.pass_context
def command(
    ctx: click.Context,
    log: str | None,
    labels: str | None,
    since: datetime | None,
    until: datetime | None,
    window: str | None,
    folder: Path,
    json_path: Path | None,
    html_path: Path | None,
) -> None:
    """Exit 0 without an alarm, 1 with one, 2 where the log, the labels or the reference can't be read.

    The last line of the output says which. If only the labels can't be read, everything but performance is judged and
    written.
    """
    settings = params.read()
    size = _checked_size(window or settings.monitor.window)
    json_path = json_path or folder / "monitor.json"
    log = log or settings.monitor.log
    labels = labels or settings.monitor.labels
    for former in (json_path, folder / "monitor.md", folder / "monitor.html"):
        with contextlib.suppress(OSError):  # said where it is written
            former.unlink(missing_ok=True)  # a run that breaks off leaves no verdict of another one
    with costs.measured("monitor") as cost:
        try:
            signature = _read_signature()
            reference = references.load(signature, settings.monitor)
            windowed = windowing.read(
                own(log, "log"),
                signature,
                settings.monitor,
                since=since,
                until=until,
                window=size,
                labelled=bool(labels),
                progress=_say,
            )
            windowed, unlabelled = _labelled(windowed, labels, signature, settings.data)
            result = assessment.assess(windowed, reference, settings, size, _say)
        except InputUnreadableError as error:
            _write(_unreadable(error, until, size), json_path, folder)
            _end(f"blind: {report.INPUTS[error.kind]} can’t be read, so nothing was judged", 2)
            raise
        if unlabelled:
            result = result.model_copy(update={"blind": results.Unreadable(kind="labels", reason=str(unlabelled))})
        cost["rows"] = windowed.rows
    _write(result, json_path, folder)
    _print(result, folder)
    if html_path:
        _evidently(html_path, windowed, reference, settings)
    status = 2 if unlabelled else STATUS[result.state]
    _end(report.verdict(result), status)
    if unlabelled:
        raise unlabelled
    ctx.exit(status)


def _read_signature() -> Signature:
    """The model's signature; InputUnreadableError where there is none."""
    try:
        return signatures.read(MODEL / SIGNATURE)
    except PipelineError as error:
        raise InputUnreadableError("reference", str(error)) from None


def _labelled(
    windowed: WindowedLog, source: str | None, signature: Signature, data: params.Data
) -> tuple[WindowedLog, InputUnreadableError | None]:
    """The windows with the labels that came later; without them, and the error, where they can't be read."""
    if not source:
        return windowed, None
    try:
        return later.join(windowed, own(source, "labels"), signature, data), None
    except InputUnreadableError as error:
        return windowed, error


def _checked_size(text: str) -> str:
    """The text, if it is a size of a window that params.yaml would accept; else PipelineError."""
    periods.size(text)
    return text


def _unreadable(error: InputUnreadableError, until: datetime | None, size: str) -> Result:
    return Result(
        state="blind",
        until=until or datetime.now(UTC),
        window=size,
        rows=0,
        files=0,
        release=None,
        releases={},
        signals=(),
        windows=(),
        damage={},
        labels=results.Labels(rows=0, joined=0, unknown=0),
        blind=results.Unreadable(kind=error.kind, reason=str(error)),
    )


def _write(result: Result, json_path: Path, folder: Path) -> None:
    text = report.render(result)
    files.write_json(json_path, result.model_dump(mode="json"))
    files.write_text(folder / "monitor.md", text)
    try:
        preview.write(text, folder / "monitor.html", "Monitor")
    except PipelineError:  # a runner without the dev group can't render the page, and does not need it
        (folder / "monitor.html").unlink(missing_ok=True)


def _evidently(path: Path, windowed: WindowedLog, reference: references.Reference, settings: Params) -> None:
    """Evidently's own report of the latest complete window with enough rows."""
    from pipeline.drift import compare

    minimum = settings.monitor.min_rows
    judged = [window for window in windowed.windows if window.complete and window.rows >= minimum]
    if not judged:
        _say(f"{path} is not written: no window has enough rows")
        return
    kinds = {name: kind for name, kind in reference.kinds.items() if name in judged[-1].sample.columns}
    try:
        undrawn = compare.render(path, reference.train, judged[-1].sample, kinds, settings.drift)
    except PipelineError as error:  # the page changes no verdict
        _say(f"no page: {error}")
    else:
        for name, reason in undrawn.items():
            _say(f"{path}: without {name}: {reason}")


def _print(result: Result, folder: Path) -> None:
    for signal in result.signals:
        click.echo(f"{report.label(signal.name):17} {signal.state.replace('_', ' '):16} {signal.sentence}")
    if not result.signals:
        click.echo(f"no window of {result.window} is complete yet; --window '500 rows' judges the rows so far")
    damaged = {name: count for name, count in result.damage.items() if isinstance(count, int) and count}
    if damaged:
        click.echo("damage: " + ", ".join(f"{name} {count:,}" for name, count in damaged.items()))
    if result.labels.rows and not result.labels.joined:
        click.echo(f"labels: {result.labels.rows:,} were read, and none is of a compared row: are the ids the log's?")
    click.echo(f"{folder / 'monitor.md'}\n{folder / 'monitor.html'}")


def _end(verdict: str, status: int) -> None:
    """The last line of the output: `make` hides the status."""
    click.echo(f"monitor: {verdict} (status {status})")


def _say(line: str) -> None:
    click.echo(f"monitor: {line}", err=True)
