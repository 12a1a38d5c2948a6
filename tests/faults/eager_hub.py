"""A hub with a fault built in, for the harness to catch: it acknowledges alarms before they are committed, and dies."""

from __future__ import annotations

import os
import signal
import sys
from datetime import datetime

from core.cli import main
from core.hub.mqtt import HubMqtt
from core.wire import topics
from core.wire.uplink import UplinkAck, UplinkBatch

_handle = HubMqtt._handle


def _acknowledge_first(self: HubMqtt, topic: str, messages: list[tuple[bytes, datetime]]) -> None:
    found = topics.edge_of(topic)
    payload = messages[-1][0]
    if found is None or found[1] != topics.UP or b'"alarm_raised"' not in payload:
        _handle(self, topic, messages)
        return
    batch = UplinkBatch.model_validate_json(payload)
    ack = UplinkAck(epoch=batch.epoch, through=batch.events[-1].seq, hub_epoch=_hub_epoch())
    sent = self._client.publish(topics.topic(found[0], topics.ACK), ack.model_dump_json().encode(), qos=1)
    sent.wait_for_publish(10)
    os.kill(os.getpid(), signal.SIGKILL)


def _hub_epoch() -> str:
    from core.services import settings

    return settings.hub_epoch()


if __name__ == "__main__":
    HubMqtt._handle = _acknowledge_first  # type: ignore[method-assign]
    sys.exit(main(sys.argv[1:]))
