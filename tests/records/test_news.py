from __future__ import annotations

from record_samples import add, reading, result

from triage.domain import StudyHeader, StudyStatus
from triage.records.audit import Event
from triage.records.news import News
from triage.records.store import Store
from triage.records.views import Arrival, Instance


def test_news_are_what_changed_since(store: Store) -> None:
    news = News(store.read)
    assert (news.latest(), news.since(0)) == (0, [])
    study = add(store, 1)
    before = news.latest()
    store.results.file(study, result())
    store.readings.note_opened(study, reader="Dr. A")
    store.audit.requested(Event.SEARCHED, "", "nothing of the worklist", actor="peer")
    store.readings.sign(study, reading(), seen=0)
    items = news.since(before)
    assert [(item.kind, item.event) for item in items] == [
        ("study", Event.RANKED),
        ("claim", Event.OPENED),
        ("reading", Event.SIGNED),
    ]
    assert {(item.study_id, item.band, item.status, item.waiting) for item in items} == {
        (study, "STAT", StudyStatus.READ, False)
    }
    assert news.since(items[-1].number) == []


def test_news_name_no_patient(store: Store) -> None:
    header = StudyHeader("1.2", "DOE^JANE", "MRN77", "ACC77")
    store.arrivals.add("Doe", [Arrival(Instance("a", "doe.dcm", "DICOM", 1), header)], actor="door")
    (item,) = News(store.read).since(0)
    assert item.event is Event.RECEIVED
    assert not any(word in repr(item) for word in ("DOE", "Doe", "doe", "'77'"))
