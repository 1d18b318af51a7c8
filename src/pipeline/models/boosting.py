"""LightGBM, imported without what is not used here, and the device that it trains on."""

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Literal, get_args

from pipeline.core.errors import PipelineError

Device = Literal["cpu", "gpu", "cuda"]
Wanted = Literal["auto", "cpu", "gpu"]
DEVICE_VARIABLE = "PIPELINE_DEVICE"


def lightgbm() -> ModuleType:
    """LightGBM, imported without scikit-learn: only its estimator classes need that, and it takes 3 s of 4."""
    if "lightgbm" in sys.modules:
        return sys.modules["lightgbm"]
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # on a busy machine, threads that wait by spinning cost minutes
    without = "sklearn" not in sys.modules
    if without:
        sys.modules["sklearn"] = None  # type: ignore[assignment]
    try:
        module = importlib.import_module("lightgbm")
    finally:
        if without:
            del sys.modules["sklearn"]
    module.register_logger(_Quiet())
    return module


def choose_device(knob: Wanted) -> tuple[Device, str]:
    """The device to train on, and why: CUDA, then OpenCL, then the CPU; PIPELINE_DEVICE goes before train.device.

    PipelineError where a GPU is demanded and none works.
    """
    wanted, where = _wanted(knob)
    if wanted == "cpu":
        return "cpu", f"{where} is cpu"
    reasons = []
    for device, name in (("cuda", "CUDA"), ("gpu", "OpenCL")):
        problem = _probe(device)
        if problem is None:
            return device, f"{name} works"  # type: ignore[return-value]
        reasons.append(f"{name}: {problem}")
    if wanted == "gpu":
        raise PipelineError(
            f"{where} is gpu and no GPU works ({'; '.join(reasons)}); set it to auto or cpu, "
            "or see docs/how-to/train-on-a-gpu.md"
        )
    return "cpu", "; ".join(reasons)


def _wanted(knob: Wanted) -> tuple[str, str]:
    """What is asked for, and where: this machine's variable, else params.yaml."""
    said = os.environ.get(DEVICE_VARIABLE)
    if not said:
        return knob, "train.device in params.yaml"
    if said not in get_args(Wanted):
        raise PipelineError(f"{DEVICE_VARIABLE}: is {said}; allowed: {', '.join(get_args(Wanted))}")
    return said, DEVICE_VARIABLE


def _probe(device: str) -> str | None:
    """What keeps LightGBM from training on the device; None where it trained a stump there."""
    import numpy as np

    module = lightgbm()
    rows = np.arange(100.0).reshape(50, 2)
    with _no_stderr():
        try:
            data = module.Dataset(rows, rows[:, 0] > 40, params={"min_data_in_bin": 1, "verbosity": -1})
            module.train({"objective": "binary", "device_type": device, "verbosity": -1}, data, 1)
        except module.basic.LightGBMError as error:
            text = str(error).strip()
            return "this LightGBM is built without it" if "was not enabled" in text else text.rstrip(".").lower()
    return None


@contextlib.contextmanager
def _no_stderr() -> Iterator[None]:
    """LightGBM's C++ core writes a fatal error to the terminal before it raises it."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class _Quiet:
    """A logger for LightGBM: what matters is raised, the rest would drown the progress."""

    def info(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...
