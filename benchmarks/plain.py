"""The same work as `make run`, as one plain Python script: every stage in this process, no DVC, nothing skipped."""

import importlib
import shlex

from ruamel.yaml import YAML

from pipeline.cli import COMMANDS


def main() -> None:
    with open("dvc.yaml", encoding="utf-8") as file:
        stages = YAML(typ="safe").load(file)["stages"]
    for stage in [["pipeline", "fetch"], *(shlex.split(stage["cmd"]) for stage in stages.values())]:
        module, _ = COMMANDS[stage[1]]
        importlib.import_module(module).command.main(stage[2:], standalone_mode=False)
    from pipeline.train.tracking import track as tracking  # by the committed dvc.lock, which these outputs fit

    tracking.track()
    importlib.import_module(COMMANDS["gate"][0]).command.main([], standalone_mode=False)


if __name__ == "__main__":
    main()
