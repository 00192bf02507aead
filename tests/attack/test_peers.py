"""A DICOMweb peer, or somebody who plays one"""

from __future__ import annotations

import base64
import gzip
import sqlite3
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from attack.world import PATIENT, SECRETS, World
from dicomweb import KIND, body, file, study
from pydicom.uid import generate_uid

STUDIES = "/dicom-web/studies"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer null",
        "Bearer undefined",
        "Bearer ' OR 1=1 --",
        "Bearer \xff\xfe",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"a:").decode(),
        "Digest x",
        "Bearer " + "A" * 4_000,
    ],
)
def test_wrong_token(world: World, header: str) -> None:
    """no token, a wrong one, one that is none: Bearer, Basic, Digest, bytes, SQL -> 401"""
    answer = world.visitor().get(STUDIES, headers={"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401
    assert PATIENT not in answer.text


def test_nearly_the_token(world: World) -> None:
    """a token but for its last character, its case, its first half -> 401"""
    token = world.tokens["pacs"]
    for near in (token[:-1], token[:-1] + "~", token.swapcase(), token[: len(token) // 2], token + "x", f"x{token}"):
        assert world.visitor().get(STUDIES, headers={"Authorization": f"Bearer {near}"}).status_code == 401


def test_token_elsewhere(world: World) -> None:
    """a token in the query, in a cookie, under another header -> 401: it would end up in logs"""
    token, one = world.tokens["pacs"], world.visitor()
    assert one.get(STUDIES, params={"token": token, "access_token": token}).status_code == 401
    assert one.get(STUDIES, headers={"Cookie": f"token={token}"}).status_code == 401
    assert one.get(STUDIES, headers={"X-Api-Key": token}).status_code == 401


def test_session_of_a_person(world: World) -> None:
    """the cookie of a radiologist on the routes of peers -> 401"""
    assert world.person("ada").get(STUDIES).status_code == 401
    assert world.person("ada").post(STUDIES, data=b"x", headers={"Content-Type": KIND}).status_code == 401


def test_revoked_token(world: World) -> None:
    """a token that was revoked -> 401"""
    assert world.peer("old").get(STUDIES).status_code == 401


def test_query_with_a_storing_token(world: World) -> None:
    """a scanner's token, for storing only: query, retrieve, metadata -> 403"""
    one = world.peer("mri")
    for path in (STUDIES, f"{STUDIES}/{world.uid}/series", f"{STUDIES}/{world.uid}", f"{STUDIES}/{world.uid}/metadata"):
        assert one.get(path).status_code == 403


def test_storing_with_a_querying_token(world: World) -> None:
    """an archive's token, for query and retrieve: storing -> 403, nothing stored"""
    answer = world.peer("pacs").post(STUDIES, data=body([file(study()[0])]), headers={"Content-Type": KIND})
    assert answer.status_code == 403


def test_retrieving_with_a_querying_token(world: World) -> None:
    """a token for queries only: pixels and metadata -> 403"""
    one = world.peer("list", Accept="*/*")
    assert one.get(f"{STUDIES}/{world.uid}").status_code == 403
    assert one.get(f"{STUDIES}/{world.uid}/metadata").status_code == 403


def test_other_methods(world: World) -> None:
    """to delete or replace what is stored, as a peer with a token -> 404 or 405"""
    for method in ("DELETE", "PUT", "PATCH"):
        for name in ("pacs", "mri"):
            assert world.peer(name).request(method, f"{STUDIES}/{world.uid}").status_code in (403, 404, 405)


def test_thousand_tokens(world: World) -> None:
    """1,000 wrong tokens from one address -> a few are looked at, then 429; the right token elsewhere goes on"""
    guesser = world.visitor()

    def guess(number: int) -> int:
        return guesser.get(STUDIES, headers={"Authorization": f"Bearer guess {number}"}).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guess, range(1_000)))
    assert answers.count(429) + answers.count(401) == 1_000
    assert answers.count(401) < 40
    assert world.peer("pacs").get(STUDIES).status_code == 200


def test_tokens_in_the_trail(world: World) -> None:
    """to find a mistyped token in the audit trail -> it is not kept"""
    world.visitor().get(STUDIES, headers={"Authorization": "Bearer nearly-the-right-token"})
    with closing(sqlite3.connect(world.home / "triage.db")) as database:
        everything = "\n".join(str(row) for row in database.execute("SELECT * FROM audit"))
    assert "nearly-the-right-token" not in everything


def test_tokens_in_the_record(world: World) -> None:
    """to read tokens and passwords from the database -> digests and Argon2id hashes only"""
    stored = (world.home / "triage.db").read_bytes()
    assert not any(token.encode() in stored for token in world.tokens.values())
    assert b"several words in a row" not in stored
    assert b"$argon2id$" in stored


@pytest.mark.parametrize(
    "query",
    [
        "StudyInstanceUID=\\",
        "StudyInstanceUID=\\\\\\",
        "StudyInstanceUID=,",
        "StudyInstanceUID=%25",
        "StudyInstanceUID=' OR 1=1 --",
        "PatientID=%27)%20OR%201=1--",
        "PatientName=%22;DROP TABLE study;--",
        "StudyDate=' OR '1'='1",
        "ModalitiesInStudy=\\' OR 1=1",
        "00100020=' UNION SELECT password FROM account --",
    ],
)
def test_query_syntax(world: World, query: str) -> None:
    """QIDO values with backslashes, separators, SQL, wildcards of SQL -> nothing found, or 400; never everything"""
    answer = world.peer("pacs").get(f"{STUDIES}?{query}")
    assert answer.status_code in (200, 204, 400)
    assert PATIENT not in answer.text
    assert "argon2" not in answer.text


@pytest.mark.parametrize(
    "query",
    [
        "PatientName=a%00b",
        "offset=" + "9" * 25,
        "limit=-1",
        "limit=1e9",
        "offset=%D9%A3%00",
        "limit=",
        "Evil=1",
        "%00=1",
        "__class__=1",
        "StudyDate=20269999",
        "StudyDate=" + "9" * 5_000,
        "StudyDate=-",
    ],
)
def test_odd_query(world: World, query: str) -> None:
    """QIDO with zero bytes, 25 digits, no number, unknown names -> 400 with a sentence, never 500"""
    answer = world.peer("pacs").get(f"{STUDIES}?{query}")
    assert answer.status_code in (200, 204, 400), answer.status_code
    assert "Traceback" not in answer.text


def test_address_of_answers(world: World) -> None:
    """a RetrieveURL that leads elsewhere, by Host or a proxy's headers -> our own address, or 421"""
    one = world.peer("pacs")
    for header in ("X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Forwarded-Prefix"):
        answer = one.get(STUDIES, headers={header: "evil.example"})
        assert "evil.example" not in answer.text
    assert one.get(STUDIES, headers={"Host": "evil.example"}).status_code == 421


NAMES = [
    "../../../../tmp/evil",
    "a\0b",
    "=HYPERLINK(1)",
    "x\r\nSet-Cookie: a=b",
    "A" * 10_000,
    "\u202egnp.exe",
    "/etc/passwd",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_hostile_names(world: World, name: str) -> None:
    """STOW of objects whose texts are paths, formulas, line breaks, too long -> answered, nothing outside the home"""
    one = study(StudyInstanceUID=generate_uid())[0]
    with warnings.catch_warnings(action="ignore"):  # such values are against the standard
        for keyword in ("PatientName", "PatientID", "StudyDescription", "AccessionNumber"):
            one.add_new(keyword, "UN", name.encode("utf-8", "replace"))
        sent = body([file(one)])
    answer = world.peer("mri").post(STUDIES, data=sent, headers={"Content-Type": KIND})
    assert answer.status_code in (200, 202, 400, 409)
    kept = {path.name for path in (world.home / "files").rglob("*") if path.is_file()}
    assert all(len(one) == 64 and one.isalnum() for one in kept)
    assert not list(world.home.parent.rglob("evil*"))


def test_hostile_uids(world: World) -> None:
    """STOW of objects whose UIDs are paths or SQL -> refused"""
    for uid in ("../../x", "1.2.3' OR 1=1", "1.2.%2e%2e", "1.2\\3"):
        one = study()[0]
        known = str(one.StudyInstanceUID).encode()
        data = file(one).replace(known, uid.encode().ljust(len(known), b"\0"))
        answer = world.peer("mri").post(STUDIES, data=body([data]), headers={"Content-Type": KIND})
        assert answer.status_code == 409, uid


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("multipart/related", b"x"),
        (KIND, b""),
        (KIND, b"no boundary at all"),
        (KIND, b"--between\r\n" * 10_000),
        (KIND, b"--between\r\nContent-Type: application/dicom\r\n\r\nnever ends"),
        (KIND, b"--between\r\n" + b"A: b\r\n" * 10_000 + b"\r\n\r\n--between--"),
        (KIND, b"\0" * 100_000),
        ("application/dicom", b"x"),
        (KIND.replace("between", "x" * 5_000), b"--x"),
        (KIND.replace("between", "\r\nX-Evil: 1"), b"--x"),
    ],
    ids=range(10),
)
def test_bodies(world: World, kind: str, data: bytes) -> None:
    """STOW bodies that are broken, endless or no multipart at all -> refused with a sentence, never 500"""
    line = f"POST {STUDIES} HTTP/1.1\r\nHost: 127.0.0.1:{world.port}\r\nContent-Length: {len(data)}\r\n"
    line += f"Authorization: Bearer {world.tokens['mri']}\r\nAccept: application/dicom+json\r\nContent-Type: {kind}\r\n"
    line += "Connection: close\r\n\r\n"
    status = int(world.raw(line.encode("latin-1") + data).split(b" ", 2)[1])
    assert 400 <= status < 500


def test_packed_body(world: World) -> None:
    """a STOW body packed a thousand to one -> 415, never unpacked"""
    sent = {"Content-Type": KIND, "Content-Encoding": "gzip"}
    answer = world.peer("mri").post(STUDIES, data=gzip.compress(bytes(50_000_000)), headers=sent)
    assert answer.status_code == 415


def test_keeping_other_peers_waiting(world: World) -> None:
    """100 parts that cannot be read in each of two STOW requests -> one audit row each; another peer is answered"""
    sent = body([b"x"] * 100)

    def store() -> int:
        return world.peer("mri").post(STUDIES, data=sent, headers={"Content-Type": KIND}).status_code

    def rows() -> int:
        with closing(sqlite3.connect(world.home / "triage.db")) as database:
            return int(database.execute("SELECT count(*) FROM audit WHERE event = 'refused'").fetchone()[0])

    before = rows()
    with ThreadPoolExecutor(2) as pool:
        busy = [pool.submit(store) for _ in range(2)]
        time.sleep(0.5)
        other = world.peer("ct").post(STUDIES, data=body([b"x"]), headers={"Content-Type": KIND})
        assert not all(one.done() for one in busy) or rows() == before + 3
        assert other.status_code == 409
    assert [one.result() for one in busy] == [409, 409]
    assert rows() == before + 3


def test_study_of_another(world: World) -> None:
    """STOW under an address of one study with an object of another -> 409"""
    answer = world.peer("mri").post(
        f"{STUDIES}/{world.uid}", data=body([file(study()[0])]), headers={"Content-Type": KIND}
    )
    assert answer.status_code == 409


def test_taking_over_a_study(world: World) -> None:
    """STOW of another patient under a known Study Instance UID -> set aside; the first patient keeps the study"""
    other = study(StudyInstanceUID=world.uid, PatientName="Evil^Other", PatientID="other")[0]
    answer = world.peer("mri").post(STUDIES, data=body([file(other)]), headers={"Content-Type": KIND})
    assert answer.status_code == 202
    told = world.peer("pacs").get(f"{STUDIES}?StudyInstanceUID={world.uid}").text
    assert PATIENT in told
    assert "Evil" not in told


@pytest.mark.parametrize("uid", ["1.2.3/../..", "%2e%2e", "1.2'--", "*", "%00", "1" * 65, "1.2.3%0d%0aX: y"])
def test_paths_of_retrieval(world: World, uid: str) -> None:
    """WADO with UIDs that are paths, wildcards, zero bytes or too long -> 400 or 404"""
    status, answer = world.exactly(f"{STUDIES}/{uid}", "GET", "", f"Authorization: Bearer {world.tokens['pacs']}")
    assert status in (400, 403, 404)
    assert not any(secret in answer for secret in SECRETS)


def test_time_of_a_wrong_token(world: World) -> None:
    """to learn a token by how long a wrong one takes -> near and far ones take alike"""

    def took(token: str) -> float:
        begin = time.perf_counter()
        world.visitor().get(STUDIES, headers={"Authorization": f"Bearer {token}"})
        return time.perf_counter() - begin

    near, far = zip(*((took(world.tokens["pacs"][:-1] + "~"), took("x")) for _ in range(10)), strict=True)
    assert abs(min(near) - min(far)) < 0.02
