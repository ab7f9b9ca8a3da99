"""Is this machine ready for the lab? Small checks, each with a remedy for what it finds.

Works where torch or another library is broken or absent: only the standard library is imported
up here.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Literal

from trainlab.text import _

Severity = Literal["ok", "warning", "error"]

OLDEST_PYTHON = (3, 11)
ROOMY = 2**30  # bytes of free disk that data sets and checkpoints soon take
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
LIBRARIES = {
    "ipywidgets": "the panels",
    "anywidget": "the live chart",
    "ipykernel": "running the notebook",
    "jupyterlab": "the lab in a notebook",
    "voila": "trainlab lab",
    "matplotlib": "the figures",
}


@dataclass(frozen=True)
class Finding:
    """What one check saw: in order, worth knowing, or in the way."""

    name: str
    severity: Severity
    what: str
    why: str = ""
    remedy: str = ""

    @property
    def ok(self) -> bool:
        """Nothing to do."""
        return self.severity == "ok"


@dataclass(frozen=True)
class Torch:
    """What torch and torchvision say of themselves, or why they could not be imported."""

    version: str = ""
    error: str = ""
    vision_version: str = ""
    vision_error: str = ""
    vision_wants: str = ""  # torchvision's own requirement, as "torch==2.11.0"
    built_for: str = ""  # the CUDA or ROCm version of the build; empty: CPU only
    cuda_works: bool = False
    cuda_complaint: str = ""
    gpus: tuple[tuple[str, str], ...] = ()  # (name, architecture as "sm_90")
    architectures: tuple[str, ...] = ()


def diagnose(runs: Path, cache: Path) -> list[Finding]:
    """Every check on this machine, for these folders of runs and of downloaded data."""
    torch, gpus = ask_torch(), nvidia_gpus()
    return [
        check_python(),
        check_torch(torch, gpus),
        check_torchvision(torch, gpus),
        check_gpu(torch, gpus),
        check_cores(_cores()),
        check_writable("runs", runs),
        check_writable("cache", cache),
        check_disk(runs),
        check_libraries(),
    ]


def render(findings: list[Finding]) -> str:
    """The findings as text: a line each, then the reason and the remedy where there is one."""
    words = {"ok": _("ok"), "warning": _("warning"), "error": _("error")}
    width = max(map(len, words.values()))
    lines = []
    for finding in findings:
        lines.append(f"{words[finding.severity]:<{width}}  {finding.what}")
        lines += [f"{'':<{width}}  {text}" for text in (finding.why, finding.remedy) if text]
    return "\n".join(lines)


def to_json(findings: list[Finding]) -> str:
    """The findings as one JSON list of objects."""
    return json.dumps([{**asdict(finding), "ok": finding.ok} for finding in findings])


# ---------------------------------------------------------------------------------------- checks


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """A Python that trainlab supports."""
    what = "Python " + ".".join(map(str, version))
    if version[:2] >= OLDEST_PYTHON:
        return Finding("python", "ok", what)
    oldest = ".".join(map(str, OLDEST_PYTHON))
    return Finding(
        "python",
        "error",
        what,
        _("trainlab needs Python {oldest} or later.").format(oldest=oldest),
        _("Install one and make a new environment with it."),
    )


def check_torch(torch: Torch, gpus: Sequence[str]) -> Finding:
    """A torch that imports."""
    if not torch.error:
        return Finding("torch", "ok", f"torch {torch.version}")
    what = _("torch cannot be imported")
    return Finding("torch", "error", what, torch.error, mend_torch(gpus))


def check_torchvision(torch: Torch, gpus: Sequence[str]) -> Finding:
    """A torchvision that imports, and was built for this torch."""
    name = "torchvision"
    if torch.vision_error:
        why = torch.vision_error
        if "torchvision::" in why:  # operator torchvision::nms does not exist
            why = _("torchvision was built for another torch than {torch} ({error}).").format(
                torch=torch.version, error=why
            )
        return Finding(name, "error", _("torchvision cannot be imported"), why, mend_torch(gpus))
    what = f"torchvision {torch.vision_version}"
    if torch.version and not _satisfied(torch.vision_wants, torch.version):
        why = _("It asks for {wanted}; torch {torch} is installed.").format(
            wanted=torch.vision_wants, torch=torch.version
        )
        return Finding(name, "error", what, why, mend_torch(gpus))
    return Finding(name, "ok", what)


def check_gpu(torch: Torch, gpus: Sequence[str]) -> Finding:
    """Every GPU of the machine (`gpus` by name) can be used by this torch."""
    if torch.cuda_works:
        return _check_architectures(torch)
    if not gpus or torch.error:
        return Finding("gpu", "ok", _("no NVIDIA GPU: training runs on the CPU"))
    what = _("{gpu} is here and not used").format(gpu=gpus[0])
    if not torch.built_for:
        why = _("This torch ({torch}) is built for the CPU only.").format(torch=torch.version)
        return Finding("gpu", "warning", what, why, mend_torch(gpus))
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.strip() in ("", "-1"):
        why = _("The environment variable CUDA_VISIBLE_DEVICES hides it.")
        return Finding("gpu", "warning", what, why, "unset CUDA_VISIBLE_DEVICES")
    why = torch.cuda_complaint or _("torch (built for CUDA {cuda}) cannot reach it.").format(
        cuda=torch.built_for
    )
    remedy = _("Update the NVIDIA driver, or install a torch built for an older CUDA.")
    return Finding("gpu", "warning", what, why, remedy)


def _check_architectures(torch: Torch) -> Finding:
    """Whether torch has code for each GPU it sees."""
    for name, architecture in torch.gpus:
        if not _runs_on(architecture, torch.architectures):
            return Finding(
                "gpu",
                "error",
                _("{gpu} cannot be used by this torch").format(gpu=name),
                _("It is {architecture}; torch {torch} has code for {architectures}.").format(
                    architecture=architecture,
                    torch=torch.version,
                    architectures=", ".join(torch.architectures),
                ),
                _("Install a torch built for this GPU, or train on the CPU."),
            )
    names = ", ".join(name for name, _architecture in torch.gpus)
    return Finding("gpu", "ok", names)


def check_cores(cores: int) -> Finding:
    """One core for the training and one for the page."""
    what = _("{cores} cores may be used").format(cores=cores)
    if cores >= 2:
        return Finding("cores", "ok", what)
    return Finding(
        "cores",
        "warning",
        what,
        _("Training and page share one core: both will be slow."),
        _("Give this process two cores or more (affinity, container limit)."),
    )


def check_writable(name: str, folder: Path) -> Finding:
    """A folder in which a file can really be written, or in whose parent it can be made."""
    try:
        with tempfile.TemporaryFile(dir=_existing(folder)) as file:
            file.write(b"trainlab")
    except OSError as error:
        what = _("no write access: {folder}").format(folder=folder)
        remedy = _("Give yourself access to it, or choose another folder.")
        return Finding(name, "error", what, str(error), remedy)
    return Finding(name, "ok", _("can write to {folder}").format(folder=folder))


def check_disk(folder: Path, needed: int = ROOMY) -> Finding:
    """Room for data and checkpoints on the disk that will hold `folder`."""
    free = shutil.disk_usage(_existing(folder)).free
    what = _("{free:.1f} GB free for runs").format(free=free / 1e9)
    if free >= needed:
        return Finding("disk", "ok", what)
    why = _("Data and checkpoints soon take {needed:.1f} GB.").format(needed=needed / 1e9)
    remedy = _("Make room, or choose a folder on another disk.")
    return Finding("disk", "warning", what, why, remedy)


def _existing(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    places = (folder.absolute(), *folder.absolute().parents)
    return next(place for place in places if os.path.exists(place))  # noqa: PTH110 (never raises)


def check_libraries(libraries: Mapping[str, str] = LIBRARIES) -> Finding:
    """The libraries of the page; training itself needs none of them."""
    missing = [name for name in libraries if util.find_spec(name) is None]
    if not missing:
        return Finding("libraries", "ok", _("the page has its libraries"))
    what = _("missing: {names}").format(names=", ".join(missing))
    needs = [_("{use} needs {library}").format(use=_(libraries[x]), library=x) for x in missing]
    return Finding("libraries", "warning", what, "; ".join(needs), _pip("install", *missing))


# ----------------------------------------------------------------------------- asking the machine


def ask_torch() -> Torch:
    """Import torch and torchvision and note what they say; an error is an answer too."""
    try:
        return _describe_torch()
    except Exception as error:
        return Torch(error=_reason(error), vision_error=_("It needs torch."))


def _describe_torch() -> Torch:
    import torch

    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        cuda_works = torch.cuda.is_available()
    vision_version, vision_error = _import_torchvision()
    return Torch(
        version=str(torch.__version__),
        vision_version=vision_version,
        vision_error=vision_error,
        vision_wants=_requirement("torchvision", "torch"),
        built_for=torch.version.cuda or torch.version.hip or "",
        cuda_works=cuda_works,
        cuda_complaint=" ".join(str(complaint.message) for complaint in complaints),
        gpus=tuple(_gpu(i) for i in range(torch.cuda.device_count() if cuda_works else 0)),
        architectures=tuple(torch.cuda.get_arch_list()),
    )


def _import_torchvision() -> tuple[str, str]:
    """Its version and no error, or no version and the error."""
    try:
        import torchvision
    except Exception as error:
        return "", _reason(error)
    return str(torchvision.__version__), ""


def _gpu(index: int) -> tuple[str, str]:
    """The name of a GPU that torch sees, and its architecture as torch writes it (not for ROCm)."""
    import torch

    major, minor = torch.cuda.get_device_capability(index)
    architecture = "" if torch.version.hip else f"sm_{major}{minor}"
    return torch.cuda.get_device_name(index), architecture


def _runs_on(gpu: str, architectures: Sequence[str]) -> bool:
    """Whether code for one of `architectures` runs on the architecture `gpu`.

    Machine code (sm_80) runs on later minor versions of the same major one; intermediate code
    (compute_80) on everything later:
    https://docs.nvidia.com/cuda/cuda-compiler-driver-nvcc/#gpu-compilation
    """
    device = _compute_capability(gpu)
    for architecture in architectures:
        built = _compute_capability(architecture)
        same_major = built // 10 == device // 10
        if built <= device and (same_major or architecture.startswith("compute_")):
            return True
    return gpu == "" or not architectures


def _compute_capability(architecture: str) -> int:
    """89 for "sm_89", 90 for "sm_90a"; 0 where there is no number."""
    digits = "".join(filter(str.isdecimal, architecture))
    return int(digits or 0)


def nvidia_gpus() -> tuple[str, ...]:
    """The names of this machine's NVIDIA GPUs, by the driver and not by torch."""
    try:
        listing = subprocess.run(
            ["nvidia-smi", "-L"], check=False, capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return ("NVIDIA GPU",) if Path("/dev/nvidia0").exists() else ()
    lines = [line for line in listing.stdout.splitlines() if line.startswith("GPU ")]
    return tuple(line.partition(": ")[2].partition(" (UUID")[0] for line in lines)


def _cores() -> int:
    from trainlab.engine.device import available_cores

    return available_cores()


def _requirement(distribution: str, name: str) -> str:
    """What a distribution asks of another: "torch==2.11.0"; empty where it asks nothing."""
    from packaging.requirements import Requirement

    try:
        lines = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        return ""
    wanted = (Requirement(line) for line in lines if "extra ==" not in line)
    return next((f"{name}{one.specifier}" for one in wanted if one.name == name), "")


def _satisfied(requirement: str, version: str) -> bool:
    from packaging.requirements import Requirement

    return not requirement or Requirement(requirement).specifier.contains(version, prereleases=True)


def _reason(error: Exception) -> str:
    """The kind and the first line of an error."""
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _pip(*arguments: str) -> str:
    """A pip command for this very environment, ready to be copied."""
    return shlex.join([sys.executable, "-m", "pip", *arguments])


def mend_torch(gpus: Sequence[str]) -> str:
    """The command that puts a matching pair of torch and torchvision here, both from one index."""
    index = () if gpus or sys.platform != "linux" else ("--index-url", CPU_INDEX)
    return _pip("install", "--force-reinstall", "torch", "torchvision", *index)
