"""Languages, catalogues, filling of sentences, and errors in the reader's words."""

from __future__ import annotations

import contextvars

import pytest

from core import i18n
from core.errors import AppError, Forbidden, OutsideError


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("zh-Hans-CN", "zh_CN"),
        ("zh_CN.UTF-8", "zh_CN"),
        ("en_GB.UTF-8", "en"),
        ("fr-FR, en;q=0.8, zh;q=0.5", "en"),
        ("de", "zh_CN"),
        ("", "zh_CN"),
        (None, "zh_CN"),
    ],
)
def test_the_nearest_language_is_taken(tag: str | None, language: str) -> None:
    assert i18n.normalise(tag) == language


def test_a_language_holds_for_its_context_only() -> None:
    before = i18n.current()
    contextvars.copy_context().run(i18n.use, "en" if before == "zh_CN" else "zh_CN")
    assert i18n.current() == before


def test_codes_have_names_and_unknown_ones_show_themselves() -> None:
    assert i18n.label("ticket.state.new", "zh_CN") == "待受理"
    assert i18n.label("ticket.state.new", "en") == "New"
    assert i18n.label("no.such.code", "en") == "no.such.code"


def test_sentences_are_looked_up_in_every_domain() -> None:
    for sentence in ("the embedded MQTT broker alone", "Report a fault", "New ticket"):
        assert i18n._(sentence, "en") == sentence
    for sentence in (
        "the embedded MQTT broker alone",
        "Report a fault",
        "New ticket",
    ):  # core, phone, desktop
        assert i18n._(sentence, "zh_CN") != sentence


def test_counted_words_fall_back_to_english_forms() -> None:
    i18n.use("en")
    assert [i18n.ngettext("{n} thing here", "{n} things here", n) for n in (1, 2)] == [
        "{n} thing here",
        "{n} things here",
    ]


def test_filling_evaluates_nothing() -> None:
    assert i18n.fill("{a} and {b}", {"a": "{b.__class__}"}) == "{b.__class__} and {b}"


def test_an_error_is_explained_with_its_values() -> None:
    error = AppError("settings.no_file", "no settings file x", file="x.toml")
    assert "x.toml" in i18n.explain(error, "zh_CN")
    assert "x.toml" in i18n.explain(error, "en")
    assert i18n.explain(OutsideError("no.such_code", "the detail"), "en") == "the detail"


def test_a_code_among_the_values_is_told_by_its_name() -> None:
    error = Forbidden("auth.forbidden", action="ticket.edit")
    assert "编辑工单" in i18n.explain(error, "zh_CN")
    assert "Edit tickets" in i18n.explain(error, "en")


@pytest.mark.parametrize(("name", "language"), [("FETTLE_LANGUAGE", "en"), ("LC_ALL", "en"), ("LANG", "en")])
def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch, name: str, language: str) -> None:
    for variable in ("FETTLE_LANGUAGE", "LC_ALL", "LANG"):
        monkeypatch.delenv(variable, raising=False)
    assert i18n.from_environment() == "zh_CN"
    monkeypatch.setenv(name, "en_US.UTF-8")
    assert i18n.from_environment() == language
