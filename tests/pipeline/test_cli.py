"""A mistake on the command line is one line and exit status 2; a command's own exit status is passed on."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from pipeline import cli
from pipeline.core import files
from pipeline.core.errors import PipelineError
from pipeline.review.gate import data_rules
from tests.pipeline.conftest import FROZEN


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    """Run the command line; the exit status."""
    monkeypatch.setattr(sys, "argv", ["pipeline", *arguments])
    return cli.run()


def replace_command(monkeypatch: pytest.MonkeyPatch, callback: Any) -> None:
    """Let `pipeline gate` call this."""
    command = click.Command("gate", callback=callback)
    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda self, ctx, name: command)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nosuch"], "error: No such command 'nosuch' (see `pipeline --help`)"),
        (["train"], "error: Missing option '--"),
        (["gate", "--nosuch"], "error: No such option"),
    ],
)
def test_a_misused_command_is_one_line(
    arguments: list[str], expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(expected)
    assert line.endswith("--help`)")


@pytest.mark.parametrize("arguments", [["--help"], ["fetch", "--help"], []])
def test_help_is_printed(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *arguments) == (0 if arguments else 2)
    assert "Usage: pipeline" in "".join(capsys.readouterr())


@pytest.mark.parametrize("code", [0, 1])
def test_the_exit_status_of_a_command_is_passed_on(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_command(monkeypatch, lambda: click.get_current_context().exit(code))
    assert run(monkeypatch, "gate") == code


@pytest.mark.parametrize(
    "message",
    [
        "libgomp.so.1: cannot open shared object file: No such file or directory",
        "dlopen(lib_lightgbm.dylib, 0x0006): Library not loaded: @rpath/libomp.dylib",
    ],
)
def test_on_a_machine_without_openmp_the_error_says_what_to_install(
    message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load() -> None:
        raise OSError(message)

    replace_command(monkeypatch, load)
    assert run(monkeypatch, "gate") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "apt-get install libgomp1" in line
    assert "brew install libomp" in line


@pytest.mark.parametrize(
    "error", [ValueError("no digits"), OSError("libc.so.6: version not found"), AssertionError(), SystemExit(1)]
)
def test_a_defect_is_neither_an_answer_nor_a_wrong_input(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise error

    replace_command(monkeypatch, broken)
    assert run(monkeypatch, "gate") == cli.DEFECT
    told = capsys.readouterr().err
    assert told.startswith("Traceback")
    assert type(error).__name__ in told
    assert told.splitlines()[-1].startswith("error: a defect of the pipeline (status 70)")


def test_a_pipe_without_a_reader_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def unread() -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    replace_command(monkeypatch, unread)
    assert run(monkeypatch, "gate") == cli.NO_READER


@pytest.mark.parametrize("error", [KeyboardInterrupt, click.Abort])
def test_an_interrupt_has_its_own_exit_status(error: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise error

    replace_command(monkeypatch, interrupt)
    assert run(monkeypatch, "gate") == 130


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["fetch", "--fingerprint", "data"], "error: data: can't be written: it is a folder"),
        (["schema", "--schema", "data", "--force"], "error: data: can't be written: it is a folder"),
        (["ingest", "--source", "data", "--schema", "x", "--table", "x"], "error: data: can't be read: it is a folder"),
        (
            ["evaluate", "--model", "params.yaml", "--test", "x", "--reports", "x"],
            "error: params.yaml/signature.json: can't be read: a part of the path is a file",
        ),
    ],
)
def test_a_path_that_is_no_file_is_one_line(
    arguments: list[str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/table.csv").write_text("client_id,x\n1,2\n2,3\n")
    text = (FROZEN / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(text.replace("data/credit_default.parquet", "data/table.csv"))
    assert run(monkeypatch, "fetch") == 0
    capsys.readouterr()
    assert run(monkeypatch, *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(expected)


def test_os_errors_of_reading_and_writing_are_pipeline_errors(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PipelineError, match="file/x: can't be written: a part of the path is a file"):
        files.write_json(tmp_path / "file/x", {})
    with pytest.raises(PipelineError, match="can't be written: it is a folder"):
        files.write_json(tmp_path, {})
    with pytest.raises(PipelineError, match="can't be read: it is a folder"):
        files.read_json(tmp_path)
    with pytest.raises(PipelineError, match="can't be written: Input/output error"), files.replacing(tmp_path / "x"):
        raise OSError(5, "Input/output error")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("report", [{}, [], {"violations": 3, "share": "x"}, 3])
def test_a_file_that_is_no_report_is_refused(report: Any) -> None:
    with pytest.raises(PipelineError, match="not a data quality report"):
        data_rules.quality(report)
    with pytest.raises(PipelineError, match="--drift: not a drift report"):
        data_rules.drift_report(report, "--drift", "`pipeline drift` writes it")


def test_a_character_that_the_terminal_lacks_stops_nothing() -> None:
    code = "from pipeline import cli; cli.run = lambda: print('✓') or 0; cli.main()"
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    completed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert completed.stdout == b"?\n"
