"""The tokens of peers, over HTTP: who has one passes, with its rights, and nobody else does."""

from __future__ import annotations

from base64 import b64encode

import pytest
import requests
from dicomweb import TOKEN, Peer

from triage.access.roles import PeerRight
from triage.web.tokens import presented

OTHER = "geheim genügt hier bei weitem nicht"


def ask(peer: Peer, path: str, token: str, method: str = "GET") -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.request(method, f"{peer.address}/{path}", headers=headers, timeout=60).status_code


@pytest.mark.parametrize(
    ("authorization", "token"),
    [
        (f"Bearer {OTHER}".encode(), OTHER),
        (f"bearer  {OTHER}".encode(), OTHER),
        (b"Basic " + b64encode(f"orthanc:{OTHER}".encode()), OTHER),
        (b"Basic " + b64encode(f"{OTHER}:orthanc".encode()), "orthanc"),
        (b"Basic no base64", ""),
        (b"Basic", ""),
        (b"Bearer ", ""),
        (OTHER.encode(), ""),
        (b"", ""),
        (b"Basic " + b64encode(b"\xff:\xff"), "\ufffd"),
    ],
)
def test_what_is_presented(authorization: bytes, token: str) -> None:
    assert presented(authorization.decode("latin-1")) == token


def test_each_peer_may_do_what_its_token_says(discreet_peer: Peer) -> None:
    directory = discreet_peer.installation.access.directory
    expected = {PeerRight.STORE: (415, 403, 403), PeerRight.QUERY: (403, 204, 403), PeerRight.RETRIEVE: (403, 403, 404)}
    for right, statuses in expected.items():
        token = directory.add_token(f"only {right}", [right], by="test")
        found = (
            ask(discreet_peer, "studies", token, "POST"),
            ask(discreet_peer, "studies", token),
            ask(discreet_peer, "studies/1.2", token),
        )
        assert found == statuses, right


def test_wrong_tokens_are_slowed_down(discreet_peer: Peer) -> None:
    assert ask(discreet_peer, "studies", TOKEN) == 204
    answers = [
        requests.get(f"{discreet_peer.address}/studies", headers={"Authorization": f"Bearer {number}"}, timeout=60)
        for number in range(60)
    ]
    assert [one.status_code for one in answers].count(429) > 40
    assert all(int(one.headers["retry-after"]) >= 1 for one in answers if one.status_code == 429)
    assert ask(discreet_peer, "studies", TOKEN) == 204  # it was right from here before


def test_a_session_or_a_name_is_no_token(discreet_peer: Peer) -> None:
    answer = requests.get(f"{discreet_peer.address}/studies", cookies={"triage_reader": "Ada"}, timeout=60)
    assert answer.status_code == 401
