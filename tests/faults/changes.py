"""What a test changes in a program it starts: shorter pauses, and faults built in, for the harness to catch.

Each is applied in the child process after all is imported; nothing of it lives in the product.
"""

from __future__ import annotations

from collections.abc import Callable

CHANGES: dict[str, Callable[[], None]] = {}


def change(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Enter a change under its name."""

    def enter(apply: Callable[[], None]) -> Callable[[], None]:
        CHANGES[name] = apply
        return apply

    return enter


@change("brisk")
def _brisk() -> None:
    """All pauses that only keep a network calm are a tenth, so that a round takes a second and not ten."""
    from core.hub import mqtt
    from edge_agent import agent, delivery, uplink
    from edge_agent.drivers import mqtt_link

    mqtt_link.PAUSE_FIRST_S, mqtt_link.PAUSE_MOST_S = 0.05, 0.5
    mqtt.RECONNECT_MOST_S = 0.5
    delivery.RESEND_FIRST_S, delivery.RESEND_MOST_S = 0.4, 2.0
    uplink.BULK_EVERY_S = 0.5
    agent.Agent.__init__.__defaults__ = (None, None, 3.0)  # the broker is given up after 3 s instead of 15
