"""One peer neither keeps the others waiting nor fills the disk."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import anyio
import pytest
from dicomweb import Peer, body, file, study
from sqlalchemy import select
from starlette.exceptions import HTTPException

from triage.records.tables import AuditRow
from triage.web import turns
from triage.web.turns import OF_ALL, OF_PEER, Turns


def test_a_peer_has_its_turns_beside_others() -> None:
    free, at_work, begun = threading.Event(), threading.Semaphore(0), list[str]()

    def work(name: str) -> None:
        begun.append(name)
        at_work.release()
        assert free.wait(10)

    async def all_of_them() -> None:
        made = Turns()
        async with anyio.create_task_group() as group:
            for _ in range(2 * OF_ALL):
                group.start_soon(made.take, "busy", lambda: work("busy"))
            await anyio.to_thread.run_sync(lambda: [at_work.acquire(timeout=5) for _ in range(OF_PEER)])
            group.start_soon(made.take, "other", lambda: work("other"))
            await anyio.to_thread.run_sync(lambda: at_work.acquire(timeout=5))
            assert begun == ["busy"] * OF_PEER + ["other"]
            free.set()

    anyio.run(all_of_them)
    assert len(begun) == 2 * OF_ALL + 1


def test_bodies_of_a_peer_are_counted_together() -> None:
    made = Turns()
    with made.spooling("one", 100) as first, made.spooling("one", 100) as second, made.spooling("two", 100) as other:
        first(100)
        second(90)
        with pytest.raises(HTTPException, match="more than 0 MB") as refused:
            second(20)
        assert (refused.value.status_code, (refused.value.headers or {})["Retry-After"]) == (503, "60")
        other(100)
    with made.spooling("one", 100) as later:
        later(200)


def test_too_much_at_a_time_is_refused(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files count for what they take on the disk."""
    monkeypatch.setattr(turns, "BODIES", 1)
    small = body([b"x"] * (peer.installation.settings.stow_limit // 2**12 + 2))

    def pieces() -> Iterator[bytes]:
        yield from (small[start : start + 2**10] for start in range(0, len(small), 2**10))

    monkeypatch.setattr("triage.web.multipart.WRITE_BYTES", 2**10)
    response = peer.post(pieces())
    assert response.status_code == 503
    assert "Send it again in a minute" in response.text
    assert peer.store([file(study()[0])]).status_code == 200


def test_many_parts_that_cannot_be_read_are_one_row(peer: Peer) -> None:
    assert peer.store([b"x"] * 300).status_code == 409
    with peer.installation.store.read() as session:
        rows = session.scalars(select(AuditRow.detail).where(AuditRow.event == "refused")).all()
    assert len(rows) == 1
    assert rows[0].endswith("(files: 300)")
