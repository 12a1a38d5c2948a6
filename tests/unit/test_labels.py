"""What labels are made of."""

from __future__ import annotations

import pytest

from core.domain import labels


def test_tokens_are_long_enough_and_have_no_look_alikes() -> None:
    assert len(labels.ALPHABET) == 32 == len(set(labels.ALPHABET)) and labels.LENGTH * 5 >= 128
    assert not set("IO01") & set(labels.ALPHABET) and len(labels.SAMPLE) == labels.LENGTH


def test_a_token_typed_in_any_way_is_the_same() -> None:
    token = "ABCDEFGHJKLMNPQRSTUVWXYZ23"
    assert labels.grouped(token) == ("ABCDE FGHJ KLMN", "PQRST UVWX YZ23")
    assert (
        labels.normal(" ".join(labels.grouped(token)).lower())
        == token
        == labels.normal(f" {token[:5]}-{token[5:]}")
    )


@pytest.mark.parametrize(
    ("url", "holds"),
    [
        ("https://fettle.example.cn", "HTTPS://FETTLE.EXAMPLE.CN/Q/T2"),
        ("http://10.0.0.7:8750", "HTTP://10.0.0.7:8750/Q/T2"),
        ("https://example.cn/Fettle", "https://example.cn/Fettle/q/T2"),
    ],
)
def test_payload(url: str, holds: str) -> None:
    assert labels.payload(url, "T2") == holds
