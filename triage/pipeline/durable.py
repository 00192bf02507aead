"""The durable queue on DBOS: enqueued work is done, however often the process that does it is killed.

DBOS is imported when there is work, so that the web process draws its first page without it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from threading import Event, RLock, Thread
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import uuid4

from triage.errors import StorageError
from triage.records import faults

if TYPE_CHECKING:
    from dbos import DBOSClient, DBOSConfig

logger = logging.getLogger(__name__)

APPLICATION = "neurotriage"
#: Pinned: DBOS recovers only the work of its own version, and a new release has to finish the work of the old one.
APPLICATION_VERSION = "1"
QUEUE = "studies"
WORKFLOW = "process"
#: Workflow states of DBOS.
IN_PROGRESS = ("DELAYED", "ENQUEUED", "PENDING")
GIVEN_UP = "MAX_RECOVERY_ATTEMPTS_EXCEEDED"
#: Studies processed at one time: while one is scored, the next is decoded.
CONCURRENCY = 2
#: Seconds between two looks into the queue.
POLL_INTERVAL = 0.1
#: Seconds between two searches for studies that are not in the queue although they should be.
SWEEP_INTERVAL = 15.0
#: A study that ended the process this often is given up.
MAX_RECOVERIES = 10
#: Attempts to file a result while the record does not take it.
FILING_ATTEMPTS = 12
#: Seconds before the second attempt; the pause doubles with each one.
FIRST_PAUSE = 0.5
#: How long finished work stays listed.
FINISHED_KEPT = timedelta(days=1)


class Work:
    """The durable queue of one installation.

    Parameters
    ----------
    url
        SQLAlchemy address of the database for the tables of DBOS.
    run
        Processes one study by its ID. After a `StorageError` it is called again; it may be called twice for one study.
    sweep
        Enqueues studies that are missing in the queue; called at intervals while the queue runs.
    """

    def __init__(self, url: str, run: Callable[[str], None], sweep: Callable[[], object]) -> None:
        self.url = url
        self._run, self._sweep = run, sweep
        self._lock = RLock()
        self._dbos_client: DBOSClient | None = None
        self._stopping: Event | None = None
        self._stopped = False

    def enqueue(self, study_id: str, contents: str) -> None:
        """Enqueue a study; a second call for the same contents while the first waits changes nothing."""
        from dbos import EnqueueOptions

        work_key = key(study_id, contents)
        options = EnqueueOptions(
            queue_name=QUEUE,
            workflow_name=WORKFLOW,
            workflow_id=f"{work_key}.{uuid4().hex[:8]}",
            app_version=APPLICATION_VERSION,
            deduplication_id=work_key,
            duplication_policy="return-existing",
        )
        with faults.said():
            self._client().enqueue(options, study_id)

    def listed(self) -> tuple[Collection[str], Collection[str]]:
        """Return the keys (see `key`) of the work in progress, and of the work that was given up."""
        with faults.said():
            found = self._client().list_workflows(
                status=[*IN_PROGRESS, GIVEN_UP], name=WORKFLOW, load_input=False, load_output=False
            )
        keys = [(item.workflow_id.rpartition(".")[0], item.status) for item in found]
        return {key for key, status in keys if status != GIVEN_UP}, {key for key, status in keys if status == GIVEN_UP}

    def start(self) -> None:
        """Run the queue in this process, one installation per process; a second call does nothing."""
        with self._lock:
            if self._stopped or self._stopping is not None:
                return
            from dbos import DBOS

            _workflow(DBOS)
            global _running
            _running = self._run
            # Before the launch: DBOS notices a queue that is registered later only after a second.
            self._client().register_queue(QUEUE, worker_concurrency=CONCURRENCY, polling_interval_sec=POLL_INTERVAL)
            DBOS(config=self._config())
            DBOS.launch()
            self._stopping = Event()
            Thread(target=self._sweep_at_intervals, args=(self._stopping,), name="sweep", daemon=True).start()

    def stop(self) -> None:
        """End the queue in this process for good; the next process repeats the work in progress."""
        with self._lock:
            # A sweep in progress would otherwise start the queue again.
            self._stopped = True
            if self._dbos_client is not None:
                self._dbos_client.destroy()
                self._dbos_client = None
            if self._stopping is None:
                return
            from dbos import DBOS

            self._stopping.set()
            self._stopping = None
            DBOS.destroy()

    def _client(self) -> DBOSClient:
        with self._lock:
            if self._dbos_client is None:
                from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer

                _never_read_pickles()
                DBOS.migrate(self.url)
                self._dbos_client = DBOSClient(
                    system_database_url=self.url,
                    serializer=DBOSPortableJSONSerializer(),
                    application_name=APPLICATION,
                )
            return self._dbos_client

    def _config(self) -> DBOSConfig:
        from dbos import DBOSPortableJSONSerializer

        return {
            "name": APPLICATION,
            "system_database_url": self.url,
            "application_version": APPLICATION_VERSION,
            "executor_id": APPLICATION,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
            "enable_otlp": False,
        }

    def _sweep_at_intervals(self, stopping: Event) -> None:
        while not stopping.is_set():
            try:
                self._sweep()
                self._delete_finished()
            except Exception:
                if not stopping.is_set():
                    logger.exception("the search for studies that are missing in the queue failed")
            stopping.wait(SWEEP_INTERVAL)

    def _delete_finished(self) -> None:
        """Delete the entries of work that was finished long ago."""
        before = (datetime.now(UTC) - FINISHED_KEPT).isoformat()
        finished = self._client().list_workflows(
            status=["SUCCESS", "ERROR"], completed_before=before, limit=1000, load_input=False, load_output=False
        )
        if finished:
            self._client().delete_workflows([workflow.workflow_id for workflow in finished])


#: Function that the workflow of this process calls; DBOS registers workflows by name, once per process.
_running: Callable[[str], None] | None = None


@lru_cache(maxsize=1)
def _workflow(dbos: Any) -> object:
    """Register the workflow, once per process."""

    def process(study_id: str) -> None:
        assert _running is not None
        retry = {
            "name": "judge and file",
            "retries_allowed": True,
            "max_attempts": FILING_ATTEMPTS,
            "interval_seconds": FIRST_PAUSE,
            "should_retry": lambda error: isinstance(error, StorageError),
        }
        dbos.run_step(retry, _running, study_id)

    return dbos.workflow(name=WORKFLOW, max_recovery_attempts=MAX_RECOVERIES)(process)


def _never_read_pickles() -> None:
    """Take from DBOS what reads pickles, which run code: a row of its tables says itself how it is to be read."""
    from dbos._serialization import DefaultSerializer

    DefaultSerializer.deserialize = _refuse  # type: ignore[assignment,method-assign]


def _refuse(_: object, serialized_data: str) -> NoReturn:  # noqa: ARG001 - as DBOS calls it
    raise ValueError("The queue holds a pickle, which is never read. Find out who writes to its tables.")


def key(study_id: str, contents: str) -> str:
    """Return the key of the work for a study with certain contents."""
    return f"{study_id}.{contents[:16]}"
