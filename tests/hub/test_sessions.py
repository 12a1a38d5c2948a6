"""Log-in: hashes, back-off, sessions that end, rights that change at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr

from core.domain.people import Actor, Role
from core.errors import AppError, FettleError, NotFound, TooMany, Unauthenticated
from core.services import people, sessions
from core.storage.tables import JournalRow, LoginFailureRow, SessionRow
from core.wire.people import ChangePassword, LoggedIn, LogIn, SavePerson
from tests.hub.actors import person

PASSWORD = "Kran7 gelb Donnerstag"


@pytest.fixture
def admin(database: str) -> Actor:
    return person("Root", Role.ADMIN, login="root")


@pytest.fixture
def li(admin: Actor, now: datetime) -> int:
    new = SavePerson(name="Li Wei", login="liwei", password=SecretStr(PASSWORD), roles=[Role.TECHNICIAN])
    return people.create_person(admin, new, now=now).id


def log_in(
    now: datetime, password: str = PASSWORD, login: str = "liwei", address: str = "10.0.0.7"
) -> LoggedIn:
    return sessions.log_in(LogIn(login=login, password=SecretStr(password)), now=now, address=address)


def test_log_in_gives_a_token_and_what_one_may(li: int, now: datetime) -> None:
    opened = log_in(now, login=" LiWei ")
    assert len(opened.token) >= 43 and opened.me.id == li and opened.me.rights["ticket.work"] == "own"
    actor = sessions.session(opened.token, now=now, address="10.0.0.7")
    assert (actor.id, actor.roles, actor.address) == (li, frozenset({"technician"}), "10.0.0.7")
    assert sessions.me(actor).login == "liwei"
    stored = SessionRow.get()
    assert opened.token not in (stored.token_hash, str(list(JournalRow.select().dicts())))


def test_unknown_and_wrong_look_alike(li: int, now: datetime) -> None:
    codes = set()
    for login, password in (("liwei", "wrong wrong wrong"), ("nobody", PASSWORD)):
        with pytest.raises(Unauthenticated) as caught:
            log_in(now, password, login)
        codes.add((caught.value.code, caught.value.detail))
    assert len(codes) == 1
    told = [row.data["login"] for row in JournalRow.select().where(JournalRow.verb == "session.refused")]
    assert told == ["liwei", ""], "what is no login may be a password: not written down"


def test_wrong_passwords_make_one_wait_longer_and_longer(li: int, now: datetime) -> None:
    waits = []
    for _try in range(8):
        while True:
            try:
                log_in(now, "wrong wrong wrong")
            except TooMany as error:
                waits.append(int(error.params["retry_after_s"]))
                now += timedelta(seconds=waits[-1])
            except Unauthenticated:
                break
    assert waits == [15, 30, 60]
    with pytest.raises(TooMany):
        log_in(now)
    assert log_in(now + timedelta(seconds=300)).me.id == li
    assert LoginFailureRow.get_or_none(LoginFailureRow.key == "login:liwei") is None


def test_attempts_side_by_side_are_all_counted(li: int, now: datetime) -> None:
    def attempt(_n: int) -> str:
        try:
            log_in(now, "wrong wrong wrong")
        except FettleError as error:
            return error.code
        return "in"

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(attempt, range(12)))
    assert codes.count("login.wrong") == 5 and codes.count("login.wait") == 7


def test_an_address_has_its_own_limit(li: int, now: datetime) -> None:
    LoginFailureRow.create(key="address:10.0.0.7", count=50, last_at=now)
    with pytest.raises(TooMany):
        log_in(now)
    assert log_in(now, address="10.0.0.8").me.id == li


def test_sessions_end_by_idleness_and_age(li: int, now: datetime) -> None:
    token = log_in(now).token
    moment = now
    for _step in range(3):
        moment += timedelta(hours=11)
        sessions.session(token, now=moment)
    with pytest.raises(Unauthenticated):
        sessions.session(token, now=moment + timedelta(hours=12, seconds=1))
    token, moment = log_in(now).token, now
    with pytest.raises(Unauthenticated):
        while moment < now + timedelta(days=31):
            sessions.session(token, now=moment)
            moment += timedelta(hours=11)
    assert timedelta(days=29) < moment - now <= timedelta(days=31)


def test_seen_is_written_at_most_each_minute(li: int, now: datetime) -> None:
    token = log_in(now).token
    sessions.session(token, now=now + timedelta(seconds=50))
    assert SessionRow.get().seen_at == now
    sessions.session(token, now=now + timedelta(seconds=70))
    assert SessionRow.get().seen_at == now + timedelta(seconds=70)


def test_rights_change_at_once(admin: Actor, li: int, now: datetime) -> None:
    token = log_in(now).token
    assert sessions.session(token, now=now).roles == {"technician"}
    edited = SavePerson(name="Li Wei", login="liwei", roles=[Role.DISPATCHER])
    people.edit_person(admin, li, edited, now=now)
    assert sessions.session(token, now=now).roles == {"dispatcher"}
    people.edit_person(admin, li, edited.model_copy(update={"active": False}), now=now)
    with pytest.raises(Unauthenticated):
        sessions.session(token, now=now)
    with pytest.raises(Unauthenticated):
        log_in(now)


def test_a_new_password_ends_the_other_sessions(li: int, now: datetime) -> None:
    here, there = log_in(now).token, log_in(now).token
    actor = sessions.session(here, now=now)
    with pytest.raises(AppError) as caught:
        wrong = ChangePassword(old=SecretStr("no"), new=SecretStr("Vier Worte ohne Sinn"))
        sessions.change_password(actor, wrong, here, now=now)
    assert caught.value.code == "password.wrong_old"
    right = ChangePassword(old=SecretStr(PASSWORD), new=SecretStr("Vier Worte ohne Sinn"))
    sessions.change_password(actor, right, here, now=now)
    assert sessions.session(here, now=now).id == li
    with pytest.raises(Unauthenticated):
        sessions.session(there, now=now)
    with pytest.raises(Unauthenticated):
        log_in(now)
    assert log_in(now, "Vier Worte ohne Sinn").me.id == li


def test_own_sessions_are_shown_and_ended(admin: Actor, li: int, now: datetime) -> None:
    here, there = log_in(now).token, log_in(now, address="10.0.0.9").token
    actor = sessions.session(here, now=now)
    shown = sessions.own_sessions(actor, here)
    assert [(one.current, one.address) for one in shown] == [(False, "10.0.0.9"), (True, "10.0.0.7")]
    sessions.end_session(actor, shown[0].id, now=now)
    with pytest.raises(Unauthenticated):
        sessions.session(there, now=now)
    sessions.log_out(actor, here, now=now)
    with pytest.raises(Unauthenticated):
        sessions.session(here, now=now)


def test_nobody_ends_others_sessions(admin: Actor, li: int, now: datetime) -> None:
    log_in(now)
    with pytest.raises(FettleError):
        sessions.end_session(person("Tek", Role.TECHNICIAN), SessionRow.get().id, now=now)
    assert SessionRow.select().count() == 1


def test_reset_password_lets_the_locked_out_in(li: int, now: datetime) -> None:
    LoginFailureRow.create(key="login:liwei", count=50, last_at=now)
    new = sessions.reset_password("liwei", now=now)
    assert log_in(now, new).me.id == li
    with pytest.raises(NotFound):
        sessions.reset_password("nobody", now=now)


def test_a_clock_that_is_set_back_locks_nobody_out_for_long(li: int, now: datetime) -> None:
    for _try in range(5):
        with pytest.raises(Unauthenticated):
            log_in(now, "wrong wrong wrong")
    with pytest.raises(TooMany) as caught:
        log_in(now - timedelta(days=1))
    assert int(caught.value.params["retry_after_s"]) <= 15
