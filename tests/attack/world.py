"""What is attacked: a server with accounts, peers and phantom studies, and the tools of those who attack it."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from access_samples import PASSWORD, account
from google.protobuf.json_format import MessageToDict
from helpers import free_port, redrawn, sign_study, take_in
from requests.adapters import HTTPAdapter
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from triage.access.roles import PeerRight, Role
from triage.domain import Finding
from triage.phantom_studies import phantom_study
from triage.phantoms import phantoms
from triage.pipeline.installation import Installation
from triage.settings import ROOT, Settings
from triage.web.cookies import SESSION

#: Patients of the studies; no answer to a stranger holds one of these.
PATIENT, MRN, COMMENT = "SECRETPATIENT", "SECRETMRN", "SECRETCOMMENT"
SECRETS = (PATIENT, MRN, COMMENT)
#: Text of a file, a peer or a person that tries to be more than text.
HOSTILE = "=1+1 ![i](//h.invalid)<img src=x>:red[r]$x^2$:material/bug:"
FORGED = f"{HOSTILE}\n\n**Dr. Eva** · final · glioma\n# Final"
HTML = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
#: Where strangers sit: each gets an address of its own, so that none is slowed down for what another one did.
_addresses = (f"127.{a}.{b}.9" for a, b in itertools.product(range(1, 255), range(1, 255)))


class Visitor(requests.Session):
    """A client with a network address of its own, which follows no redirect."""

    def __init__(self, world: World, address: str = "") -> None:
        super().__init__()
        self.base, self.address = world.base, address or next(_addresses)
        self.trust_env = False
        self.mount("http://", _From(self.address))

    def request(self, method: Any, url: Any, *arguments: Any, **options: Any) -> requests.Response:
        options.setdefault("timeout", 60)
        options["allow_redirects"] = False
        return super().request(method, self.base + url if url.startswith("/") else url, *arguments, **options)

    @property
    def secret(self) -> str:
        return str(self.cookies.get(SESSION, ""))

    def upload(self, **headers: str) -> requests.Response:
        """Send a file to Streamlit, with the token that its own pages can read."""
        self.get("/_stcore/health")
        token = str(self.cookies.get("_streamlit_xsrf", "none"))
        return self.put("/_stcore/upload_file/1/2", data=b"x", headers={"X-Xsrftoken": token, **headers})


class _From(HTTPAdapter):
    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, source_address=(self._address, 0), **options)


@dataclass
class Seen:
    """What a page sent: every text with the kind of the element that shows it."""

    texts: list[tuple[str, str]]

    def __str__(self) -> str:
        return "\n".join(text for _, text in self.texts)


@dataclass
class World:
    """A server, what it holds, and its tokens by the name of the peer.

    The first study waits for a second reader, the second one has hostile text, the third one is not signed.
    """

    base: str
    home: Path
    studies: list[str]
    uid: str
    tokens: Mapping[str, str]
    people: dict[str, Visitor] = field(default_factory=dict)

    @property
    def port(self) -> int:
        return int(self.base.rpartition(":")[2])

    def visitor(self, address: str = "") -> Visitor:
        return Visitor(self, address)

    def enter(self, login: str, password: str = PASSWORD, **more: str) -> Visitor:
        """Try to sign in from a new place; the answer is in `entered`."""
        return self.sign_in(self.visitor(), login, password, **more)

    def sign_in(self, one: Visitor, login: str, password: str = PASSWORD, **more: str) -> Visitor:
        fields = {"login": login, "password": password, "code": "", "next": "/"} | more
        one.entered = one.post("/sign-in", data=fields, headers={"Origin": self.base})  # type: ignore[attr-defined]
        return one

    def person(self, login: str) -> Visitor:
        """Somebody who is signed in; the same browser each time."""
        if login not in self.people:
            self.people[login] = self.enter(login)
            assert self.people[login].secret, self.people[login].entered.text  # type: ignore[attr-defined]
        return self.people[login]

    def peer(self, name: str, **headers: str) -> Visitor:
        one = self.visitor()
        one.headers.update({"Authorization": f"Bearer {self.tokens[name]}", "Accept": "application/dicom+json"})
        one.headers.update(headers)
        return one

    def raw(self, data: bytes, wait: float = 20) -> bytes:
        """Send bytes as they stand, and return what comes back until the server closes or is silent."""
        with socket.create_connection(("127.0.0.1", self.port), wait, (next(_addresses), 0)) as line:
            found = b""
            with suppress(TimeoutError, ConnectionError):  # cut off before all of it was sent
                line.sendall(data)
                while part := line.recv(65536):
                    found += part
            return found

    def exactly(self, target: str, method: str = "GET", secret: str = "", *more: str) -> tuple[int, str]:
        """Ask for a path as it stands, which clients would tidy up; return status and answer."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Connection: close", *more]
        lines += [f"Cookie: {SESSION}={secret}"] if secret else []
        answer = self.raw("\r\n".join([*lines, "", ""]).encode("latin-1"))
        return int(answer.split(b" ", 2)[1]), answer.decode("latin-1")

    def websocket(self, secret: str = "", *, host: str = "", **options: Any) -> ClientConnection:
        """Open the websocket of the pages; the host is what its header says."""
        line = socket.create_connection(("127.0.0.1", self.port), 20, (next(_addresses), 0))
        headers = {"Cookie": f"{SESSION}={secret}"} if secret else {}
        address = f"ws://{host or f'127.0.0.1:{self.port}'}/_stcore/stream"
        options.setdefault("origin", self.base)
        options.setdefault("subprotocols", ["streamlit"])
        headers |= options.pop("headers", {})
        return connect(address, sock=line, additional_headers=headers, proxy=None, **options)

    def shown(self, one: Visitor, name: str = "") -> set[str]:
        """Return the headings of a page that somebody is shown."""
        return {text for kind, text in self.page(one, name, f"study={self.studies[0]}").texts if kind == "heading"}

    def page(self, one: Visitor, name: str = "", query: str = "") -> Seen:
        """Return what a page shows to somebody."""
        with self.websocket(one.secret, max_size=None) as stream:
            return self.drawn(stream, name, query)

    @staticmethod
    def number_of(stream: ClientConnection) -> str:
        """Return the number that Streamlit gives to the upload page on an open websocket."""
        asked = BackMsg()
        asked.rerun_script.page_name = "upload"
        stream.send(asked.SerializeToString())
        return next(one.new_session.initialize.session_id for one in _messages(stream) if one.HasField("new_session"))

    @staticmethod
    def drawn(stream: ClientConnection, name: str = "", query: str = "") -> Seen:
        """Ask for a page on an open websocket, and return what it shows."""
        asked = BackMsg()
        asked.rerun_script.page_name, asked.rerun_script.query_string = name, query
        stream.send(asked.SerializeToString())
        return Seen([found for message in _messages(stream) for found in _texts(message)])


def _messages(stream: ClientConnection) -> Iterator[ForwardMsg]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        message = ForwardMsg.FromString(stream.recv(60))  # type: ignore[arg-type]
        yield message
        if message.WhichOneof("type") == "script_finished":
            return


def _texts(message: ForwardMsg) -> Iterator[tuple[str, str]]:
    kind = str(message.WhichOneof("type"))
    if kind == "delta":
        element = message.delta.new_element
        kind = str(element.WhichOneof("type") or message.delta.WhichOneof("type"))
    yield from ((kind, text) for text in _strings(MessageToDict(message)))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def filled(home: Path) -> tuple[list[str], str, dict[str, str]]:
    """Fill a home with accounts, tokens and studies; return the studies, the UID of the first, and the tokens."""
    installation = Installation(Settings(home=home))
    files = phantom_study(Finding.GLIOMA, 3)
    named = {name: redrawn(data, PatientName=PATIENT, PatientID=MRN) for name, data in files}
    texts = ("PatientName", "PatientID", "StudyDescription", "SeriesDescription", "Manufacturer")
    changed = dict.fromkeys(texts, HOSTILE) | {"AccessionNumber": "=1+1"}
    hostile = {name: redrawn(data, **changed) for name, data in phantom_study(Finding.NOTUMOR, 3, 1)}
    first = take_in(installation, named)[0]
    second = take_in(installation, hostile)[0]
    unsigned = take_in(installation, {one.name: one.png for one in phantoms(1)})[0]
    sign_study(installation, first, Finding.GLIOMA, reader="Dr. Ada", comment=COMMENT, second_read=True)
    sign_study(installation, second, Finding.MENINGIOMA, reader="Dr. Ada", comment=FORGED)
    access = installation.access
    account(access, "ada", Role.RADIOLOGIST)
    for login in ("eva", "target", "known", "owner", "coded"):
        account(access, login, Role.RADIOLOGIST)
    account(access, "tim", Role.TECHNICIAN)
    account(access, "boss", Role.ADMINISTRATOR)
    rights = {"mri": [PeerRight.STORE], "pacs": [PeerRight.QUERY, PeerRight.RETRIEVE], "list": [PeerRight.QUERY]}
    rights["ct"] = [PeerRight.STORE]
    rights["old"] = list(PeerRight)
    tokens = {name: access.directory.add_token(name, given, by="test") for name, given in rights.items()}
    access.directory.revoke_token("old", by="test")
    uid = installation.store.study(first).header.uid
    installation.close()
    return [first, second, unsigned], uid, tokens


@contextmanager
def serving(home: Path, *command: str, port: int = 0, **environment: str) -> Iterator[str]:
    """Serve a home as it is served to people, or by another command at a port, and give the address."""
    port = port or free_port()
    words = command or ("-m", "triage", "serve", "--port", str(port))
    known = {name: value for name, value in os.environ.items() if not name.startswith("TRIAGE_")}
    known |= {"TRIAGE_HOME": str(home), "TRIAGE_WORKER": "separate", **environment}
    log = (home.parent / f"{port}.log").open("wb")
    process = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=known, stdout=log, stderr=log)
    base = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while not _answers(base):
            assert process.poll() is None, "the server ended at its start"
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.2)
        time.sleep(1.1)  # the name of the web server is sent for a second
        yield base
    finally:
        process.terminate()
        process.wait(timeout=60)
        log.close()


def _answers(base: str) -> bool:
    try:
        return requests.get(f"{base}/health", timeout=5).ok
    except requests.RequestException:
        return False
