import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from trainlab import doctor
from trainlab.doctor import Finding, Torch

GOOD = Torch(
    version="2.15.0+cu132",
    vision_version="0.29.2+cu132",
    vision_wants="torch>=2.14.0",
    built_for="13.2",
    cuda_works=True,
    gpus=(("H200", "sm_90"),),
    architectures=("sm_80", "sm_90"),
)
ON_CPU = replace(GOOD, version="2.15.0+cpu", built_for="", cuda_works=False, gpus=())


def diagnose_with(folder: Path, files: dict[str, str]) -> dict[str, Finding]:
    """The findings, by name, of a new Python that finds these packages first."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    program = (
        "from pathlib import Path; from trainlab.doctor import diagnose, to_json; "
        "print(to_json(diagnose(Path('runs'), Path('cache'))))"
    )
    project = Path(doctor.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{project}"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    fields = ("name", "severity", "what", "why", "remedy")
    return {each["name"]: Finding(*(each[f] for f in fields)) for each in json.loads(done.stdout)}


def test_this_machine_is_in_order(tmp_path: Path) -> None:
    findings = doctor.diagnose(tmp_path / "runs", tmp_path / "cache")
    assert [finding for finding in findings if finding.severity == "error"] == []
    assert {"torch", "torchvision", "gpu", "runs", "cache"} <= {
        finding.name for finding in findings
    }
    assert list(tmp_path.iterdir()) == [], "a diagnosis leaves nothing behind"


def test_old_python() -> None:
    assert doctor.check_python((3, 11, 0)).ok
    finding = doctor.check_python((3, 10, 4))
    assert finding.severity == "error"
    assert "3.11" in finding.why


# ------------------------------------------------------------------------- torch and torchvision


def test_torchvision_of_another_build_is_recognised(tmp_path: Path) -> None:
    broken = "raise RuntimeError('operator torchvision::nms does not exist')"
    found = diagnose_with(tmp_path, {"torchvision/__init__.py": broken})
    assert found["torch"].ok
    assert found["torchvision"].severity == "error"
    assert "another torch" in found["torchvision"].why
    assert "--force-reinstall torch torchvision" in found["torchvision"].remedy


def test_torch_that_does_not_load(tmp_path: Path) -> None:
    broken = "import ctypes; ctypes.CDLL('libnot.so')"
    found = diagnose_with(tmp_path, {"torch/__init__.py": broken})
    assert found["torch"].severity == "error"
    assert "libnot.so" in found["torch"].why
    assert "--force-reinstall torch torchvision" in found["torch"].remedy
    assert not found["torchvision"].ok
    assert found["python"].ok, "the other checks go on"


def test_remains_of_a_torch_without_its_files(tmp_path: Path) -> None:
    found = diagnose_with(tmp_path, {"torch/__init__.py": ""})
    assert "AttributeError" in found["torch"].why


@pytest.mark.parametrize(
    ("wants", "version", "fits"),
    [
        ("torch==2.11.0", "2.11.0+cpu", True),
        ("torch==2.11.0", "2.15.0", False),
        ("torch>=2.14.0", "2.15.0+cu132", True),
        ("torch>=2.14.0", "2.11.0", False),
        ("torch>=2.14.0", "2.16.0.dev20261101", True),
        ("", "2.15.0", True),
    ],
)
def test_torchvision_says_which_torch_it_fits(wants: str, version: str, fits: bool) -> None:
    finding = doctor.check_torchvision(replace(GOOD, version=version, vision_wants=wants), gpus=())
    assert finding.ok == fits
    assert fits or wants in finding.why


def test_installed_torchvision_names_its_torch() -> None:
    assert doctor._requirement("torchvision", "torch").startswith("torch")
    assert doctor._requirement("no-such-distribution", "torch") == ""


def test_mending_takes_both_from_one_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert doctor.mend_torch(gpus=()).endswith(f"torch torchvision --index-url {doctor.CPU_INDEX}")
    assert doctor.mend_torch(gpus=("H200",)).endswith("--force-reinstall torch torchvision")


# ------------------------------------------------------------------------------------------ GPUs


def test_gpu_in_use() -> None:
    assert doctor.check_gpu(GOOD, gpus=("H200",)) == Finding("gpu", "ok", "H200")


def test_no_gpu_is_in_order() -> None:
    assert doctor.check_gpu(ON_CPU, gpus=()).ok


def test_gpu_with_a_torch_for_the_cpu() -> None:
    finding = doctor.check_gpu(ON_CPU, gpus=("H200",))
    assert finding.severity == "warning"
    assert "CPU only" in finding.why
    assert finding.remedy.endswith("--force-reinstall torch torchvision")


def test_gpu_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    silent = replace(GOOD, cuda_works=False, gpus=())
    assert "13.2" in doctor.check_gpu(silent, gpus=("H200",)).why
    complaint = "The NVIDIA driver on your system is too old (found version 11040)."
    finding = doctor.check_gpu(replace(silent, cuda_complaint=complaint), gpus=("H200",))
    assert finding.severity == "warning"
    assert finding.why == complaint


def test_gpu_hidden_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    finding = doctor.check_gpu(replace(GOOD, cuda_works=False, gpus=()), gpus=("H200",))
    assert finding.severity == "warning"
    assert "CUDA_VISIBLE_DEVICES" in finding.remedy


@pytest.mark.parametrize(
    ("gpu", "architectures", "runs"),
    [
        ("sm_90", ("sm_80", "sm_90"), True),
        ("sm_89", ("sm_80", "sm_90"), True),  # a later minor version of 8
        ("sm_80", ("sm_86", "sm_90"), False),  # an earlier one
        ("sm_70", ("sm_75", "sm_80"), False),
        ("sm_121", ("sm_90", "compute_120"), True),
        ("sm_121", ("sm_90", "sm_100"), False),
        ("", ("gfx90a",), True),  # ROCm
    ],
)
def test_code_for_the_gpu(gpu: str, architectures: tuple[str, ...], runs: bool) -> None:
    torch = replace(GOOD, gpus=(("one", gpu),), architectures=architectures)
    assert doctor.check_gpu(torch, gpus=("one",)).ok == runs


def test_driver_lists_its_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA H200 (UUID: GPU-1)'\necho 'a warning'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert doctor.nvidia_gpus() == ("NVIDIA H200",)


# ---------------------------------------------------------------------- cores, folders, libraries


def test_one_core_is_few() -> None:
    assert doctor.check_cores(2).ok
    assert doctor.check_cores(1).severity == "warning"


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    finding = doctor.check_writable("runs", tmp_path / "file" / "runs")
    assert finding.severity == "error"
    assert str(tmp_path / "file" / "runs") in finding.what


def test_folder_that_can_be_made(tmp_path: Path) -> None:
    assert doctor.check_writable("runs", tmp_path / "a" / "b").ok


def test_full_disk(tmp_path: Path) -> None:
    assert doctor.check_disk(tmp_path / "not" / "yet", needed=1).ok
    assert doctor.check_disk(tmp_path, needed=2**80).severity == "warning"


def test_missing_libraries() -> None:
    finding = doctor.check_libraries({"json": "reading", "no_such_library": "the live chart"})
    assert finding.severity == "warning"
    assert finding.what == "missing: no_such_library"
    assert "the live chart" in finding.why
    assert finding.remedy.endswith("pip install no_such_library")


# ---------------------------------------------------------------------------------------- output


def test_report_for_people() -> None:
    text = doctor.render(
        [
            Finding("python", "ok", "Python 3.12"),
            Finding("cores", "warning", "1 core", "slow", "more"),
        ]
    )
    assert text.splitlines() == [
        "ok       Python 3.12",
        "warning  1 core",
        "         slow",
        "         more",
    ]


def test_report_for_programs() -> None:
    (finding,) = json.loads(doctor.to_json([Finding("cores", "warning", "1 core", "slow", "more")]))
    assert finding == {
        "name": "cores",
        "severity": "warning",
        "what": "1 core",
        "why": "slow",
        "remedy": "more",
        "ok": False,
    }
