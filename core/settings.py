"""What an administrator sets before a program starts: one TOML file, the environment over it.

Knows the keys, their defaults and their meaning (`docs/settings.md` is made from here); what users
edit while the hub runs lives in the database. The environment wins: `[broker] port` of the hub is
`FETTLE_HUB__BROKER__PORT`. An unknown key is an error that names the nearest known one.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from core.errors import AppError
from core.paths import data_dir


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HttpSettings(_Section):
    host: str = Field("127.0.0.1", description="Address the hub listens on; 0.0.0.0 for the whole LAN.")
    port: int = Field(8750, ge=0, le=65535, description="TCP port of HTTP; 0 picks a free one.")
    public_url: str = Field(
        "",
        description="Address that phones reach, printed into labels and links, such as "
        "https://fettle.example.cn. Empty: http://host:port of this computer.",
    )
    trusted_proxies: list[str] = Field(
        default_factory=list, description="Addresses whose X-Forwarded-For header is believed."
    )
    tls_cert: Path | None = Field(None, description="Certificate file (PEM); with `tls_key` turns HTTPS on.")
    tls_key: Path | None = Field(None, description="Private key file (PEM) of `tls_cert`.")
    tls_ca: Path | None = Field(
        None,
        description="Certificate authority of `tls_cert` (PEM) when it is one of your own: edges that join are "
        "given it, with that of the broker, and then trust no other.",
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, values: list[str]) -> list[str]:
        for value in values:
            ip_network(value.strip(), strict=False)  # its ValueError names the wrong one
        return values


class BrokerSettings(_Section):
    url: str = Field(
        "",
        description="mqtt://host:port or mqtts://host:port of an outside broker. Empty: the embedded one.",
    )
    bind: str = Field(
        "127.0.0.1", description="Address of the embedded broker; 0.0.0.0 for edges on the LAN."
    )
    port: int = Field(1883, ge=0, le=65535, description="Port of the embedded broker; 0 picks a free one.")
    public_host: str = Field(
        "", description="Broker host told to edges that join. Empty: the host of the hub's public address."
    )
    username: str = Field("hub", description="The hub's own login at the broker.")
    password: SecretStr | None = Field(
        None, description="The hub's password at an outside broker; better as `password_file`."
    )
    password_file: Path | None = Field(None, description="File that holds the hub's broker password.")
    ca_file: Path | None = Field(None, description="Certificate authority of an mqtts broker (PEM).")
    mosquitto_dir: Path | None = Field(
        None,
        description="Folder in which the hub keeps Mosquitto's `passwords` and `acl` files up to date.",
    )
    shared_group: str = Field(
        "",
        pattern="^[A-Za-z0-9_-]{0,40}$",
        description="Name under which several hubs on one PostgreSQL share the edges' events at an outside broker.",
    )


class LimitSettings(_Section):
    upload_mib: int = Field(8, ge=1, le=64, description="Largest photo or file, MiB.")
    uploads_per_report: int = Field(3, ge=0, le=10, description="Most files with one anonymous report.")
    reports_per_label: int = Field(6, ge=1, description="Anonymous reports per label in ten minutes.")
    login_attempts: int = Field(5, ge=1, description="Wrong passwords before an account has to wait.")


class HistorySettings(_Section):
    raw_days: int = Field(3, ge=1, le=90, description="Days that readings are kept as edges send them.")
    minute_days: int = Field(90, ge=1, le=3660, description="Days that readings are kept by the minute.")
    hour_days: int = Field(1096, ge=1, le=36600, description="Days that readings are kept by the hour.")
    quota_mib: int = Field(
        8192,
        ge=64,
        description="Most disk for readings beside a SQLite database, MiB; the oldest go first.",
    )


class HubSettings(_Section):
    """`fettle hub`, file `hub.toml`."""

    data_dir: Path = Field(
        default_factory=lambda: data_dir("hub"), description="Database, files and secrets of the hub."
    )
    database_url: str = Field(
        "", description="postgresql://user:password@host/name. Empty: SQLite in `data_dir`."
    )
    timezone: str = Field("Asia/Shanghai", description="Time zone of the plant (IANA name).")
    language: Literal["zh_CN", "en"] = Field("zh_CN", description="Language of notices and new accounts.")
    currency: str = Field("CNY", pattern="^[A-Z]{3}$", description="ISO 4217 code of all money.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least level written."
    )
    http: HttpSettings = HttpSettings()
    broker: BrokerSettings = BrokerSettings()
    limits: LimitSettings = LimitSettings()
    history: HistorySettings = HistorySettings()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, OSError):  # a folder of the time zone data is an OSError
            raise ValueError(f"no time zone {name!r}; use an IANA name such as Asia/Shanghai") from None
        return name


class EdgeSettings(_Section):
    """`fettle edge`, file `edge.toml`; the devices come from the hub or from `--config`."""

    data_dir: Path = Field(
        default_factory=lambda: data_dir("edge"), description="Outbox, cached configuration and login."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least level written."
    )
    outbox_quota_mib: int = Field(512, ge=32, description="Most disk for events and charts, MiB.")
    keep_acked_h: int = Field(72, ge=0, description="Hours that acknowledged events stay for a replay.")
    uplink_window: int = Field(64, ge=1, le=500, description="Events under way before an acknowledgement.")


class ConsoleSettings(_Section):
    """`fettle console`, file `console.toml`; most of it is kept by the console itself."""

    data_dir: Path = Field(
        default_factory=lambda: data_dir("console"),
        description="Window layout, hub address and crash reports.",
    )
    hub_url: str = Field("", description="Hub to connect to; empty asks on the first run.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "WARNING", description="Least level written."
    )


S = TypeVar("S", bound=_Section)
ENV_PREFIX: Mapping[type[_Section], str] = {
    HubSettings: "FETTLE_HUB__",
    EdgeSettings: "FETTLE_EDGE__",
    ConsoleSettings: "FETTLE_CONSOLE__",
}


def load(model: type[S], file: Path | None = None, **given: Any) -> S:
    """Read `file` (or the default one, if it is there), then the environment, then `given` from the command line.

    Raises AppError `settings.*` naming the file, the key and the remedy.
    """
    program = ENV_PREFIX[model].split("_")[1].lower()
    path = file or data_dir(program) / f"{program}.toml"
    values: dict[str, Any] = {}
    if file is not None or path.exists():
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise AppError("settings.no_file", f"no settings file {path}", file=path) from None
        except OSError as error:
            raise AppError(
                "settings.unreadable",
                f"cannot read {path}: {error}",
                file=path,
                reason=error.strerror or error,
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise AppError("settings.not_toml", f"{path}: {error}", file=path, reason=error) from None
    above = _from_environment(ENV_PREFIX[model])
    _refuse_unknown(model, values, "", str(path))
    _refuse_unknown(model, above, "", f"{ENV_PREFIX[model]}*")
    _merge(values, above)
    _merge(values, {key: value for key, value in given.items() if value is not None})
    _refuse_unknown(model, values, "", str(path))
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise AppError(
            "settings.bad_value",
            f"{path}: {key}: {reason}",
            fields={key: first["type"]},
            key=key,
            reason=reason,
            file=path,
        ) from None


def _from_environment(prefix: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in os.environ.items():
        if name.startswith(prefix):
            *sections, key = name.removeprefix(prefix).lower().split("__")
            inner = values
            for section in sections:
                if not isinstance(inner.get(section), dict):
                    inner[section] = {}
                inner = inner[section]
            inner[key] = value.split(",") if key == "trusted_proxies" else value
    return values


def _merge(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(below.get(key), dict):
            _merge(below[key], value)
        else:
            below[key] = value


def _refuse_unknown(model: type[BaseModel], values: Mapping[str, Any], where: str, file: str) -> None:
    for key, value in values.items():
        known = model.model_fields
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            nearest = where + near[0] if near else ", ".join(where + name for name in known)
            raise AppError(
                "settings.unknown_key",
                f"{file}: unknown key {where}{key}; did you mean {nearest}?",
                fields={where + key: "unknown"},
                key=where + key,
                nearest=nearest,
                file=file,
            )
        inner = known[key].annotation
        if isinstance(value, Mapping) and isinstance(inner, type) and issubclass(inner, BaseModel):
            _refuse_unknown(inner, value, f"{where}{key}.", file)


def describe(model: type[BaseModel], where: str = "") -> Iterator[tuple[str, str, str]]:
    """(key, default, meaning) of every setting, for the documents."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from describe(inner, f"{where}{name}.")
        else:
            default = (
                "(per user)"
                if field.default_factory and name == "data_dir"
                else field.get_default(call_default_factory=True)
            )
            yield where + name, "" if default is None else str(default), field.description or ""
