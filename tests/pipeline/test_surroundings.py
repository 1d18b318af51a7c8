"""The tests and their child processes have the same environment wherever they are started."""

import json
import os
import subprocess
import sys

from tests.pipeline.conftest import ROOT

# A script's background job on a user's machine: SIGINT is ignored, and files are private.
SHELL = 'trap "" INT; umask 077; ulimit -Sn 256; exec "$@"'
VARIABLES = {
    "TZ": "America/St_Johns",
    "LC_ALL": "C",
    "LANGUAGE": "de",
    "CI": "true",
    "PYTHONIOENCODING": "ascii",
    "GITHUB_TOKEN": "t",
    "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
    "DVC_REMOTE_URL": "/nowhere",
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


def test_a_child_process_has_the_same_environment_everywhere() -> None:
    printed = json.loads(
        subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True).stdout
    )
    handles_sigint, umask, enough_files, zone, encoding, names, has_gitconfig = printed
    assert (handles_sigint, umask, enough_files, zone, encoding, has_gitconfig) == (
        True,
        0o022,
        True,
        ["+0545", -20700],
        "UTF-8",
        True,
    )
    assert not set(names) & set(VARIABLES) - {"HOME", "TZ", "LC_ALL"}
    assert "127.0.0.1" in os.environ["no_proxy"]


def test_the_environment_does_not_depend_on_what_starts_the_tests() -> None:
    inner = f"{__file__}::{test_a_child_process_has_the_same_environment_everywhere.__name__}"
    command = ["sh", "-c", SHELL, "sh", sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "0", inner]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    completed = subprocess.run(command, cwd=ROOT, env=kept | VARIABLES, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr
