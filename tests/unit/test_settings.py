"""Settings: file, environment over it, command line over both; every fault names key and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import settings
from core.errors import AppError
from core.i18n import explain
from core.settings import ConsoleSettings, EdgeSettings, HubSettings, describe, load

PROGRAMS = (HubSettings, EdgeSettings, ConsoleSettings)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FETTLE_HOME", str(tmp_path))
    return tmp_path


def write(folder: Path, text: str) -> Path:
    file = folder / "hub.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_defaults_when_there_is_no_file(home: Path) -> None:
    hub = load(HubSettings)
    assert hub.http.port == 8750
    assert hub.data_dir == home / "hub"
    assert load(EdgeSettings).keep_acked_h == 72


def test_the_default_file_is_read(home: Path) -> None:
    (home / "hub").mkdir()
    write(home / "hub", "[broker]\nport = 1999")
    assert load(HubSettings).broker.port == 1999


def test_environment_wins_over_file_and_command_line_over_both(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(home, 'timezone = "UTC"\n[http]\nport = 1\nhost = "10.0.0.1"')
    monkeypatch.setenv("FETTLE_HUB__HTTP__PORT", "2")
    monkeypatch.setenv("FETTLE_HUB__HTTP__TRUSTED_PROXIES", "10.0.0.2,10.0.0.3")
    hub = load(HubSettings, file, timezone="Asia/Tokyo", language=None)
    assert (hub.http.port, hub.http.host, hub.timezone) == (2, "10.0.0.1", "Asia/Tokyo")
    assert hub.http.trusted_proxies == ["10.0.0.2", "10.0.0.3"]


@pytest.mark.parametrize(
    ("text", "key", "nearest"),
    [
        ('[http]\nprot = "1"', "http.prot", "http.port"),
        ('time_zone = "UTC"', "time_zone", "timezone"),
        ("[zzz]\na = 1", "zzz", "data_dir"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(home: Path, text: str, key: str, nearest: str) -> None:
    file = write(home, text)
    with pytest.raises(AppError) as caught:
        load(HubSettings, file)
    assert caught.value.code == "settings.unknown_key"
    assert caught.value.fields == {key: "unknown"}
    for language in ("zh_CN", "en"):
        words = explain(caught.value, language)
        assert key in words and nearest in words and str(file) in words


def test_an_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FETTLE_HUB__HTTP__PRT", "2")
    with pytest.raises(AppError) as caught:
        load(HubSettings)
    assert "FETTLE_HUB__" in explain(caught.value, "en")
    assert "http.port" in explain(caught.value, "en")


@pytest.mark.parametrize(
    ("text", "code", "names"),
    [
        ("[http]\nport = 70000", "settings.bad_value", "http.port"),
        ('language = "fr"', "settings.bad_value", "language"),
        ("http = 3", "settings.bad_value", "http"),
        ("[http", "settings.not_toml", "hub.toml"),
    ],
)
def test_a_wrong_value_or_file_is_refused_by_name(home: Path, text: str, code: str, names: str) -> None:
    with pytest.raises(AppError) as caught:
        load(HubSettings, write(home, text))
    assert caught.value.code == code
    assert names in explain(caught.value, "zh_CN")


def test_a_missing_file_and_a_folder_are_refused(home: Path) -> None:
    with pytest.raises(AppError) as caught:
        load(HubSettings, home / "none.toml")
    assert caught.value.code == "settings.no_file"
    with pytest.raises(AppError) as caught:
        load(HubSettings, home)
    assert caught.value.code == "settings.unreadable"


def test_a_section_given_as_a_word_and_as_a_section_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FETTLE_HUB__HTTP", "x")
    monkeypatch.setenv("FETTLE_HUB__HTTP__PORT", "80")
    try:
        load(HubSettings)
    except AppError as error:
        assert error.code == "settings.bad_value"


def test_secrets_do_not_show(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FETTLE_HUB__BROKER__PASSWORD", "hunter2-hunter2")
    hub = load(HubSettings)
    assert "hunter2" not in repr(hub)
    assert hub.broker.password is not None and hub.broker.password.get_secret_value() == "hunter2-hunter2"


@pytest.mark.parametrize("model", PROGRAMS)
def test_every_key_says_what_it_means(model: type[settings.HubSettings]) -> None:
    assert [key for key, _default, meaning in describe(model) if not meaning.endswith(".")] == []
