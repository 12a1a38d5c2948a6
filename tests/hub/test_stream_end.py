"""How a live stream ends: with the log-in, and with the hub."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import wait_for
from tests.hub.running import RunningHub, running
from tests.hub.test_stream import stream


@pytest.fixture
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A hub of its own, whose streams beat ten times a second."""
    with running(tmp_path_factory.mktemp("quick"), beat_s=0.1) as found:
        found.set_up()
        yield found


def test_a_stream_beats_and_ends_with_the_log_in(quick: RunningHub) -> None:
    token, quick.token = quick.token, quick.person("guest", "technician")
    with stream(quick) as reader:
        wait_for(lambda: ": beat" in reader.comments)
        quick.post("/logout")
        assert reader.ended.wait(10)
    quick.token = token


def test_a_stream_ends_when_the_hub_stops(quick: RunningHub) -> None:
    with stream(quick) as reader:
        quick.hub.stop()
        assert reader.ended.wait(10)
