"""Real peers against the app as it is served: dicomweb-client, and Orthanc as the PACS that forwards to us."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pydicom
import pytest
import requests
from dicomweb import TOKEN, study
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session, create_session_from_user_pass
from helpers import free_port
from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE
from pynetdicom.sop_class import MRImageStorage  # type: ignore[attr-defined]

from triage.domain import Finding, StudyStatus
from triage.phantom_studies import phantom_study
from triage.records.queue import Queue
from triage.records.store import Store
from triage.records.worklist_views import WorklistFilter, WorklistRow
from triage.settings import ROOT, Settings
from triage.worklist import WaitLimits

pytestmark = pytest.mark.slow
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
#: As docs/dicomweb.md has it for hospitals.
FORWARD = (ROOT / "docs" / "orthanc" / "forward.lua").read_text()
EVENTUALLY = 300.0


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served") / "home"


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[str]:
    """The app as `python -m triage serve` starts it."""
    port = free_port()
    environment = os.environ | {"TRIAGE_HOME": str(home), "TRIAGE_TOKEN": TOKEN}
    command = [sys.executable, "-m", "triage", "serve", "--port", str(port), "--address", "127.0.0.1"]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            until(lambda: answers(f"{address}/health"), process)
            yield address
        finally:
            process.terminate()


@pytest.fixture
def client(server: str) -> DICOMwebClient:
    session = create_session_from_user_pass("any", TOKEN)
    return DICOMwebClient(f"{server}/dicom-web", session=session)


@pytest.fixture
def orthanc(server: str, tmp_path: Path) -> Iterator[int]:
    """Orthanc on free ports, told to forward every stable study; its DICOM port."""
    executable = shutil.which("Orthanc", path=f"{os.environ['PATH']}:/usr/sbin")
    if executable is None or not PLUGIN.exists():
        pytest.skip("Orthanc and its DICOMweb plugin are not installed")
    dicom, http = free_port(), free_port()
    (tmp_path / "forward.lua").write_text(FORWARD)
    configuration = {
        "StorageDirectory": str(tmp_path / "storage"),
        "IndexDirectory": str(tmp_path / "storage"),
        "Plugins": [str(PLUGIN)],
        "LuaScripts": [str(tmp_path / "forward.lua")],
        "HttpPort": http,
        "DicomPort": dicom,
        "DicomAlwaysAllowStore": True,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "StableAge": 1,
        "DicomWeb": {
            "Enable": True,
            "Servers": {
                "neurotriage": {
                    "Url": f"{server}/dicom-web/",
                    "HttpHeaders": {"Authorization": f"Bearer {TOKEN}"},
                    "HasDelete": False,
                }
            },
        },
    }
    (tmp_path / "orthanc.json").write_text(json.dumps(configuration))
    command = [executable, str(tmp_path / "orthanc.json")]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            until(lambda: answers(f"http://127.0.0.1:{http}/system"), process)
            yield dicom
        finally:
            process.terminate()


def until(done: Callable[[], bool], process: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + EVENTUALLY
    while not done():
        assert process is None or process.poll() is None, "the server ended at its start"
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.2)


def answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=5).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


def worklist(home: Path, text: str) -> tuple[WorklistRow, ...]:
    """Rows of the record that the served app writes."""
    settings = Settings(home=home)
    store = Store(settings.url)
    queue = Queue(store.read, WaitLimits(settings.urgent_wait, settings.routine_wait))
    try:
        return queue.page(WorklistFilter(text=text), datetime.now(UTC)).rows
    finally:
        store.engine.dispose()


def phantom(seed: int, slices: int) -> list[Dataset]:
    finding = list(Finding)[seed % len(Finding)]
    return [pydicom.dcmread(io.BytesIO(data)) for _, data in phantom_study(finding, slices, seed)]


def ranked(home: Path, text: str, slices: int) -> bool:
    rows = worklist(home, text)
    return [(row.status, row.slices) for row in rows] == [(StudyStatus.RANKED, slices)]


def test_dicomweb_client_stores_searches_and_retrieves(client: DICOMwebClient, home: Path) -> None:
    sent = phantom(1, 4)
    uid, series = sent[0].StudyInstanceUID, sent[0].SeriesInstanceUID
    answer = client.store_instances(sent, study_instance_uid=uid)
    assert len(answer.ReferencedSOPSequence) == 5
    assert "FailedSOPSequence" not in answer
    until(lambda: ranked(home, "PH1001", 4))

    (found,) = client.search_for_studies(search_filters={"PatientName": "PHANTOM^BRAM*"}, fields=["StudyDescription"])
    assert Dataset.from_json(found).StudyInstanceUID == uid
    assert client.search_for_studies(search_filters={"PatientID": "nobody"}) == []
    assert len(client.search_for_studies(get_remaining=True, limit=1)) >= 1
    assert {item["00080060"]["Value"][0] for item in client.search_for_series(uid)} == {"MR"}
    assert len(client.search_for_instances(uid)) == 5
    assert len(client.search_for_instances(uid, series)) == 4

    (back,) = [one for one in client.retrieve_study(uid) if one.SOPInstanceUID == sent[0].SOPInstanceUID]
    assert back == sent[0]
    assert len(client.retrieve_series(uid, series)) == 4
    one = client.retrieve_instance(uid, series, sent[0].SOPInstanceUID, media_types=(("application/dicom", "*"),))
    assert one.pixel_array.tobytes() == sent[0].pixel_array.tobytes()
    header = Dataset.from_json(client.retrieve_instance_metadata(uid, series, sent[0].SOPInstanceUID))
    assert header.PatientID == "PH1001"
    assert len(client.retrieve_study_metadata(uid)) == 5


def test_dicomweb_client_is_told_of_a_conflict(client: DICOMwebClient) -> None:
    with pytest.raises(requests.HTTPError, match="409"):
        client.store_instances(study(1), study_instance_uid=generate_uid())


def test_dicomweb_client_sends_a_large_body_in_chunks(client: DICOMwebClient, server: str) -> None:
    made = study(60)
    client.set_chunk_size(2**16)
    assert len(client.store_instances(made).ReferencedSOPSequence) == 60


def test_dicomweb_client_without_the_token(server: str) -> None:
    client = DICOMwebClient(f"{server}/dicom-web", session=create_session())
    with pytest.raises(requests.HTTPError, match="401"):
        client.search_for_studies()
    with pytest.raises(requests.HTTPError, match="401"):
        client.store_instances(study(1))


def test_the_pages_are_served_beside_the_routes(server: str) -> None:
    assert requests.get(f"{server}/health", timeout=10).json()["status"] == "ok"
    assert requests.get(f"{server}/_stcore/health", timeout=10).text == "ok"
    for page in ("", "upload"):
        assert "<title>" in requests.get(f"{server}/{page}", timeout=10).text
    for path in ("dicom-web/", "dicom-web/nothing"):
        assert requests.get(f"{server}/{path}", timeout=10, headers={"Authorization": f"Bearer {TOKEN}"}).ok is False


def test_a_pacs_forwards_what_a_scanner_stores(orthanc: int, home: Path) -> None:
    """C-STORE to Orthanc; Orthanc stores it with us over DICOMweb; it is ranked without anyone touching a browser."""
    sent = phantom(2, 12)
    c_store(orthanc, sent)
    until(lambda: ranked(home, "PH1002", 12))
    # Late slices: the same study, scored anew.
    late = phantom(2, 12)[:3]
    for image in late:
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    c_store(orthanc, late)
    until(lambda: ranked(home, "PH1002", 15))


def c_store(port: int, images: Sequence[Dataset]) -> None:
    scanner = AE("SCANNER")
    scanner.add_requested_context(MRImageStorage)
    association = scanner.associate("127.0.0.1", port)
    assert association.is_established
    for image in images:
        assert association.send_c_store(image).Status == 0
    association.release()
