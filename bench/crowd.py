"""Readers at work at the same time: light clients that ask the server for what a browser asks for, and draw nothing.

``python -m bench.crowd ADDRESS READERS STUDY...`` lets them read until it is ended.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import quote

import httpx
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from triage.settings import ROOT

#: Seconds from one study of a reader to the next.
PERIOD = 30.0
#: Heat maps that a reader looks at in each, and keys typed into the search of the worklist.
LAYERS, TYPED = 3, "bench"
#: Requests at one time, as the viewer makes them.
PARALLEL = 4


@contextmanager
def crowd(address: str, readers: int, studies: Sequence[str]) -> Iterator[None]:
    """Let readers work while the block runs, in a process of their own."""
    command = [sys.executable, "-m", "bench.crowd", address, str(readers), *studies]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


async def _read(address: str, name: str, studies: Sequence[str], start: float) -> None:
    await asyncio.sleep(start)
    cookie = f"triage_reader={quote(name)}"
    stream = address.replace("http", "ws", 1) + "/_stcore/stream"
    headers = {"Cookie": cookie, "Origin": address}
    async with (
        websockets.connect(stream, additional_headers=headers, max_size=None, open_timeout=60) as socket,
        httpx.AsyncClient(base_url=address, headers={"Cookie": cookie}, timeout=60) as client,
    ):
        while True:
            next_at = asyncio.get_running_loop().time() + PERIOD
            for typed in range(1, len(TYPED) + 1):
                await _fetch(client, f"/worklist/rows?text={TYPED[:typed]}")
            study = random.choice(studies)
            await _run_page(socket, study)
            await _look(client, study)
            await asyncio.sleep(max(next_at - asyncio.get_running_loop().time(), 0))


async def _run_page(socket: websockets.ClientConnection, study: str) -> None:
    """Open the review page, and wait until its script is through."""
    asked = BackMsg()
    asked.rerun_script.query_string = f"study={study}"
    asked.rerun_script.page_name = "review"
    await socket.send(asked.SerializeToString())
    said = ForwardMsg()
    while said.WhichOneof("type") != "script_finished":
        said.ParseFromString(await socket.recv(decode=False))


async def _look(client: httpx.AsyncClient, study: str) -> None:
    """Fetch the study, its first slice, all other ones, and some heat maps; a version without the viewer has none."""
    answer = await client.get(f"/viewer/studies/{study}/study.json")
    if answer.headers.get("content-type", "") != "application/json":
        return
    head = answer.json()
    number, first = head["first"]
    count = next(len(one["slices"]) for one in head["series"] if one["number"] == number)
    await _fetch(client, f"{head['address']}/slices/{number}/{first}")
    turns = asyncio.Semaphore(PARALLEL)

    async def one(at: int) -> None:
        async with turns:
            await _fetch(client, f"{head['address']}/slices/{number}/{at}")

    await asyncio.gather(*(one(at) for at in range(count) if at != first))
    for at in range(LAYERS):
        await _fetch(client, f"{head['layers']}/{number}/{at}")


async def _fetch(client: httpx.AsyncClient, path: str) -> None:
    async with client.stream("GET", path) as answer:
        async for _ in answer.aiter_raw():
            pass


async def _all(address: str, readers: int, studies: Sequence[str]) -> None:
    apart = PERIOD / readers
    await asyncio.gather(*(_read(address, f"Dr. {at}", studies, at * apart) for at in range(readers)))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_all(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
