from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.simulated import Cloud, GcpCloud


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path / "world")


@pytest.fixture
def clouds(tmp_path: Path) -> Callable[..., Cloud]:
    """Providers that share one world."""

    def another(**config: Any) -> Cloud:
        return Cloud(tmp_path / "world", **config)

    return another


@pytest.fixture
def gcp(tmp_path: Path) -> GcpCloud:
    return GcpCloud(tmp_path / "world")


@pytest.fixture
def gcps(tmp_path: Path) -> Callable[..., GcpCloud]:
    """Providers of GCP that share one world."""

    def another(**config: Any) -> GcpCloud:
        return GcpCloud(tmp_path / "world", **config)

    return another
