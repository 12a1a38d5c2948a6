"""The command `fettle`: finding programs, missing extras, errors told in words."""

from __future__ import annotations

import argparse
from importlib.metadata import EntryPoint

import pytest

from core import __version__, cli
from core.errors import AppError


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FETTLE_LANGUAGE", "en")
    monkeypatch.setenv("LANGUAGE", "fr")  # the command sets it: put back afterwards


def program(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Let the entry point `name` lead to `value`."""
    entry = EntryPoint(name=name, value=value, group="fettle.commands")
    monkeypatch.setattr(cli, "entry_points", lambda group, name: (entry,))


def refuse(_args: list[str]) -> int:
    raise AppError("settings.no_file", file="x.toml")


def interrupted(_args: list[str]) -> int:
    raise KeyboardInterrupt


def parse(args: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="fettle edge")
    parser.add_argument("--port", type=int)
    return int(parser.parse_args(args).port)


def count(args: list[str]) -> int:
    return len(args)


def test_alone_it_tells_its_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert cli.main(["--help"]) == 0
    assert "console" in capsys.readouterr().out


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"fettle {__version__}\n"


def test_an_unknown_program_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["hob"]) == 2
    assert "'hob'" in capsys.readouterr().err


def test_the_rest_of_the_line_goes_to_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    program(monkeypatch, "edge", f"{__name__}:count")
    assert cli.main(["edge", "a", "b"]) == 2


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program(monkeypatch, "console", "no_such_library_of_others:main")
    assert cli.main(["console"]) == 3
    assert "pip install 'fettle[desktop]'" in capsys.readouterr().err


def test_a_fault_of_ours_is_no_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    program(monkeypatch, "edge", "core.no_such_module:main")
    with pytest.raises(ModuleNotFoundError):
        cli.main(["edge"])


def test_an_error_is_explained_and_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program(monkeypatch, "hub", f"{__name__}:refuse")
    assert cli.main(["hub"]) == 1
    assert "x.toml" in capsys.readouterr().err


def test_control_c_ends_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    program(monkeypatch, "hub", f"{__name__}:interrupted")
    assert cli.main(["hub"]) == 130


@pytest.mark.parametrize(("language", "words"), [("zh_CN", "无效的 int 值"), ("en", "invalid int value")])
def test_a_wrong_call_is_told_in_the_users_language(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], language: str, words: str
) -> None:
    monkeypatch.setenv("FETTLE_LANGUAGE", language)
    program(monkeypatch, "edge", f"{__name__}:parse")
    with pytest.raises(SystemExit) as ended:
        cli.main(["edge", "--port", "x"])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
