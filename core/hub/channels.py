"""Carries one notice to one address through apprise: mail, WeCom, DingTalk, Feishu, SMS, webhooks and many more."""

from __future__ import annotations

import logging
from functools import cache
from types import ModuleType

from core.errors import AppError, OutsideError


@cache
def _apprise() -> ModuleType:
    # Loading its hundred channels takes longer than starting the hub, and many hubs send nothing.
    import apprise

    return apprise


class _Reasons(logging.Handler):
    """apprise answers with yes or no, and tells why only in its log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def send(address: str, title: str, body: str) -> None:
    """Send now, and wait for it. AppError `notice.bad_address`; OutsideError `notice.not_sent` with the reason."""
    apprise = _apprise()
    channel = apprise.Apprise()
    if not channel.add(address):
        raise AppError(
            "notice.bad_address", "no channel understands this address", {"notify_urls": "unknown"}
        )
    reasons = _Reasons()
    apprise.logger.addHandler(reasons)
    try:
        sent = channel.notify(body=body or title, title=title)
    finally:
        apprise.logger.removeHandler(reasons)
    if not sent:
        reason = "; ".join(reasons.said)[:200] or "refused"
        raise OutsideError("notice.not_sent", reason, reason=reason)
