"""Durable work on DBOS: what is enqueued here is done, however often the process that does it is killed.

DBOS is imported when there is work: the web process draws its first page without it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from threading import Event, RLock, Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from triage.errors import StorageError

if TYPE_CHECKING:
    from dbos import DBOSClient, DBOSConfig

logger = logging.getLogger(__name__)

NAME = "neurotriage"
#: Pinned, or work that an earlier release left behind would be nobody's.
VERSION = "1"
QUEUE = "studies"
WORKFLOW = "process"
UNDER_WAY, GIVEN_UP = ("DELAYED", "ENQUEUED", "PENDING"), "MAX_RECOVERY_ATTEMPTS_EXCEEDED"
#: Studies in work at one time: while one is scored, the next is decoded.
CONCURRENCY = 2
#: How often the queue is asked for work, and how often the record is searched for studies left behind: seconds.
POLL, SWEEP = 0.1, 15.0
#: A study that took the process down with it this often is given up.
MAX_RECOVERIES = 10
#: How often filing is tried again while the record does not take it, and the first pause: seconds; it doubles.
TRIES, PAUSE = 12, 0.5
#: How long work that is done stays listed.
KEPT = timedelta(days=1)


class Work:
    """The queue of one installation.

    Parameters
    ----------
    url
        SQLAlchemy address of the database that DBOS keeps its tables in.
    run
        Processes one study by its ID; may raise `StorageError`, is then called again, and may be called twice.
    sweep
        Finds studies that were left behind; called again and again while the queue runs.
    """

    def __init__(self, url: str, run: Callable[[str], None], sweep: Callable[[], object]) -> None:
        self.url = url
        self._run, self._sweep = run, sweep
        self._lock = RLock()
        self._known_client: DBOSClient | None = None
        self._stopping: Event | None = None
        self._over = False

    def enqueue(self, study_id: str, contents: str) -> None:
        """Ask for a study to be processed; asking again for the same contents while it waits changes nothing."""
        from dbos import EnqueueOptions

        name = key(study_id, contents)
        options = EnqueueOptions(
            queue_name=QUEUE,
            workflow_name=WORKFLOW,
            workflow_id=f"{name}.{uuid4().hex[:8]}",
            app_version=VERSION,
            deduplication_id=name,
            duplication_policy="return-existing",
        )
        self._client().enqueue(options, study_id)

    def listed(self) -> tuple[Collection[str], Collection[str]]:
        """Return the study IDs, each with its contents as `key` joins them, of work under way and of work given up."""
        found = self._client().list_workflows(
            status=[*UNDER_WAY, GIVEN_UP], name=WORKFLOW, load_input=False, load_output=False
        )
        keys = [(item.workflow_id.rpartition(".")[0], item.status) for item in found]
        return {key for key, status in keys if status != GIVEN_UP}, {key for key, status in keys if status == GIVEN_UP}

    def start(self) -> None:
        """Run the queue here, one installation a process; called again, or after `stop`, it changes nothing."""
        with self._lock:
            if self._over or self._stopping is not None:
                return
            from dbos import DBOS

            _workflow(DBOS)
            global _running
            _running = self._run
            # Before the launch: a queue that is registered later is noticed a second later.
            self._client().register_queue(QUEUE, worker_concurrency=CONCURRENCY, polling_interval_sec=POLL)
            DBOS(config=self._config())
            DBOS.launch()
            self._stopping = Event()
            Thread(target=self._look_after, args=(self._stopping,), name="sweep", daemon=True).start()

    def stop(self) -> None:
        """End the queue in this process for good; what is in work is done again by the next one that starts."""
        with self._lock:
            # A search for studies left behind that is under way would start it again.
            self._over = True
            if self._known_client is not None:
                self._known_client.destroy()
                self._known_client = None
            if self._stopping is None:
                return
            from dbos import DBOS

            self._stopping.set()
            self._stopping = None
            DBOS.destroy()

    def _client(self) -> DBOSClient:
        with self._lock:
            if self._known_client is None:
                from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer

                DBOS.migrate(self.url)
                self._known_client = DBOSClient(
                    system_database_url=self.url,
                    serializer=DBOSPortableJSONSerializer(),
                    application_name=NAME,
                )
            return self._known_client

    def _config(self) -> DBOSConfig:
        from dbos import DBOSPortableJSONSerializer

        return {
            "name": NAME,
            "system_database_url": self.url,
            "application_version": VERSION,
            "executor_id": NAME,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
            "enable_otlp": False,
        }

    def _look_after(self, stopping: Event) -> None:
        while not stopping.is_set():
            try:
                self._sweep()
                self._forget()
            except Exception:
                if not stopping.is_set():
                    logger.exception("looking for studies left behind failed")
            stopping.wait(SWEEP)

    def _forget(self) -> None:
        """Take work that was done long ago off the list."""
        before = (datetime.now(UTC) - KEPT).isoformat()
        done = self._client().list_workflows(
            status=["SUCCESS", "ERROR"], completed_before=before, limit=1000, load_input=False, load_output=False
        )
        if done:
            self._client().delete_workflows([workflow.workflow_id for workflow in done])


#: What the workflow of this process calls: DBOS knows workflows by name, one set a process.
_running: Callable[[str], None] | None = None


@lru_cache(maxsize=1)
def _workflow(dbos: Any) -> object:
    """Register the workflow; once a process, whatever is started and stopped."""

    def process(study_id: str) -> None:
        assert _running is not None
        retry = {
            "name": "judge and file",
            "retries_allowed": True,
            "max_attempts": TRIES,
            "interval_seconds": PAUSE,
            "should_retry": lambda error: isinstance(error, StorageError),
        }
        dbos.run_step(retry, _running, study_id)

    return dbos.workflow(name=WORKFLOW, max_recovery_attempts=MAX_RECOVERIES)(process)


def key(study_id: str, contents: str) -> str:
    """Return the name of the work that a study with certain contents asks for."""
    return f"{study_id}.{contents[:16]}"
