"""LightGBM, imported without scikit-learn, and the device that it trains on."""

import contextlib
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Literal, get_args

from pipeline.core.errors import PipelineError

Device = Literal["cpu", "gpu", "cuda"]
DeviceSetting = Literal["auto", "cpu", "gpu"]
DEVICE_VARIABLE = "PIPELINE_DEVICE"
WITHOUT_CUDA = "CUDA Tree Learner was not enabled in this build"  # what a LightGBM without CUDA says, so has in it
PROBE_SECONDS = 120


def lightgbm() -> ModuleType:
    """LightGBM, imported without scikit-learn: only its estimator classes need that, and it takes 3 s of 4."""
    if "lightgbm" in sys.modules:
        return sys.modules["lightgbm"]
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # on a busy machine, threads that wait by spinning cost minutes
    block_sklearn = "sklearn" not in sys.modules
    if block_sklearn:
        sys.modules["sklearn"] = None  # type: ignore[assignment]
    try:
        module = importlib.import_module("lightgbm")
    finally:
        if block_sklearn:
            del sys.modules["sklearn"]
    module.register_logger(_Quiet())
    return module


def choose_device(knob: DeviceSetting) -> tuple[Device, str]:
    """The device to train on, and why: CUDA, then OpenCL, then the CPU; PIPELINE_DEVICE overrides train.device.

    PipelineError where a GPU is required and none works.
    """
    setting, source = _device_setting(knob)
    if setting == "cpu":
        return "cpu", f"{source} is cpu"
    reasons = []
    devices: tuple[tuple[Device, str], ...] = (("cuda", "CUDA"), ("gpu", "OpenCL"))
    for device, name in devices:
        problem = _probe(device)
        if problem is None:
            return device, f"{name} works"
        reasons.append(f"{name}: {problem}")
    if setting == "gpu":
        raise PipelineError(
            f"{source} is gpu and no GPU works ({'; '.join(reasons)}); set it to auto or cpu, "
            "or see docs/how-to/train-on-a-gpu.md"
        )
    return "cpu", "; ".join(reasons)


def _device_setting(knob: DeviceSetting) -> tuple[str, str]:
    """The device setting and its source: this machine's variable, else params.yaml."""
    value = os.environ.get(DEVICE_VARIABLE)
    if not value:
        return knob, "train.device in params.yaml"
    if value not in get_args(DeviceSetting):
        raise PipelineError(f"{DEVICE_VARIABLE}: is {value}; allowed: {', '.join(get_args(DeviceSetting))}")
    return value, DEVICE_VARIABLE


def _probe(device: Device) -> str | None:
    """Why LightGBM can't train on the device; None where it trained a stump on it."""
    if device == "cuda" and WITHOUT_CUDA.encode() not in Path(lightgbm().basic._LIB._name).read_bytes():
        return _probe_apart(device)
    with _no_stderr():
        try:
            train_stump(device)
        except lightgbm().basic.LightGBMError as error:
            text = str(error).strip()
            return "this LightGBM is built without it" if "was not enabled" in text else text.rstrip(".").lower()
    return None


def _probe_apart(device: Device) -> str | None:
    """As `_probe`, in a process of its own: where there is no driver, LightGBM with CUDA ends its process."""
    command = [sys.executable, "-c", f"from {__name__} import train_stump; train_stump({device!r})"]
    try:
        process = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=PROBE_SECONDS)
    except subprocess.TimeoutExpired:
        return f"no answer within {PROBE_SECONDS} s"
    if process.returncode == 0:
        return None
    fatal = [line for line in process.stderr.splitlines() if "[Fatal]" in line] or process.stderr.splitlines()[-1:]
    text = fatal[0].partition("[Fatal]")[2] or fatal[0] if fatal else f"ended with {process.returncode}"
    return re.sub(r" /\S+ \d+$", "", text.strip()).removeprefix("[CUDA] ").rstrip(".")  # the line of LightGBM's source


def train_stump(device: Device) -> None:
    """Train one tree on the device; LightGBMError, or the end of this process, where LightGBM can't."""
    import numpy as np

    module = lightgbm()
    rows = np.arange(100.0).reshape(50, 2)
    data = module.Dataset(rows, rows[:, 0] > 40, params={"min_data_in_bin": 1, "verbosity": -1})
    module.train({"objective": "binary", "device_type": device, "verbosity": -1}, data, 1)


@contextlib.contextmanager
def _no_stderr() -> Iterator[None]:
    """LightGBM's C++ core writes a fatal error to the terminal before it raises it."""
    sys.stderr.flush()
    saved, devnull = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(devnull)


class _Quiet:
    """A silent logger for LightGBM: errors are raised, and other messages would hide the progress."""

    def info(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...
