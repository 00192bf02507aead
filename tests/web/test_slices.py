"""What the viewer is sent, held against the files as pydicom reads them; and what is refused."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
import requests
from dicomweb import served
from helpers import redrawn, take_in
from PIL import Image
from pydicom.uid import generate_uid
from sqlalchemy import select

from triage.domain import Finding, likeliest
from triage.phantom_studies import phantom_study
from triage.pipeline.installation import Installation
from triage.records.tables import AuditRow
from triage.settings import ROOT, Settings
from triage.web.modules import addresses, digest
from triage.web.reader import COOKIE

SLICES = 6


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """A study with a window in each file, and an earlier one of the same patient."""
    made = {
        name: redrawn(data, WindowCenter="1500", WindowWidth="2500")
        for name, data in phantom_study(Finding.GLIOMA, SLICES)
    }
    uids = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid(), "StudyDate": "20250101"}
    (prior,) = list(phantom_study(Finding.GLIOMA, 1))[:1]
    return made | {"prior": redrawn(prior[1], SOPInstanceUID=generate_uid(), **uids)}


@dataclass
class Client:
    """A browser, as far as these routes know it."""

    address: str
    installation: Installation

    def get(self, path: str, **headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.get(self.address + path, headers=named, timeout=60)


@contextmanager
def browser(**settings: Any) -> Iterator[Client]:
    with served(Settings(**settings)) as peer:
        yield Client(peer.address.removesuffix("/dicom-web"), peer.installation)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with browser(home=tmp_path_factory.mktemp("home")) as one:
        yield one


@pytest.fixture(scope="module")
def installation(client: Client) -> Installation:
    return client.installation


@pytest.fixture(scope="module")
def study(installation: Installation, files: dict[str, bytes]) -> str:
    studies = take_in(installation, files)
    assert len(set(studies)) == 2
    return studies[0]


@pytest.fixture(scope="module")
def described(client: Client, study: str) -> dict[str, Any]:
    answer = client.get(f"/viewer/studies/{study}/study.json")
    assert answer.headers["Cache-Control"] == "no-store"
    found: dict[str, Any] = answer.json()
    return found


def read(data: bytes) -> pydicom.FileDataset:
    return pydicom.dcmread(io.BytesIO(data))


def in_order(files: dict[str, bytes]) -> list[pydicom.FileDataset]:
    slices = [read(data) for name, data in files.items() if name != "prior"]
    return sorted((one for one in slices if one.SeriesNumber == 2), key=lambda one: one.ImagePositionPatient[2])


def test_a_study_is_described(described: dict[str, Any], study: str, installation: Installation) -> None:
    (series,) = described["series"]
    result = installation.store.study(study).result
    assert result is not None
    assert result.slices is not None
    assert described["first"] == described["suspicious"] == [result.slices.series, result.slices.slice]
    assert described["answer"]["label"] == result.predicted.label
    assert described["set_aside"] == ["localizer: Localiser"]
    assert [one["date"] for one in described["others"]] == ["2025-01-01"]
    assert (series["label"], series["plane"], len(series["scores"])) == ("t1_mprage_tra_ce", "axial", SLICES)
    for (at, p, finding), row in zip(series["scores"], result.slices.table[result.slices.series], strict=True):
        assert row is not None
        assert p == pytest.approx(1 - row[3], abs=1e-4)
        assert finding == list(Finding)[row.index(max(row))]
        assert series["slices"][at]["edges"] == ["R", "L", "A", "P"]


def test_slices_lead_back_to_the_values_of_the_files(
    described: dict[str, Any], client: Client, files: dict[str, bytes]
) -> None:
    (series,) = described["series"]
    for at, header in enumerate(in_order(files)):
        head = series["slices"][at]
        answer = client.get(f"{described['address']}/slices/{series['number']}/{at}")
        pixels = np.frombuffer(answer.content, "<u2").reshape(head["rows"], head["columns"])
        np.testing.assert_array_equal(pixels * head["slope"] + head["intercept"], header.pixel_array)
        assert head["window"] == [1500, 2500]
        assert head["height"] == pytest.approx(header.ImagePositionPatient[2], abs=0.01)
        assert head["spacing"] == list(header.PixelSpacing)


def test_a_slice_is_packed_and_kept_for_ever(described: dict[str, Any], client: Client) -> None:
    address = f"{described['address']}/slices/{described['series'][0]['number']}/3"
    answer = client.get(address)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "immutable" in answer.headers["Cache-Control"]
    assert "private" in answer.headers["Cache-Control"], "no cache of the network keeps a patient"
    again = client.get(address, If_None_Match=answer.headers["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    plain = client.get(address, Accept_Encoding="identity")
    assert "Content-Encoding" not in plain.headers
    assert plain.content == answer.content
    assert int(answer.headers["Content-Length"]) < len(plain.content)


def test_a_thumbnail_is_a_small_picture(described: dict[str, Any], client: Client) -> None:
    answer = client.get(f"{described['address']}/thumbnails/{described['series'][0]['number']}/3")
    picture = Image.open(io.BytesIO(answer.content))
    assert (answer.headers["Content-Type"], picture.height, picture.mode) == ("image/png", 96, "L")


def test_the_layers_are_those_of_the_answer(
    described: dict[str, Any], client: Client, installation: Installation, study: str
) -> None:
    number, at = described["suspicious"]
    score = installation.runtime.score(installation.series(study)[number].slices[at].pixels)
    answer = likeliest(score.probabilities)
    address = f"{described['layers']}/{number}/{at}"
    found = client.get(address).json()
    assert found["answer"] == found["explained"]
    assert found["answer"]["finding"] == answer
    assert found["answer"]["p"] == pytest.approx(score.probabilities[answer], abs=1e-9), "rounded where it is shown"
    shown = np.frombuffer(base64.b64decode(found["map"]["values"]), np.uint8) / 255
    cam = np.maximum(score.cam[..., list(Finding).index(answer)], 0)
    np.testing.assert_allclose(shown.reshape(cam.shape), cam / cam.max(), atol=0.003)
    assert [found["map"][key] for key in ("left", "top", "width")] == [score.look.left, score.look.top, score.look.side]
    mask = np.frombuffer(base64.b64decode(found["outline"]["values"]), np.uint8)
    np.testing.assert_allclose(mask.reshape(score.mask.shape) / 255, score.mask, atol=0.003)
    other = client.get(f"{address}?finding=notumor").json()
    assert (other["answer"], other["explained"]["finding"]) == (found["answer"], "notumor")
    assert other["map"]["values"] != found["map"]["values"]


def test_what_is_set_aside_can_be_looked_at(
    described: dict[str, Any], client: Client, files: dict[str, bytes], installation: Installation, study: str
) -> None:
    assert described["aside"]
    before = installation.store.study(study).result
    answer = client.get(f"{described['address']}/aside.json")
    assert answer.headers["Cache-Control"] == "no-store"
    (series,) = answer.json()["series"]
    assert series["label"] == "localizer"
    assert (series["aside"], series["note"], series["scores"]) == ("Localiser", "Not scored: Localiser", [])
    (stored,) = [one for one in map(read, files.values()) if one.SeriesDescription == "localizer"]
    (one,) = series["slices"]
    sent = client.get(f"{described['address']}/slices/{series['number']}/0").content
    values = np.frombuffer(sent, "<u2").reshape(one["rows"], one["columns"]) * one["slope"] + one["intercept"]
    np.testing.assert_allclose(values, stored.pixel_array, atol=0.5)
    assert client.get(f"{described['address']}/thumbnails/{series['number']}/0").status_code == 200
    assert client.get(f"{described['layers']}/{series['number']}/0").status_code == 404
    assert client.get(f"{described['address']}/slices/{series['number'] + 1}/0").status_code == 404
    assert client.get(f"{described['address']}/slices/{series['number']}/1").status_code == 404
    assert installation.store.study(study).result == before


def test_where_there_is_no_tumour_there_is_no_outline(described: dict[str, Any], client: Client) -> None:
    number = described["series"][0]["number"]
    clear = next(at for at, p, _ in described["series"][0]["scores"] if p < 0.2)
    found = client.get(f"{described['layers']}/{number}/{clear}").json()
    assert (found["answer"]["finding"], found["outline"]) == ("notumor", None)


def test_a_volume_has_three_planes(installation: Installation, client: Client) -> None:
    volume = nibabel.Nifti1Image(np.arange(20 * 24 * 28, dtype=np.int16).reshape(20, 24, 28), np.eye(4))
    (study,) = take_in(installation, {"small.nii": volume.to_bytes()})
    described = client.get(f"/viewer/studies/{study}/study.json").json()
    (series,) = described["series"]
    assert {plane: cut["count"] for plane, cut in series["planes"].items()} == {
        "axial": 28,
        "coronal": 24,
        "sagittal": 20,
    }
    assert described["answer"] is described["suspicious"] is None, "too small for the AI, not for the reader"
    assert described["first"] == [0, 14]


@pytest.mark.parametrize(
    "path",
    [
        "/viewer/studies/x/study.json",
        "/viewer/studies/..%2f..%2fetc/study.json",
        "/viewer/studies/{study}/{version}/slices/9/0",
        "/viewer/studies/{study}/{version}/slices/1/999",
        "/viewer/studies/{study}/{version}/slices/-1/0",
        "/viewer/studies/{study}/{version}/slices/1/1e3",
        "/viewer/studies/{study}/00000000000000000000000000000000/slices/1/0",
        "/viewer/studies/00000000000000000000000000000000/{version}/slices/1/0",
        "/viewer/studies/00000000000000000000000000000000/study.json",
        "/viewer/studies/{study}/{version}/layers/0000000000000000/1/0",
        "/viewer/studies/{study}/{version}/thumbnails/1/999",
        "/viewer/modules/../style.css",
        "/viewer/modules/..%2fstyle.css",
        "/viewer/modules/none.js",
        "/viewer/modules/main.py",
    ],
)
def test_what_is_not_there_is_said(path: str, client: Client, described: dict[str, Any], study: str) -> None:
    version = described["address"].rsplit("/", 1)[1]
    answer = client.get(path.format(study=study, version=version))
    assert answer.status_code == 404
    assert len(answer.text) < 200


@pytest.mark.parametrize("query", ["finding=none", "method=none", "finding=glioma&method=CAM%20"])
def test_a_class_or_method_that_is_none_is_refused(query: str, client: Client, described: dict[str, Any]) -> None:
    answer = client.get(f"{described['layers']}/{described['series'][0]['number']}/0?{query}")
    assert (answer.status_code, "Choose one" in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)]
)
def test_another_site_cannot_ask(site: str, status: int, client: Client, study: str) -> None:
    for path in (f"/viewer/studies/{study}/study.json", "/viewer/modules/main.js"):
        assert client.get(path, Sec_Fetch_Site=site).status_code == status


def test_modules_are_asked_for_again_and_not_sent_again(client: Client) -> None:
    answer = client.get("/viewer/modules/main.js")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert client.get("/viewer/modules/main.js", If_None_Match=answer.headers["ETag"]).status_code == 304


def test_modules_are_kept_for_good_under_the_digest_of_all_of_them(client: Client) -> None:
    first, *others = addresses("main.js")
    assert first.endswith("/main.js")
    assert first not in others
    assert len(others) + 1 == len(list((ROOT / "assets" / "viewer").rglob("*.js")))
    for address in (first, *others):
        answer = client.get(address)
        assert (answer.status_code, "immutable" in answer.headers["Cache-Control"]) == (200, True), address
    earlier = client.get(first.replace(digest(), "0" * 32))
    assert (earlier.status_code, earlier.headers["Cache-Control"]) == (200, "no-cache"), "a page that is still open"


def test_every_module_is_served_and_short(client: Client) -> None:
    modules = sorted((ROOT / "assets" / "viewer").rglob("*.js"))
    assert modules
    for path in modules:
        text = path.read_text()
        assert text.startswith("// @ts-check\n"), path
        assert text.count("\n") <= 300, path
        name = path.relative_to(ROOT / "assets" / "viewer").as_posix()
        assert client.get(f"/viewer/modules/{name}").text == text


def test_a_file_of_the_site_changes_the_keys(tmp_path: Path) -> None:
    own = tmp_path / "keys.json"
    own.write_text('{"invert": ["y"]}')
    with browser(home=tmp_path / "home", keys=own, worker="separate") as client:
        assert client.get("/viewer/modules/keys.json").json() == {"invert": ["y"]}
        own.unlink()
        assert client.get("/viewer/modules/keys.json").status_code == 404


def test_every_key_of_ours_does_one_thing() -> None:
    keys = json.loads((ROOT / "assets" / "viewer" / "keys.json").read_text())
    pressed = [key for pressed in keys.values() for key in pressed]
    assert len(pressed) == len(set(pressed))
    assert not {"Enter", "Escape", "n", "u"} & set(pressed), "those of the reading"


def test_files_that_are_gone_and_a_record_that_is_silent_are_said(installation: Installation, client: Client) -> None:
    data = next(iter(phantom_study(Finding.NOTUMOR, 1, seed=4)))[1]
    (study,) = take_in(installation, {"a": data})
    installation.files.path(installation.store.study(study).instances[0].sha256).unlink()
    answer = client.get(f"/viewer/studies/{study}/study.json")
    assert answer.status_code == 404
    assert "backup" in answer.text
    with installation.store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE study RENAME TO away")
    try:
        assert client.get(f"/viewer/studies/{study}/study.json").status_code == 503
    finally:
        with installation.store.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE away RENAME TO study")


def test_only_what_our_page_fetches_ahead_is_no_view(
    client: Client, installation: Installation, described: dict[str, Any], study: str
) -> None:
    number, at = described["first"]
    beside, address = (at - 1 if at else 1), described["address"]
    other = next(one for one in range(SLICES) if one not in (at, beside))

    def noted(reader: str, *paths: str) -> list[str]:
        cookie = f"{COOKIE}={reader}"
        for path in paths:
            assert client.get(path, triage_ahead="1", cookie=cookie).status_code == 200
        with installation.store.read() as session:
            query = select(AuditRow.event).where(AuditRow.actor == reader, AuditRow.study_id == study)
            return list(session.scalars(query.order_by(AuditRow.id)))

    first = f"/viewer/studies/{study}/study.json", *(f"{address}/slices/{number}/{one}" for one in (at, beside))
    assert noted("A", *first) == ["loaded ahead"]
    assert noted("B", *first, f"{address}/slices/{number}/{other}") == ["loaded ahead", "viewed"]
    assert noted("C", f"{address}/thumbnails/{number}/{at}") == ["viewed"]
    assert noted("D", f"{described['layers']}/{number}/{at}") == ["viewed"]


def test_before_a_class_is_committed_nobody_lets_the_ai_explain_a_slice(
    described: dict[str, Any],
    client: Client,
    installation: Installation,
    study: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    number, at = described["suspicious"]
    address = f"{described['layers']}/{number}/{at}?finding=glioma"
    monkeypatch.setattr(installation, "settings", installation.settings.model_copy(update={"blind_first_read": True}))
    whole = installation.store.study(study)
    assert client.get(address, Cookie=f"{COOKIE}=Eve").status_code == 403
    # Not scored yet, or not analysable: the layers would be made now.
    monkeypatch.setattr(type(installation.store), "study", lambda *_: replace(whole, results=()))
    assert client.get(address, Cookie=f"{COOKIE}=Eve").status_code == 403
    seen = installation.store.study(study).shown
    installation.store.drafts.commit_blind(study, "Eve", Finding.NOTUMOR, seen=seen.readings, now=datetime.now(UTC))
    assert client.get(address, Cookie=f"{COOKIE}=Eve").status_code == 200
