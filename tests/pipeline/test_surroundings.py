"""Whoever starts the tests: they and what they start find the same."""

import json
import os
import subprocess
import sys

from tests.pipeline.conftest import ROOT

# A script's background job on somebody's machine: interrupts are ignored, files are for the owner alone.
HOSTILE = 'trap "" INT; umask 077; ulimit -Sn 256; exec "$@"'
VARIABLES = {
    "TZ": "America/St_Johns",
    "LC_ALL": "C",
    "LANGUAGE": "de",
    "CI": "true",
    "PYTHONIOENCODING": "ascii",
    "GITHUB_TOKEN": "t",
    "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
    "DVC_NO_ANALYTICS": "1",
    "GIT_DIR": "/nowhere",
    "AWS_PROFILE": "nobody",
    "PIPELINE_DEVICE": "cuda",
    "HOME": "/nowhere",
}
CHILD = """
import json, locale, os, resource, signal, time
print(json.dumps([
    signal.getsignal(signal.SIGINT) is signal.default_int_handler,
    os.umask(0),
    resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 256,
    [time.tzname[0], time.timezone],
    locale.getencoding(),
    sorted(os.environ),
    os.path.exists(os.path.join(os.environ["HOME"], ".gitconfig")),
]))
"""


def test_a_child_finds_the_same_everywhere() -> None:
    told = json.loads(subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True).stdout)
    hears, umask, enough, zone, encoding, names, home = told
    assert (hears, umask, enough, zone, encoding, home) == (True, 0o022, True, ["+0545", -20700], "UTF-8", True)
    assert not set(names) & set(VARIABLES) - {"HOME", "TZ", "LC_ALL"}
    assert "127.0.0.1" in os.environ["no_proxy"]


def test_what_starts_the_tests_makes_no_difference() -> None:
    inner = f"{__file__}::{test_a_child_finds_the_same_everywhere.__name__}"
    command = ["sh", "-c", HOSTILE, "sh", sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "0", inner]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(command, cwd=ROOT, env=kept | VARIABLES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
