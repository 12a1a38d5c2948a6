"""What all tests share: waiting for a condition instead of sleeping."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar

import pytest

from installer.build_hook import compile_catalogues

T = TypeVar("T")


def wait_for(condition: Callable[[], T], timeout_s: float = 10.0, step_s: float = 0.01) -> T:
    """The first truthy result of `condition`; AssertionError when there is none in `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"condition not met within {timeout_s} s")
        time.sleep(step_s)


def pytest_configure(config: pytest.Config) -> None:
    """Words that were translated since the last run are compiled, however pytest was started."""
    if not hasattr(config, "workerinput"):
        compile_catalogues(Path(__file__).resolve().parent.parent)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped test is a failed one: what a test needs, `./dev test` must have installed."""
    report = yield
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: skipped in CI: {report.longrepr}"
    return report
