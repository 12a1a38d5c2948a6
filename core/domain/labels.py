"""The secret of a label: what it is made of, and how it is written into a QR code."""

from __future__ import annotations

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # 32 letters without look-alikes: 5 bits each
LENGTH = 26  # 130 bits
SAMPLE = "SAMPLE" + "2" * (LENGTH - 6)  # of previews: never given to an asset


def normal(token: str) -> str:
    """A token as it was made, however it was typed: any case, with or without gaps."""
    return "".join(c for c in token.upper() if c.isalnum())


def grouped(token: str) -> tuple[str, str]:
    """A token as two lines of groups, to be read off a label and typed."""
    first, second = token[: LENGTH // 2], token[LENGTH // 2 :]
    return (f"{first[:5]} {first[5:9]} {first[9:]}", f"{second[:5]} {second[5:9]} {second[9:]}")


def payload(public_url: str, token: str) -> str:
    """What the code holds: `HTTPS://HOST/Q/TOKEN`, upper case so that it fits QR's smaller alphanumeric mode.

    Scheme and host know no case, and the hub takes either; a path below the host is left as it is.
    """
    upper = f"{public_url.upper()}/Q/{token}"
    has_path = "/" in public_url.split("://", 1)[-1]
    return f"{public_url}/q/{token}" if has_path else upper
