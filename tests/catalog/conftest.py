"""An empty store, the well-known data sets published in small, and the player of scripts."""

from pathlib import Path

import pytest

from tests.catalog.published import Pixels, Publisher, real_digits, real_photos
from tests.conformance.playing import play, replay  # noqa: F401 (fixtures)
from trainlab.catalog.datasets import download as downloads
from trainlab.catalog.datasets.famous import Famous
from trainlab.choice import choices


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store, and mirrors that nobody answers at, so that no test reaches the network."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache" / name)
    monkeypatch.setattr(downloads, "BACK_OFF", 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for choice in choices(Famous):
        monkeypatch.setattr(choice, "mirror", "http://127.0.0.1:9/")
    return tmp_path / "cache" / "trainlab" / "datasets"


@pytest.fixture(scope="session")
def digits(shared: Path) -> Pixels:
    return real_digits(shared)


@pytest.fixture(scope="session")
def photos(shared: Path) -> Pixels:
    return real_photos(shared)


@pytest.fixture
def publisher(
    cache: Path, monkeypatch: pytest.MonkeyPatch, digits: Pixels, photos: Pixels
) -> Publisher:
    """Publishes small archives of real images, beside the empty store."""
    return Publisher(cache.parents[2] / "published", monkeypatch, digits, photos)
