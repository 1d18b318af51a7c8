"""The `pipeline` command. A subcommand's module is imported when it is called, as imports are slow."""

import contextlib
import importlib
import io
import os
import signal
import sys
import traceback
from typing import Any

import click

from pipeline.core.errors import PipelineError

# Command: its module (with the name of the function, unless that is `command`) and its line in the help.
COMMANDS = {
    "new": ("pipeline.new", "Make a folder for another pipeline of this repository."),
    "each": ("pipeline.each", "Call a command in the folder of every pipeline of this repository."),
    "matrix": ("pipeline.each:matrix", "GitHub: list the pipelines of this repository as a job's matrix."),
    "run": ("pipeline.run", "Fetch, run what changed, log it and print the verdict (make run)."),
    "fetch": ("pipeline.data.source.fetch", "Read the data source and record its fingerprint in data/source.json."),
    "schema": ("pipeline.data.contract.inference", "Infer the data contract data/schema.yaml from the data."),
    "adopt": ("pipeline.adopt.command", "Make a table of your own the project's, by a page of decisions (make adopt)."),
    "features": ("pipeline.features.command", "Show or check the features of src/project/features/."),
    "gate": ("pipeline.review.gate.command", "Judge the model against the champion; exit 1 where it fails."),
    "drift": ("pipeline.train.stages.drift", "Compare any two tables for drift, as JSON and HTML."),
    "measure": (
        "pipeline.review.measure.command",
        "Measure what a change did to the model, into .pipeline/measurement/.",
    ),
    "serve": ("pipeline.ship.service.command", "Serve the model as an HTTP service (make serve)."),
    "simulate": ("pipeline.demo.command", "Replay held-out rows as traffic, plain or shifted (make simulate)."),
    "release": (
        "pipeline.ship.release.command",
        "Build, scan, push and sign the image of the model that dvc.lock names.",
    ),
    "restore": (
        "pipeline.ship.deploy.housekeeping_command:restore",
        "Fetch what the monitor compares with, as dvc.lock names it; with FILE: rebuild a lost host.",
    ),
    "monitor": (
        "pipeline.watch.monitor.command",
        "Judge the prediction log: drift, performance, volume (make monitor).",
    ),
    "track": ("pipeline.train.tracking.track", "Log the current run to MLflow, where that has not happened yet."),
    "tune": ("pipeline.train.tuning.tune", "Search for better train parameters and write them to params.yaml."),
    "seeds": ("pipeline.train.seeds", "Measure what another seed changes, beside the gate's tolerance."),
    "verify-lock": ("pipeline.core.dvc_lock", "Check that dvc.lock fits its inputs, also without a cache."),
    "report": ("pipeline.review.comment.command", "Write the pull request's comment for this work tree (make report)."),
    "deploy": ("pipeline.ship.deploy.command:deploy", "Deploy a release by canary; roll back where it fails."),
    "rollback": ("pipeline.ship.deploy.command:rollback", "Return to a release that served before, in seconds."),
    "promote": ("pipeline.ship.deploy.command:promote", "Let a canary go on that `pipeline deploy --pause-at` paused."),
    "freeze": ("pipeline.ship.deploy.command:freeze", "Refuse deployments, and end one that is under way."),
    "unfreeze": ("pipeline.ship.deploy.command:unfreeze", "Allow deployments again after `pipeline freeze`."),
    "history": ("pipeline.ship.deploy.command:history", "Show which release served when."),
    "backup": ("pipeline.ship.deploy.housekeeping_command:backup", "Write a host's ledger and releases to a file."),
    "clean": (
        "pipeline.ship.deploy.housekeeping_command:clean",
        "Remove what a host no longer needs.",
    ),
    "keys": ("pipeline.ship.deploy.keys_command", "Add, list or remove the API keys of a host."),
    "retrain": ("pipeline.watch.retrain.command", "Take newly labelled rows of the prediction log into the data."),
    "forget": ("pipeline.forget.command", "Remove a person's rows from log, labels and added data."),
    "announce": ("pipeline.github.pull_request.announce", "GitHub: say on a pull request that it is being measured."),
    "answer": ("pipeline.github.pull_request.answer", "GitHub: judge what a train run measured; comment and status."),
    "overrule": (
        "pipeline.github.pull_request.overrule",
        "GitHub: overrule the gate for one commit, by name and with a reason.",
    ),
    "record": ("pipeline.github.pull_request.record", "GitHub: commit what was measured to the pull request's branch."),
    "doctor": (
        "pipeline.doctor.command",
        "Look at the whole set-up, here and on GitHub; exit 1 where something is wrong (make doctor).",
    ),
    "upgrade": (
        "pipeline.upgrade.command",
        "Merge a new version of the template into this project (make upgrade).",
    ),
    "protect": (
        "pipeline.github.protection.command",
        "Show what would protect main on GitHub; --apply writes it (make protect).",
    ),
    "report-tests": ("pipeline.github.pull_request.report_tests", "GitHub: set the status `test` of a tested commit."),
    "merge-main": (
        "pipeline.github.pull_request.conflicts",
        "GitHub: merge main into pull requests that conflict in dvc.lock and the metrics alone.",
    ),
    "propose": (
        "pipeline.github.drift_issue.propose",
        "GitHub: open or update the pull request of `pipeline retrain`.",
    ),
    "watch": (
        "pipeline.github.drift_issue.watch",
        "GitHub: open, update or close the monitor's issues; start retraining.",
    ),
    "ingest": ("pipeline.train.stages.ingest", "Stage: the source into one raw table."),
    "validate": ("pipeline.train.stages.validate", "Stage: the raw table against the data contract."),
    "split": ("pipeline.train.stages.split", "Stage: training, validation and test rows."),
    "fit-features": ("pipeline.train.stages.features", "Stage: the project's feature code, checked and fitted."),
    "train": ("pipeline.train.stages.train", "Stage: the LightGBM model that is measured, and its signature."),
    "refit": ("pipeline.train.stages.refit", "Stage: the model that ships, fitted again where the split is by time."),
    "evaluate": ("pipeline.train.stages.evaluate", "Stage: metrics, curves, importance, slices, fairness."),
    "card": ("pipeline.train.stages.card", "Stage: the model card."),
}
# The one library that LightGBM's wheels need from the system, by its names on Linux and macOS.
OPENMP = ("libgomp", "libomp")
INSTALL_OPENMP = "`apt-get install libgomp1` (Debian, Ubuntu) or `brew install libomp` (macOS) installs it"
DEFECT = 70  # EX_SOFTWARE of sysexits.h: neither an answer (1) nor a wrong input (2)
NO_READER = 128 + signal.SIGPIPE  # as the shell reports a program that writes to nobody


class LazyGroup(click.Group):
    """A group that knows its commands' help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), name or "command")
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click would end with 1, which is an answer
            ctx.exit(NO_READER)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-C", "folder", metavar="FOLDER", default="", help="Work in this folder, as that of another pipeline.")
def pipeline(folder: str) -> None:
    """From data to a judged model."""
    if folder:
        _change_to(folder)


def _change_to(folder: str) -> None:
    try:
        os.chdir(folder)
    except OSError:
        from pipeline.core import pipelines

        known = ", ".join(own or "." for own in pipelines.folders())
        raise PipelineError(f"-C {folder}: no such folder; pipelines of this repository: {known}") from None


def main() -> None:
    """Exit with the status of `run`, without waiting for libraries to clean up. SIGTERM works like Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a background job may ignore SIGINT
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # for a locale without the character
    code = run()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # the reader has closed the pipe
            stream.flush()
    os._exit(code)  # freeing every object of every library one by one takes up to half a second; the kernel does it


def run() -> int:
    """Run the command: 0, 1 where gate or monitor says no, 2 with a line for each error, 70 with a traceback for a
    defect, 130 where interrupted, 141 where nobody reads the output any more."""
    try:
        code = pipeline(prog_name="pipeline", standalone_mode=False)
    except PipelineError as error:
        for line in str(error).splitlines():
            click.echo(f"error: {line}", err=True)
        return 2
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        click.echo(f"error: {_usage_error(error)}", err=True)
        return 2
    except OSError as error:
        if not any(name in str(error) for name in OPENMP):
            return _defect()
        click.echo(f"error: LightGBM needs OpenMP, which this machine lacks; {INSTALL_OPENMP}", err=True)
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 130
    except (Exception, SystemExit):  # a command ends by ctx.exit
        return _defect()
    return code if isinstance(code, int) else 0  # click returns the argument of ctx.exit


def _defect() -> int:
    """Show the error that is being handled, which is nobody's input, and give its status."""
    traceback.print_exc()
    click.echo(f"error: a defect of the pipeline (status {DEFECT}), no answer; report the lines above", err=True)
    return DEFECT


def _usage_error(error: click.ClickException) -> str:
    """A mistake in the command line, in one line."""
    message = " ".join(error.format_message().split()).rstrip(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{message} (see `{context.command_path} --help`)" if context else message
