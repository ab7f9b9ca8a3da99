"""The Binder image installs what the project supports."""

import os
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = Path(__file__).resolve().parents[1]
BINDER = PROJECT / "binder"


def read_project() -> dict[str, object]:
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    project: dict[str, object] = tomllib.loads(text)["project"]
    return project


def dependencies() -> list[Requirement]:
    lines = read_project()["dependencies"]
    assert isinstance(lines, list)
    return [Requirement(line) for line in lines]


def read_pins() -> dict[str, Version]:
    """Each pinned version, by its normalised name."""
    pins: dict[str, Version] = {}
    for line in (BINDER / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith(("#", "--extra-index-url ")):
            continue
        name, _, version = line.partition("==")
        assert version, f"not an exact pin: {line}"
        assert canonicalize_name(name) not in pins, f"pinned twice: {name}"
        pins[canonicalize_name(name)] = Version(version)
    return pins


PINS = read_pins()
IMAGE = {  # the Python and the system that the pins are for
    "python_version": "3.11",
    "python_full_version": "3.11.9",
    "sys_platform": "linux",
    "platform_system": "Linux",
}


@pytest.mark.parametrize("dependency", dependencies(), ids=lambda dependency: dependency.name)
def test_dependency_is_pinned_inside_its_range(dependency: Requirement) -> None:
    pin = PINS[canonicalize_name(dependency.name)]
    assert dependency.specifier.contains(pin)


@pytest.mark.parametrize("name", sorted(PINS))
def test_what_a_pinned_version_needs_is_pinned_too(name: str) -> None:
    """Where the installed version is the pinned one, its own requirements are at hand."""
    try:
        installed = metadata.version(name)
    except metadata.PackageNotFoundError:
        pytest.skip("not installed here")
    if Version(installed).base_version != PINS[name].base_version:
        pytest.skip(f"{installed} is installed here")
    for requirement in map(Requirement, metadata.requires(name) or []):
        needed = canonicalize_name(requirement.name)
        if only_for_cuda(needed) or (requirement.marker and not requirement.marker.evaluate(IMAGE)):
            continue
        assert requirement.specifier.contains(PINS[needed]), f"{name} needs {requirement}"


def only_for_cuda(name: str) -> bool:
    """Whether torch's CUDA builds need it and its CPU builds do not."""
    return name.startswith(("cuda-", "nvidia-", "triton"))


def test_torch_and_torchvision_are_builds_for_the_cpu() -> None:
    assert PINS["torch"].local == PINS["torchvision"].local == "cpu"
    assert not [name for name in PINS if only_for_cuda(name)]


def test_python_is_one_that_the_project_supports() -> None:
    version = (BINDER / "runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-")
    supported = Requirement(f"python{read_project()['requires-python']}").specifier
    assert supported.contains(version)


@pytest.mark.parametrize("script", ["postBuild", "start"])
def test_script_can_be_run(script: str) -> None:
    assert os.access(BINDER / script, os.X_OK)
    assert (BINDER / script).read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n")
