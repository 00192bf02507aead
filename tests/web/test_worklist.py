"""The rows of the worklist as the page asks for them, as CSV, and the columns of a reader."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
import requests
from dicomweb import Peer
from record_samples import NOW, add, instance, reading, result

from triage.domain import Band, Finding, Ranking, ReadingState, Resolution, Role, StudyHeader
from triage.learning.entries import READING_COLUMNS, STUDY_COLUMNS
from triage.records.news import News
from triage.records.views import Arrival
from triage.settings import ROOT
from triage.ui.tables import readings
from triage.web.events import Events
from triage.web.worklist import COLUMNS
from triage.web.worklist_rows import CSV_COLUMNS


def ask(peer: Peer, path: str, reader: str = "", method: str = "GET", **options: Any) -> requests.Response:
    address = peer.address.replace("/dicom-web", f"/worklist/{path}")
    cookies = {"triage_reader": quote(reader)} if reader else {}
    return requests.request(method, address, cookies=cookies, timeout=60, **options)


def rows(peer: Peer, **query: str) -> dict[str, Any]:
    answer = ask(peer, "rows", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    said: dict[str, Any] = answer.json()
    for row in said["rows"]:
        arrived = datetime.fromisoformat(row["arrived"])
        assert row.pop("waited") == pytest.approx((datetime.now(UTC) - arrived).total_seconds(), abs=30)
    return said


@pytest.fixture
def peer(discreet_peer: Peer) -> Peer:
    """Three studies that wait, of two bands, and one that was read."""
    store = discreet_peer.installation.store
    names = ("MÜLLER^JÖRG", "ROE^ANN", "=HYPERLINK^X", "READ^ONE")
    for number, name in enumerate(names, 1):
        header = StudyHeader(f"1.{number}", name, f"M{number}", f"A{number}")
        study = store.arrivals.add(f"Head {number}", [Arrival(instance(number), header)], actor="door").study_id
        scored = result(number / 10, numbers=(number,))
        if number == 3:
            scored = replace(scored, ranking=Ranking(Band.URGENT, "because"))
        store.results.file(study, scored)
    store.readings.sign(study, reading(), seen=0)
    return discreet_peer


def test_rows_come_in_the_reading_order_with_counts_that_add_up(peer: Peer) -> None:
    said = rows(peer)
    assert [row["mrn"] for row in said["rows"]] == ["M2", "M1", "M3"]
    assert said["rows"][1]["patient"] == "MÜLLER, JÖRG"
    assert (said["total"], said["page"], said["pages"]) == (3, 1, 1)
    counts = {one["name"]: one["count"] for one in said["lists"]}
    assert counts["all"] == counts["waiting"] + counts["read"] + counts["discarded"] == 4
    assert sum(said["bands"].values()) == said["total"]
    assert sum(one["count"] for one in said["findings"]) == said["total"]


def test_what_the_reader_signed_for_another_one_has_a_list_of_its_own(peer: Peer) -> None:
    store = peer.installation.store
    (signed,) = (row["id"] for row in rows(peer, text="M2")["rows"])
    store.readings.sign(signed, replace(reading(), state=ReadingState.PRELIMINARY), seen=0)
    for reader, mine in (("Dr. A", True), ("Dr. B", False)):
        said = ask(peer, "rows", reader).json()
        counts = {one["name"]: one["count"] for one in said["lists"]}
        assert (signed in [row["id"] for row in said["rows"]]) is not mine
        assert counts.get("for another reader") == (1 if mine else None)
        assert counts["second read"] == (0 if mine else 1)
        assert counts["waiting"] == said["total"] == sum(said["bands"].values()) == (2 if mine else 3)
        parts = ("waiting", "read", "discarded", "for another reader")
        assert counts["all"] == sum(counts.get(name, 0) for name in parts) == 4
    (row,) = ask(peer, "rows", "Dr. A", params={"list": "for another reader"}).json()["rows"]
    assert (row["id"], row["waiting"]) == (signed, True)


@pytest.mark.parametrize(
    ("query", "hiding"),
    [
        ({"text": "m1"}, None),
        ({"text": "m1", "bands": "ROUTINE"}, {"count": 1, "by": ["bands"]}),
        ({"text": "m1", "bands": "ROUTINE", "findings": "notumor"}, {"count": 1, "by": ["bands", "findings"]}),
        ({"text": "m1", "bands": "STAT", "findings": "notumor"}, {"count": 1, "by": ["findings"]}),
        ({"text": "m4"}, {"count": 1, "by": ["list"]}),
        ({"text": "m4", "bands": "ROUTINE"}, {"count": 1, "by": ["list", "bands"]}),
        ({"text": "nobody", "bands": "ROUTINE"}, None),
    ],
)
def test_only_what_hides_a_study_is_named(peer: Peer, query: dict[str, str], hiding: dict[str, Any] | None) -> None:
    assert rows(peer, **query)["hiding"] == hiding


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"text": "mull"}, ["M1"]),
        ({"list": "read"}, ["M4"]),
        ({"list": "all", "sort": "mrn", "descending": "true"}, ["M4", "M3", "M2", "M1"]),
        ({"bands": "URGENT"}, ["M3"]),
        ({"bands": "STAT,URGENT", "sort": "mrn"}, ["M1", "M2", "M3"]),
        ({"list": "discarded"}, []),
        ({"page": "77"}, ["M2", "M1", "M3"]),
        # What no page sends counts as nothing.
        ({"bands": "x", "sort": "name; DROP", "page": "-1", "list": ""}, ["M2", "M1", "M3"]),
        ({"page": "9" * 400}, ["M2", "M1", "M3"]),
        ({"page": "²"}, ["M2", "M1", "M3"]),
    ],
)
def test_filters_and_order(peer: Peer, query: dict[str, str], found: list[str]) -> None:
    said = rows(peer, **query)
    assert [row["mrn"] for row in said["rows"]] == found
    assert said["total"] == len(found)


def test_a_band_counts_what_its_click_would_show(peer: Peer) -> None:
    said = rows(peer, bands="URGENT")
    assert said["bands"] == {"STAT": 2, "URGENT": 1, "ROUTINE": 0}
    for band, count in said["bands"].items():
        assert rows(peer, bands=band)["total"] == count
    for one in rows(peer, list="all", text="m")["findings"]:
        assert rows(peer, list="all", text="m", findings=one["name"])["total"] == one["count"]


def test_a_read_study_says_who_signed_what(peer: Peer) -> None:
    (row,) = rows(peer, list="read")["rows"]
    assert [(one["reader"], one["finding"]) for one in row["signed"]] == [("Dr. A", Finding.GLIOMA.label)]


def test_who_signed_what_a_later_reading_replaced_is_marked(peer: Peer) -> None:
    store = peer.installation.store
    (signed,) = store.readings.signed()
    again = replace(reading(Finding.NOTUMOR), reader="Dr. B", role=Role.AMENDMENT, state=ReadingState.AMENDED)
    store.readings.sign(signed.study_id, again, seen=1)
    (row,) = rows(peer, list="read")["rows"]
    assert [(one["reader"], one["superseded"]) for one in row["signed"]] == [("Dr. A", True), ("Dr. B", False)]
    (line,) = csv.DictReader(io.StringIO(ask(peer, "rows.csv", params={"list": "read"}).content.decode("utf-8-sig")))
    assert line["signed"] == "Dr. A: Glioma (superseded); Dr. B: No tumour"


def test_a_merged_study_says_under_which_mrn_images_of_it_came(peer: Peer) -> None:
    store = peer.installation.store
    files = [Arrival(instance(number), StudyHeader("1.9", mrn=mrn)) for number, mrn in ((21, "M8"), (22, "M9"))]
    first, second = store.arrivals.add("Head 9", files, actor="door").study_ids
    store.conflicts.resolve(second, Resolution.MERGE, by="Dr. A", reason="compared at the source")
    (row,) = rows(peer, text="M8")["rows"]
    assert (row["id"], row["mrn"]) == (first, "M8")
    assert row["reason"].split(". ")[0] == "Merged with images that came under MRN M9"


def test_a_blind_reader_sees_no_answer_of_the_ai(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    blind = peer.installation.settings.model_copy(update={"blind_first_read": True})
    monkeypatch.setattr(peer.installation, "settings", blind)
    said = rows(peer)
    assert (said["bands"], said["findings"]) == ({}, [])
    for row in said["rows"]:
        assert (row["band"], row["malignancy"], row["finding"], row["reason"]) == ("", None, None, "")
        assert row["ai"] == "Hidden"
    (read,) = rows(peer, list="read")["rows"]
    assert read["malignancy"] is None, "nobody has read it yet who looks here"
    (read,) = ask(peer, "rows", "Dr. A", params={"list": "read"}).json()["rows"]
    assert (read["band"], read["malignancy"]) == ("STAT", 0.4), "who signed it may know"
    committed = said["rows"][0]["id"]
    peer.installation.store.drafts.commit_blind(committed, "Dr. B", Finding.GLIOMA, seen=0, now=NOW)
    shown = {row["id"]: row["band"] for row in ask(peer, "rows", "Dr. B").json()["rows"]}
    assert [study for study, band in shown.items() if band] == [committed]


def test_a_study_that_is_scored_again_says_which_result_its_numbers_are_of(peer: Peer) -> None:
    (before,) = rows(peer, text="M1")["rows"]
    files = [Arrival(instance(9), StudyHeader("1.1", "MÜLLER^JÖRG", "M1", "A1"))]
    peer.installation.store.arrivals.add("Head 1", files, actor="door")
    (row,) = rows(peer, text="M1")["rows"]
    assert (row["ai"], row["malignancy"]) == ("Being scored", before["malignancy"])
    assert row["reason"] == "It is scored again; band and P(glioma) are those of the result before"


def test_a_study_that_became_not_analysable_keeps_its_band_from_a_blind_reader(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = peer.installation.store
    (study,) = (row["id"] for row in rows(peer, text="M1")["rows"])
    store.arrivals.add("Head 1", [Arrival(instance(9), StudyHeader("1.1", "MÜLLER^JÖRG", "M1", "A1"))], actor="door")
    blind = peer.installation.settings.model_copy(update={"blind_first_read": True})
    monkeypatch.setattr(peer.installation, "settings", blind)
    for said in ("Being scored", "Not analysable"):
        (row,) = rows(peer, text="M1")["rows"]
        assert (row["id"], row["ai"], row["band"], row["malignancy"]) == (study, said, "", None)
        store.results.file_not_analysable(study, "Damaged slice")
    assert row["reason"] == "Damaged slice"


def test_what_comes_in_news_tells_a_blind_reader_no_band(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    events, item = Events(lambda: peer.installation), News(peer.installation.store.read).since(0)[-1]
    assert '"band": "STAT"' in events._event(item)
    blind = peer.installation.settings.model_copy(update={"blind_first_read": True})
    monkeypatch.setattr(peer.installation, "settings", blind)
    assert '"band": ""' in events._event(item)


@pytest.mark.parametrize("which", ["waiting", "all", "read"])
def test_no_filter_and_no_order_tells_a_blind_reader_what_the_ai_found(
    peer: Peer, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    blind = peer.installation.settings.model_copy(update={"blind_first_read": True})
    monkeypatch.setattr(peer.installation, "settings", blind)
    plain = rows(peer, list=which)
    arrived = [row["arrived"] for row in plain["rows"] if row["waiting"]]
    assert arrived == sorted(arrived)
    for asked in ({"findings": "glioma"}, {"findings": "notumor"}, {"bands": "STAT"}, {"bands": "ROUTINE"}):
        assert rows(peer, list=which, **asked) == plain
    for sort in ("band", "malignancy", "predicted"):
        for descending in ("true", "false"):
            assert rows(peer, list=which, sort=sort, descending=descending) == plain
            table = ask(peer, "rows.csv", params={"list": which, "sort": sort, "findings": "glioma"})
            assert table.content == ask(peer, "rows.csv", params={"list": which}).content


def test_pages_are_of_fifty(discreet_peer: Peer) -> None:
    for number in range(101):
        add(discreet_peer.installation.store, number, name=f"study-{number:03}.png")
    pages = [rows(discreet_peer, page=str(page)) for page in (1, 2, 3, 4)]
    assert [len(page["rows"]) for page in pages] == [50, 50, 1, 1]
    assert [(page["page"], page["pages"]) for page in pages] == [(1, 3), (2, 3), (3, 3), (3, 3)]


def test_the_table_holds_no_formula(peer: Peer) -> None:
    answer = ask(peer, "rows.csv", params={"list": "all", "sort": "mrn"})
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert "attachment" in answer.headers["content-disposition"]
    table = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["mrn"] for row in table] == ["M1", "M2", "M3", "M4"]
    assert table[0]["patient_name"] == "MÜLLER, JÖRG"
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in table for cell in row.values())
    assert (table[3]["signed"], table[0]["p_glioma"]) == ("Dr. A: Glioma", "0.100")


def test_the_table_has_every_row_in_the_order_of_the_list(discreet_peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.records.database.MAX_IN_VALUES", 2)
    monkeypatch.setattr("triage.web.audit_export.PIECE", 2)
    for number in range(7):
        add(discreet_peer.installation.store, number, name=f"study-{number:03}.png")
    listed = [row["id"] for row in rows(discreet_peer)["rows"]]
    table = ask(discreet_peer, "rows.csv").content.decode("utf-8-sig")
    assert [row["study"] for row in csv.DictReader(io.StringIO(table))] == listed
    assert len(listed) == 7
    assert ask(discreet_peer, "rows.csv", params={"text": "nowhere"}).content.count(b"\n") == 1


def test_what_tables_have_in_common_has_one_name_and_is_documented(peer: Peer) -> None:
    """The CSV of the worklist, that of My readings, and the exported data set."""
    listed, read = set(CSV_COLUMNS.values()), set(readings([]))
    assert listed & read == {"patient_name", "mrn", "accession", "study_date", "description", "ai_label"}
    assert {"study", "ai_label", "p_glioma"} == listed & {*STUDY_COLUMNS, *READING_COLUMNS}
    assert {"label", "blind_label", "signed_at"} <= read & {*STUDY_COLUMNS, *READING_COLUMNS}
    documented = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "readings-export.md").read_text()))
    assert (listed | read) - documented == set()


def test_columns_are_kept_for_each_reader(peer: Peer) -> None:
    chosen = [{"name": "mrn", "shown": True, "width": 120}, {"name": "ai", "shown": False, "width": None}]
    assert ask(peer, "columns", "Dr. Ä", "PUT", json={"columns": chosen}).json() == {"kept": True}
    assert ask(peer, "columns", "Dr. Ä").json() == {"columns": chosen}
    assert ask(peer, "columns", "Dr. B").json() == {"columns": []}
    assert ask(peer, "columns", "", "PUT", json={"columns": chosen}).json() == {"kept": False}


@pytest.mark.parametrize("sent", [None, 7, [7], [{"name": 7, "width": "x"}], [{"width": 1e9}] * 500, [{"width": True}]])
def test_columns_that_no_page_sends_do_no_harm(peer: Peer, sent: object) -> None:
    assert ask(peer, "columns", "Dr. A", "PUT", json={"columns": sent}).status_code == 200
    kept = ask(peer, "columns", "Dr. A").json()["columns"]
    assert len(kept) <= 40
    assert all(one["width"] is None or 40 <= one["width"] <= 900 for one in kept)


def test_an_error_is_one_sentence(peer: Peer) -> None:
    with peer.installation.store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE study RENAME TO gone")
    for path in ("rows", "rows.csv"):
        answer = ask(peer, path)
        assert answer.status_code == 503
        assert "The record does not answer" in answer.text


def test_half_a_character_is_not_kept_and_does_no_harm(peer: Peer) -> None:
    sent = b'{"columns": [{"name": "\\ud800"}]}'
    assert ask(peer, "columns", "Dr. A", "PUT", data=sent).status_code == 400
    earlier = {"columns": [{"name": "\ud800", "shown": True, "width": None}]}
    peer.installation.store.preferences.keep("Dr. A", COLUMNS, earlier)
    assert ask(peer, "columns", "Dr. A").json()["columns"][0]["name"] == "?"


@pytest.mark.parametrize("path", ["rows", "rows.csv", "columns"])
def test_another_site_sees_nothing(peer: Peer, path: str) -> None:
    answer = ask(peer, path, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert "MÜLLER" not in answer.text


def test_scripts_are_served_and_nothing_else(peer: Peer) -> None:
    for name in ("worklist.js", "worklist-table.js", "events.js", "events-worker.js"):
        answer = ask(peer, f"modules/{name}")
        assert answer.status_code == 200
        assert "javascript" in answer.headers["content-type"]
    for name in ("scroll.js", "nothing.js", "..%2Fworklist.js", "worklist.css"):
        assert ask(peer, f"modules/{name}").status_code == 404
