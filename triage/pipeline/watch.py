"""Verifies the record: its end at the start, the whole of it once a day, in steps that leave the machine to others."""

from __future__ import annotations

import hmac
import json
import logging
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

from pydantic import TypeAdapter

from triage.errors import ModelError, StorageError
from triage.pipeline.serving import Serving
from triage.records.chain import Damage, Kind, Link
from triage.records.faults import DAMAGED
from triage.records.files import FileStore
from triage.records.sealed import SealedDatabase
from triage.records.verify import Verification

logger = logging.getLogger(__name__)

#: File in the home folder with what the last verification found.
RESULT = "verified.json"
EVERY = timedelta(days=1)
#: Seconds between two looks whether it is time, and before a second try when the database does not answer.
LOOK, AGAIN = 600.0, 60.0
#: In the background a step is followed by a pause of so many times its length: it takes a tenth of one core.
GENTLE = 9.0
NOT_VERIFIED = "The record cannot be verified. The log says why; for the rows: python -m triage verify"
#: Damaged rows that are kept by name; the others are counted.
NAMED = 100


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification found.

    Attributes
    ----------
    at
        When it ended.
    head, mac
        Number and code of the last seal that it saw; the next verification asks for it. An earlier version has no code.
    seals, files
        How many were checked.
    damage
        The first damaged rows, in the order of the chain; empty if all is as it was sealed.
    damaged
        How many there are.
    """

    at: datetime
    head: int
    seals: int
    files: int
    damage: tuple[Damage, ...] = ()
    damaged: int = 0
    mac: str = ""

    def said(self) -> str:
        """Return the result in a sentence without anything of a study or a reader."""
        at = f"{self.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        if not self.damaged:
            return f"verified at {at}"
        return f"damaged, found at {at}: {self.counted()}. For the rows: python -m triage verify"

    def counted(self) -> str:
        """Return how much was checked, or how many rows are damaged in which way."""
        if not self.damaged:
            return f"{self.seals:,} seals and {self.files:,} files are as they were"
        kinds = Counter(str(one.kind) for one in self.damage)
        return ", ".join(f"{kind} ({count})" for kind, count in kinds.items())


_VERIFIED = TypeAdapter(Verified)


def verify_all(watch: Watch, serving: Serving, progress: Callable[[float], None] = lambda _: None) -> Verified:
    """Verify the whole record, and whether the model folder is the one that was accepted.

    Parameters
    ----------
    watch
        Verifies the record.
    serving
        Knows the model that is to serve.
    progress
        See `Watch.verify`.

    Raises
    ------
    StorageError
        If the database does not answer.
    """
    found = watch.verify(progress=progress)
    try:
        serving.compare()
    except ModelError as error:
        damage = (*found.damage, Damage(Kind.MODEL, "model", str(error)))
        return replace(found, damage=damage, damaged=found.damaged + 1)
    return found


class Watch:
    """Verifies one record in the background.

    Parameters
    ----------
    database, files
        The record.
    home
        Folder of the result.
    """

    def __init__(self, database: SealedDatabase, files: FileStore, home: Path) -> None:
        self._database, self._files, self._path = database, files, home / RESULT
        self._stopped, self._looked = Event(), Event()
        self._thread: Thread | None = None
        self._trouble = ""

    @property
    def starting(self) -> bool:
        """Whether the first look at the database is still to come."""
        return self._thread is not None and not self._looked.is_set()

    @property
    def trouble(self) -> str:
        """Why the record cannot be verified, in a sentence; "" if it can."""
        return self._trouble

    def last(self) -> Verified | None:
        """Return what the last verification found, by whichever process.

        None before the first, and if what is kept was not written with the key of the record or is of the future: then
        everything is verified anew.
        """
        with suppress(OSError, ValueError):
            code, _, text = self._path.read_bytes().partition(b"\n")
            if hmac.compare_digest(code, self._code(text)):
                found = _VERIFIED.validate_json(text)
                return found if found.at <= datetime.now(UTC) else None
        return None

    def verify(
        self, after: int = 0, *, gentle: float = 0.0, progress: Callable[[float], None] = lambda _: None
    ) -> Verified:
        """Verify the record, and keep what was found.

        Parameters
        ----------
        after
            Begin after the seal with this number; 0: everything, the files too.
        gentle
            Pause after each step, as a multiple of its length.
        progress
            Called after each step with the share of seals and files that are checked.

        Raises
        ------
        StorageError
            If the database does not answer.
        """
        if after > self._database.head().number:
            after = 0
        verification = Verification(self._database, self._files)
        before = self.last()
        damage = self._cut_off(before)
        is_cut_off = bool(damage)
        total = self._database.head().number - after + verification.count_files()
        began = time.monotonic()
        for step in verification.steps(after):
            damage += step
            progress(min((verification.seals + verification.checked_files) / max(total, 1), 1.0))
            if self._stopped.wait(gentle * (time.monotonic() - began)):
                raise StorageError("The verification was stopped. It begins again at the next start.")
            began = time.monotonic()
        last = self._database.head()
        if is_cut_off and before is not None:  # it is asked for until it is back
            last = Link(before.head, before.mac)
        found = Verified(
            datetime.now(UTC),
            last.number,
            verification.seals,
            verification.checked_files,
            tuple(damage[:NAMED]),
            len(damage),
            last.mac,
        )
        if damage:
            logger.error("the record is not as it was sealed: %s", found.said())
        if after and before is not None and not damage:
            # The end alone says nothing about the rest.
            found = replace(before, head=last.number, mac=last.mac) if not before.damaged else before
        self._keep(found)
        return found

    def start(self) -> None:
        """Verify the end of the record now and the whole of it when a day has passed since; a second call is idle."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="verify", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        last = self.last()
        pause = self._try(last.head) if last is not None else 0.0
        while not self._stopped.wait(pause):
            last = self.last()
            is_due = last is None or datetime.now(UTC) - last.at > EVERY
            pause = self._try(0) if is_due else LOOK

    def _try(self, after: int) -> float:
        """Verify, and return after how many seconds to look again."""
        try:
            self._database.check_whole()
            self._looked.set()
            self.verify(after, gentle=GENTLE)
        except StorageError as error:
            if not self._stopped.is_set():
                logger.exception("the record was not verified")
                self._trouble = str(error) if str(error) == DAMAGED else ""
            return AGAIN
        except Exception:
            logger.exception("the record was not verified for an error of the program")
            self._trouble = NOT_VERIFIED
            return LOOK
        finally:
            self._looked.set()
        self._trouble = ""
        return LOOK if not after else 0.0

    def _cut_off(self, before: Verified | None) -> list[Damage]:
        """Whether the last verification saw a seal that is not there: then database and anchors were put back."""
        if before is None:
            return []
        mac = self._database.mac_of(before.head)
        if mac is None:
            return [Damage(Kind.TRUNCATED, "seal", f"{before.head} was verified and is not there")]
        if before.mac and mac != before.mac:
            return [Damage(Kind.SPLICED, "seal", f"{before.head} is not the one that was verified")]
        return []

    def _code(self, text: bytes) -> bytes:
        return self._database.key.mac(b"verified " + text).encode()

    def _keep(self, found: Verified) -> None:
        text = json.dumps(asdict(found), default=str).encode()
        try:
            descriptor, part = tempfile.mkstemp(dir=self._path.parent)
            with os.fdopen(descriptor, "wb") as file:
                file.write(self._code(text) + b"\n" + text)
            Path(part).replace(self._path)
        except OSError:
            logger.exception("the result of the verification was not kept; free disk space in the home folder")
