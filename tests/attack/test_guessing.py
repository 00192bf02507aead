"""Somebody who guesses names, passwords and codes"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pyotp
import pytest
from access_samples import PASSWORD
from attack.world import HTML, Visitor, World
from requests import Response

from triage.access.roles import PeerRight, Role
from triage.errors import ConflictError, RefusedNameError, SignInError
from triage.pipeline.installation import Installation
from triage.settings import Settings


@pytest.fixture
def installation(world: World) -> Iterator[Installation]:
    with closing(Installation(Settings(home=world.home, worker="separate"))) as opened:
        yield opened


def guess(one: Visitor, login: str, password: str = "wrong", **more: str) -> Response:
    return one.post("/sign-in", data={"login": login, "password": password, "code": "", "next": "/"} | more)


def test_from_one_address(world: World) -> None:
    """40 passwords for one account from one address -> a few are looked at, then 429, the right one too"""
    one = world.visitor()
    answers = [guess(one, "target", f"guess {number}").status_code for number in range(40)]
    assert answers.count(401) < 12
    assert guess(one, "target", PASSWORD).status_code == 429


def test_from_many_addresses(world: World) -> None:
    """80 passwords for one account, each from another address -> half are looked at, then 429"""
    answers = [guess(world.visitor(), "target", f"guess {number}").status_code for number in range(80)]
    assert answers.count(401) < 60
    assert answers.count(429) >= 20


def test_claimed_addresses(world: World) -> None:
    """40 passwords from one address that claims another in each request -> slowed down like one"""
    one = world.visitor()
    answers = [
        one.post(
            "/sign-in",
            data={"login": "owner", "password": "wrong"},
            headers={"X-Forwarded-For": f"198.51.100.{number}", "X-Real-IP": f"198.51.100.{number}"},
        ).status_code
        for number in range(40)
    ]
    assert answers.count(401) < 12
    assert answers.count(429) > 20


def test_claimed_addresses_from_here(world: World) -> None:
    """the same from the server's own computer, with formulas as addresses -> slowed down, the trail has none of them"""
    one, claimed = world.visitor("127.0.0.1"), "=cmd|'/c'!A"
    answers = [
        one.post(
            "/sign-in",
            data={"login": f"from-here-{number}", "password": "wrong"},
            headers={"X-Forwarded-For": f"{claimed}{number}"},
        ).status_code
        for number in range(30)
    ]
    assert answers.count(429) > 5
    with closing(sqlite3.connect(world.home / "triage.db")) as database:
        assert claimed not in str(database.execute("SELECT address FROM audit").fetchall())


def test_one_password_for_many_names(world: World) -> None:
    """one password for 60 names from one address -> slowed down"""
    one = world.visitor()
    answers = [guess(one, f"user{number}").status_code for number in range(60)]
    assert answers.count(401) < 30


def test_keeping_the_owner_out(world: World) -> None:
    """to keep somebody out by failing on purpose -> a browser and an address known before still get in"""
    owner = world.enter("owner")
    for number in range(60):
        guess(world.visitor(), "owner", f"guess {number}")
    assert guess(owner, "owner", PASSWORD).status_code == 303
    assert guess(world.visitor(owner.address), "owner", PASSWORD).status_code == 303


def test_names_by_text(world: World) -> None:
    """to learn which names exist by what is said: unknown, closed, wrong password -> one answer for all"""
    texts = set()
    for login in ("known", "nobody-at-all", "boss", "ada'--"):
        answer = guess(world.visitor(), login)
        assert answer.status_code == 401
        texts.add(re.sub('value="[^"]*"', "", answer.text))
    assert len(texts) == 1


def test_names_by_time(world: World) -> None:
    """to learn which names exist by how long the answer takes -> a hash is computed for every name"""

    def took(login: str) -> float:
        one, begin = world.visitor(), time.perf_counter()
        guess(one, login)
        return time.perf_counter() - begin

    known, unknown = zip(*((took("known"), took("unknown-name")) for _ in range(10)), strict=True)
    assert 0.5 < min(known) / min(unknown) < 2


def test_names_kept(world: World) -> None:
    """a password typed into the field of the name -> not in the audit trail"""
    guess(world.visitor(), "my secret passphrase in the wrong field")
    with closing(sqlite3.connect(world.home / "triage.db")) as database:
        assert "passphrase" not in str(database.execute("SELECT * FROM audit").fetchall())


@pytest.mark.parametrize(
    "login", ["ada' OR 1=1 --", '"; DROP TABLE account; --', "ad%", "a_a", "*", "ada\0", "ada\r\n"]
)
def test_syntax_in_names(world: World, login: str) -> None:
    """a name with SQL, wildcards, zero bytes, line breaks, with a right password -> 401"""
    if login.strip() != "ada":
        assert guess(world.visitor(), login, PASSWORD).status_code in (400, 401)
    assert world.visitor().get("/health").status_code == 200


def test_endless_password(world: World) -> None:
    """a password of 10 MB, 10,000 fields -> refused before it is hashed"""
    assert guess(world.visitor(), "known", "x" * 10_000_000).status_code == 413
    fields = "&".join(f"a{number}=1" for number in range(10_000))
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert world.visitor().post("/sign-in", data=fields, headers=kind).status_code in (400, 413)


def test_empty_password(world: World) -> None:
    """no password, and as many as a field may hold -> 401"""
    for password in ("", " ", "\0", "null", "x" * 300):
        assert guess(world.visitor(), "boss", password).status_code in (400, 401)


@pytest.fixture(scope="module")
def codes(world: World) -> pyotp.TOTP:
    """The one-time codes that the account "coded" has set up on its page."""
    one = world.enter("coded")
    found = re.search(r"<code>(\w+)</code>", one.get("/account", headers=HTML).text)
    assert found
    made = pyotp.TOTP(found[1])
    fields = {"key": found[1], "password": PASSWORD, "code": made.now()}
    assert one.post("/account/codes", data=fields, headers={"Origin": world.base}).status_code == 200
    return made


def test_password_without_code(world: World, codes: pyotp.TOTP) -> None:
    """the right password of an account with one-time codes, without a code or with a made-up one -> 401"""
    for code in ("", "000000", "abcdef", "1" * 1_000):
        assert guess(world.visitor(), "coded", PASSWORD, code=code).status_code == 401


def test_used_code(world: World, codes: pyotp.TOTP) -> None:
    """a one-time code that was seen over the shoulder, used again -> 401"""
    following = codes.at(time.time() + 30)
    assert guess(world.visitor(), "coded", PASSWORD, code=following).status_code == 303
    assert guess(world.visitor(), "coded", PASSWORD, code=following).status_code == 401


def test_look_alike_names(installation: Installation) -> None:
    """an account whose name looks like another one's: Cyrillic, Greek, digits, case, accents -> refused"""
    for login, name in (
        ("аda", "x y"),
        ("AdA2", "Dr. Αda"),
        ("new1", "Dr. Adа"),
        ("new2", "DR ADA"),
        ("new3", "Dr. Áda"),
    ):
        with pytest.raises((RefusedNameError, ConflictError)):
            installation.access.directory.add(login, name, [Role.TECHNICIAN], by="test")


def test_names_not_seen(installation: Installation) -> None:
    """an account whose name has zero-width characters, directions, line breaks, or nothing to see -> refused"""
    for name in ("Dr.\u200b Ada", "Dr. Ada\u2060", "\u202eadA .rD", "Dr.\nAda", "\u00ad", "\u200d", "Dr. Ada\0"):
        with pytest.raises((RefusedNameError, ConflictError)):
            installation.access.directory.add("other", name, [Role.TECHNICIAN], by="test")


def test_names_of_the_product(installation: Installation) -> None:
    """an account or a peer that is called as the product calls itself -> refused"""
    names = ("AI", "system", "command line", "TRIAGE_TOKEN", "DICOMweb MRI", "Administrator", "Demo", "stranger")
    for name in (*names, "root, command line", "Root Command-Line"):
        with pytest.raises(RefusedNameError):
            installation.access.directory.add("other", name, [Role.TECHNICIAN], by="test")
        with pytest.raises(RefusedNameError):
            installation.access.directory.add_token(name, [PeerRight.STORE], by="test")


def test_name_of_a_closed_account(installation: Installation) -> None:
    """the name of somebody who has left, for a new account -> refused for good"""
    directory = installation.access.directory
    directory.add("leaver", "Dr. Leaver", [Role.RADIOLOGIST], by="test")
    directory.close(next(one for one in directory.accounts() if one.login == "leaver"), by="test")
    with pytest.raises(ConflictError):
        directory.add("leaver2", "Dr. Leaver", [Role.RADIOLOGIST], by="test")


def test_weak_passwords(installation: Installation) -> None:
    """a password that is short, common, repeats itself, or holds the name -> refused"""
    for password in ("short", "aaaaaaaaaaaaaaa", "weaklogin1234", "Dr. Weak Login", "passwordpassword", "x" * 300):
        with pytest.raises(SignInError):
            installation.access.directory.add(
                "weaklogin", "Dr. Weak Login", [Role.RADIOLOGIST], by="t", password=password
            )
