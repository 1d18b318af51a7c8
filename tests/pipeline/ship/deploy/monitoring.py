"""A Prometheus and an Alertmanager, Debian's, on the template's own rules: one of their minutes lasts a second here."""

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.pipeline.conftest import ROOT, require
from tests.pipeline.surroundings import free_port

FOLDER = ROOT / "deploy" / "observability"
OPERATOR_PORT = "127.0.0.1:8081"  # in prometheus.yaml
MINUTES = re.compile(r"\b(\d+)m\b")
TIMEOUT = 60  # seconds that an alert may take


class Receiver:
    """What the Alertmanager has sent: the names of the alerts that fire, each as often as it was told."""

    def __init__(self) -> None:
        self.fired: list[str] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = json.loads(self.rfile.read(int(self.headers["content-length"])))
                receiver.fired += [
                    alert["labels"]["alertname"] for alert in content["alerts"] if alert["status"] == "firing"
                ]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, *names: str) -> None:
        """Wait until all of these have fired."""
        end = time.monotonic() + TIMEOUT
        while missing := set(names) - set(self.fired):
            assert time.monotonic() < end, f"did not fire: {missing}; fired: {self.fired}"
            time.sleep(0.1)


def rules() -> dict[str, dict[str, Any]]:
    """The alerts by name."""
    content = YAML(typ="safe").load(FOLDER / "alerts.yaml")
    return {rule["alert"]: rule for group in content["groups"] for rule in group["rules"]}


@contextmanager
def monitoring(folder: Path, operators: int, service: int) -> Iterator[Receiver]:
    """Both programs while the block runs; they read the operators' port, and a service of its own on the host."""
    for program in ("prometheus", "prometheus-alertmanager"):
        require(program)
    receiver, prometheus, alertmanager = Receiver(), free_port(), free_port()
    _configure(folder, operators, service, alertmanager, receiver.server.server_port)
    commands = [
        ["prometheus", "--config.file=prometheus.yaml", f"--web.listen-address=127.0.0.1:{prometheus}"],
        [
            *("prometheus-alertmanager", "--config.file=alertmanager.yaml", "--cluster.listen-address="),
            f"--web.listen-address=127.0.0.1:{alertmanager}",
        ],
    ]
    options = ["--storage.tsdb.path=metrics", "--storage.path=alerts"]
    with ExitStack() as stack:
        stack.callback(receiver.server.shutdown)
        for command, option in zip(commands, options, strict=True):
            output = stack.enter_context((folder / f"{command[0]}.txt").open("wb"))
            process = subprocess.Popen([*command, option], cwd=folder, stdout=output, stderr=output)
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
        yield receiver


def _configure(folder: Path, operators: int, service: int, alertmanager: int, receiver: int) -> None:
    yaml = YAML(typ="safe")
    (folder / "alerts.yaml").write_text(MINUTES.sub(r"\1s", (FOLDER / "alerts.yaml").read_text()))
    text = (FOLDER / "prometheus.yaml").read_text().replace(OPERATOR_PORT, f"127.0.0.1:{operators}")
    content = yaml.load(text.replace("127.0.0.1:9093", f"127.0.0.1:{alertmanager}"))
    content["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    target = {"targets": [f"127.0.0.1:{service}"], "labels": {"component": "release", "slot": "c"}}
    content["scrape_configs"][0]["static_configs"].append(target)
    yaml.dump(content, folder / "prometheus.yaml")
    route = {"receiver": "test", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s"}
    webhook = {"name": "test", "webhook_configs": [{"url": f"http://127.0.0.1:{receiver}/"}]}
    yaml.dump({"route": route, "receivers": [webhook]}, folder / "alertmanager.yaml")
