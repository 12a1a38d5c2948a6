"""The plainest receiver of events there is, for `./dev bench delivery`: a row under a unique key, a commit per message.

`python -m tests.bench._delivery_prototype PORT FILE`: no alarm, no ticket, no journal; acknowledges as a hub does.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from core.wire import topics

_TABLE = """
CREATE TABLE event (id INTEGER PRIMARY KEY, edge TEXT, epoch TEXT, seq INTEGER, body TEXT, UNIQUE (edge, epoch, seq))
"""


def main() -> None:
    """Take in until killed; says `ready` when it listens."""
    port, file = int(sys.argv[1]), sys.argv[2]
    database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute(_TABLE)

    def take(client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        batch = json.loads(message.payload)
        rows = [
            (batch["edge"], batch["epoch"], one["seq"], json.dumps(one["body"])) for one in batch["events"]
        ]
        database.execute("BEGIN IMMEDIATE")
        database.executemany("INSERT OR IGNORE INTO event (edge, epoch, seq, body) VALUES (?, ?, ?, ?)", rows)
        database.execute("COMMIT")
        told = {"epoch": batch["epoch"], "through": rows[-1][2], "hub_epoch": "0"}
        client.publish(topics.topic(batch["edge"], topics.ACK), json.dumps(told), qos=1)

    from tests.bench.delivery import PASSWORDS, _no_delay

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="prototype", protocol=paho.MQTTv311)
    client.username_pw_set("hub", PASSWORDS["hub"])
    client.on_socket_open = _no_delay
    client.on_message = take
    client.on_connect = lambda client, *_: client.subscribe(topics.every_edge(topics.UP), 1)
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.connect("127.0.0.1", port)
    client.loop_forever()


if __name__ == "__main__":
    main()
