"""One point that a machine publishes: what comes for it becomes its value and quality. Knows no topics, no payloads."""

from __future__ import annotations

from collections.abc import Callable

from core.domain.points import Quality
from edge_agent.channels import Feed, Value
from edge_agent.clock import Clock
from edge_agent.drivers.mqtt_json import Missing, Unreadable
from edge_agent.drivers.published import NoValue, shaper
from edge_agent.sinks import PublishingSink

RETAINED = "kept by the broker, nobody knows since when"
PATIENCE = 3  # messages without its path, until a point that never had a value is called wrong


class PublishedPoint:
    """Feeds one point."""

    __slots__ = ("_clock", "_missed", "_sink", "channel", "shape")

    def __init__(self, point_id: str, sink: PublishingSink, clock: Clock) -> None:
        self._sink, self._clock = sink, clock
        self.channel = sink.channel(point_id)
        self.channel.attach(Feed())
        self.shape = shaper(self.channel.point)
        self._missed = 0

    def take(self, find: Callable[[], object], retained: bool, expected: bool = True) -> str:
        """Feed what `find` gives; what was wrong, or nothing. `expected`: each message should have it."""
        channel, feed = self.channel, self.channel.feed
        try:
            value = self.shape(find())
        except NoValue as error:
            if not retained:
                self.lose(Quality.UNCERTAIN, str(error))
            return ""
        except Missing:
            return self._miss() if expected else ""
        except Unreadable as error:
            reason = f"'{channel.point.path}': {error}"
            self.lose(Quality.BAD_CONFIG, reason)
            return reason
        self._missed = 0
        previous_s = feed.good_s
        if retained:
            if value != channel.value or channel.quality not in (Quality.GOOD, Quality.UNCERTAIN):
                feed.scans += 1
                self._sink.put(channel, value, Quality.UNCERTAIN, RETAINED, previous_s)
            return ""
        feed.good_s = self._clock.steady_s()
        feed.scans += 1
        if (
            value != channel.value
            or type(value) is not type(channel.value)
            or channel.quality is not Quality.GOOD
        ):
            self._sink.put(channel, value, Quality.GOOD, "", previous_s)
        return ""

    def lose(self, quality: Quality, reason: str) -> None:
        """The point has no good value any more."""
        self._put(None, quality, reason)

    def doubt(self, reason: str) -> None:
        """What the point said last may be old by now; it is kept to be shown."""
        if self.channel.quality is Quality.GOOD:
            self._put(self.channel.value, Quality.UNCERTAIN, reason)

    def _put(self, value: Value, quality: Quality, reason: str) -> None:
        channel = self.channel
        if channel.quality is not quality or channel.value != value:
            if quality is Quality.UNCERTAIN:
                channel.feed.scans += 1
            self._sink.put(channel, value, quality, reason, channel.feed.good_s)

    def _miss(self) -> str:
        """Machines publish different or partial messages on one topic: only a path never seen is wrong."""
        if self.channel.feed.scans:
            return ""
        self._missed += 1
        if self._missed < PATIENCE:
            return ""
        reason = f"nothing at '{self.channel.point.path}'"
        self.lose(Quality.BAD_CONFIG, reason)
        return reason
