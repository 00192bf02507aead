from __future__ import annotations

from triage.records.store import Store


def test_the_last_choice_of_each_reader_counts(store: Store) -> None:
    assert store.preferences.of("Dr. A", "worklist") == {}
    for reader, value in (("Dr. A", {"x": [1]}), ("Dr. B", {"y": 2}), ("Dr. A", {"x": [3]})):
        store.preferences.keep(reader, "worklist", value)
    assert store.preferences.of("Dr. A", "worklist") == {"x": [3]}
    assert store.preferences.of("Dr. B", "worklist") == {"y": 2}
    assert store.preferences.of("Dr. A", "other") == {}
