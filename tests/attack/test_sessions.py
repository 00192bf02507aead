"""A session that has ended, was taken over or was fixed"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from access_samples import PASSWORD, account
from attack.world import Visitor, World
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from triage.access.roles import Role
from triage.pipeline.installation import Installation
from triage.settings import Settings
from triage.web.cookies import SESSION

#: Seconds within which an ended session is noticed everywhere.
NOTICED = 5


def lives(world: World, secret: str) -> bool:
    return world.visitor().get("/session", headers={"Cookie": f"{SESSION}={secret}"}).status_code == 200


def ended(world: World, secret: str) -> bool:
    deadline = time.monotonic() + NOTICED
    while lives(world, secret):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def test_after_the_sign_out(world: World) -> None:
    """the cookie after the sign-out -> 401 at once"""
    one = world.enter("eva")
    secret = one.secret
    assert lives(world, secret)
    one.post("/sign-out", headers={"Origin": world.base})
    assert not lives(world, secret)


@pytest.mark.parametrize(("column", "minutes"), [("seen_at", 31), ("made_at", 13 * 60)])
def test_after_its_time(world: World, column: str, minutes: int) -> None:
    """the cookie of a session without a person for longer than the idle time, or older than the limit -> 401"""
    with closing(Installation(Settings(home=world.home, worker="separate"))) as installation:
        eva = next(one for one in installation.access.directory.accounts() if one.login == "eva")
        fresh, old = (installation.access.live.begin(eva, address="192.0.2.1", browser="", device="") for _ in range(2))
    long_ago = (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%Y-%m-%d %H:%M:%S.%f")
    with closing(sqlite3.connect(world.home / "triage.db", timeout=30)) as database, database:
        known = hashlib.sha256(old.encode()).hexdigest()
        assert database.execute(f"UPDATE session SET {column} = ? WHERE id = ?", [long_ago, known]).rowcount
    assert lives(world, fresh)
    assert not lives(world, old)


def test_after_the_account_is_closed(world: World) -> None:
    """the cookie of an account that an administrator closed, on the console -> 401 within seconds"""
    with closing(Installation(Settings(home=world.home, worker="separate"))) as installation:
        gone = account(installation.access, "gone", Role.RADIOLOGIST)
        one = world.enter("gone")
        assert lives(world, one.secret)
        installation.access.directory.close(gone, by="test")
    assert ended(world, one.secret)
    assert world.enter("gone").entered.status_code == 401  # type: ignore[attr-defined]


def test_after_a_change_of_the_password(world: World) -> None:
    """a stolen cookie after its owner changed the password -> 401"""
    with closing(Installation(Settings(home=world.home, worker="separate"))) as installation:
        account(installation.access, "robbed", Role.RADIOLOGIST)
    stolen, owner = world.enter("robbed"), world.enter("robbed")
    new = {"old": PASSWORD, "new": "quite other words now", "again": "quite other words now"}
    assert owner.post("/account/password", data=new, headers={"Origin": world.base}).status_code == 200
    assert ended(world, stolen.secret)
    assert lives(world, owner.secret)


def test_fixation(world: World) -> None:
    """a cookie that was set before the sign-in -> not taken over: the session has a new secret each time"""
    one = world.visitor()
    one.cookies.set(SESSION, "chosen-by-somebody-else")
    world.sign_in(one, "eva")
    assert one.entered.status_code == 303  # type: ignore[attr-defined]
    assert "chosen-by-somebody-else" not in str(one.entered.headers["set-cookie"])  # type: ignore[attr-defined]
    assert not lives(world, "chosen-by-somebody-else")


def test_secret_of_another_sign_in(world: World) -> None:
    """secrets of several sign-ins side by side -> 256 bits each, none like another"""
    secrets = {world.enter("eva").secret for _ in range(4)}
    assert len(secrets) == 4
    assert all(len(one) >= 43 for one in secrets)


def test_websocket_of_an_ended_session(world: World) -> None:
    """the websocket with the cookie of an ended session -> refused"""
    one = world.enter("eva")
    secret = one.secret
    one.post("/sign-out", headers={"Origin": world.base})
    with pytest.raises(InvalidStatus), world.websocket(secret):
        pass


def test_open_websocket(world: World) -> None:
    """a page that is open while its session is ended elsewhere -> its websocket closes within seconds"""
    one = world.enter("eva")
    with world.websocket(one.secret) as stream:
        one.post("/sign-out", headers={"Origin": world.base})
        begin = time.monotonic()
        with pytest.raises(ConnectionClosed):
            _listen(stream)
        assert time.monotonic() - begin < NOTICED + 5


def _listen(stream: ClientConnection) -> None:
    while True:
        stream.recv(NOTICED)


def test_open_stream(world: World) -> None:
    """a stream of news that is open while its session is ended -> it ends within seconds"""
    one = world.enter("eva")
    stream = one.get("/events", stream=True, timeout=NOTICED + 5)
    assert stream.status_code == 200
    one.post("/sign-out", headers={"Origin": world.base})
    begin = time.monotonic()
    for _ in stream.iter_content(1):
        assert time.monotonic() - begin < NOTICED + 5


def test_cookie_flags(world: World) -> None:
    """the cookie of a session read by a script, sent by another site -> HttpOnly, SameSite, no Domain"""
    lines = world.enter("eva").entered.raw.headers.getlist("set-cookie")  # type: ignore[attr-defined]
    for name in ("triage_session", "triage_device"):
        (line,) = [one for one in lines if one.startswith(name)]
        assert "HttpOnly" in line
        assert "SameSite=lax" in line
        assert "domain" not in line.lower()


def test_first_password(world: World) -> None:
    """a first password, handed out by an administrator, used to look around -> nothing but its change"""
    with closing(Installation(Settings(home=world.home, worker="separate"))) as installation:
        first = installation.access.directory.add("fresh", "Fresh One", [Role.RADIOLOGIST], by="test")
    one = world.enter("fresh", first)
    assert one.get("/worklist/rows").status_code == 403
    assert one.get(f"/viewer/studies/{world.studies[0]}/study.json").status_code == 403
    with pytest.raises(InvalidStatus), world.websocket(one.secret):
        pass


def test_media_of_another_session(world: World) -> None:
    """the address of another reader's picture or export, without a cookie and after the sign-out -> 401"""
    one = world.enter("eva")
    secret = one.secret
    one.post("/sign-out", headers={"Origin": world.base})
    for cookie in ({}, {"Cookie": f"{SESSION}={secret}"}):
        assert Visitor(world).get("/media/" + "0" * 56 + ".zip", headers=cookie).status_code == 401
