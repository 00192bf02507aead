"""Commands of an installation, from score to second-reads and reidentify. Tested in tests/test_cli.py."""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, track

from triage.cli import record
from triage.cli.common import check_writable, console, count_of, exit_with, operator, or_exit, write_json
from triage.errors import TriageError
from triage.settings import ROOT, Settings
from triage.text import terminal

commands = typer.Typer()
#: Who sends the phantoms of the demonstration, in the audit trail.
DEMO = "demo"


@commands.command()
def score(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders with files.")],
    out: Annotated[Path, typer.Option("--json", help="JSON file to write.")],
    model: Annotated[Path | None, typer.Option(help="Model folder; the one in use if left out.")] = None,
) -> None:
    """Score DICOM, NIfTI, PNG, JPEG and ZIP files without a database: one JSON object per study.

    Its `set_aside` lists the series beside the scored ones that were not scored, each with the reason.
    """
    from triage.batch import files_below, find_studies, score_studies
    from triage.inference.runtime import Runtime
    from triage.scans.isolation.door import Door

    settings = Settings()
    check_writable(out)
    runtime = or_exit(lambda: Runtime(model or settings.model, settings.threads))
    files = files_below(paths)
    if not any(file.exists() for file in files):
        raise exit_with("No file was found there. Name files, or folders with files.", 2)
    with closing(Door()) as door, tempfile.TemporaryDirectory(prefix="triage-") as folder:
        studies = find_studies(track(files, "Inspecting", console=console), door, Path(folder))
        answers = list(score_studies(track(studies, "Scoring", console=console), door, runtime))
    write_json(out, answers)
    for status, count in sorted(Counter(answer["status"] for answer in answers).items()):
        console.print(f"{count:>8,} {status}")


@commands.command()
def serve(
    port: Annotated[int, typer.Option(help="Port of the web server.")] = 8501,
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "localhost",
) -> None:
    """Start the web app. For others than this computer it needs accounts and TRIAGE_ADDRESS: docs/access.md."""
    from triage.access.access import Access

    settings = Settings()
    or_exit(lambda: record.admit_model(settings))
    store = or_exit(lambda: record.open_record(settings))
    or_exit(lambda: Access(store, settings).check_bound(address))
    store.engine.dispose()
    script = str(ROOT / "app.py")
    options = ["--server.port", str(port), "--server.address", address]
    os.chdir(ROOT)  # Streamlit finds .streamlit/config.toml from here
    os.execv(  # noqa: S606 - the interpreter that runs this
        sys.executable, [sys.executable, "-m", "streamlit", "run", script, *options]
    )


@commands.command()
def worker() -> None:
    """Score received studies in a process of its own; set TRIAGE_WORKER=separate for the web app."""
    import signal
    from threading import Event

    from triage import logs
    from triage.pipeline.installation import Installation

    logs.configure()
    installation = or_exit(lambda: Installation(Settings()))
    or_exit(lambda: installation.runtime)
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    installation.run()
    console.print("Scoring new studies. Stop with Ctrl+C; the next start finishes the work in progress.")
    stopped.wait()
    installation.close()


@commands.command()
def check(
    remove: Annotated[
        bool, typer.Option("--clean", help="Remove what no study holds, if it is older than a day.")
    ] = False,
) -> None:
    """Compare the stored files with the record; exit status 1 if a file is missing or was altered."""
    from triage.pipeline.installation import Installation

    installation = or_exit(lambda: Installation(Settings()))
    with closing(installation):
        with console.status("Reading every stored file"):
            found = installation.check()
        whole = "" if found.missing or found.altered else ": all whole"
        console.print(
            f"Checked {count_of(found.files, 'file')} of {count_of(found.studies, 'study', 'studies')}{whole}.",
            highlight=False,
        )
        for count, words in (
            (len(found.missing), "missing: restore the files folder from a backup"),
            (len(found.altered), "altered on disk: restore the files folder from a backup"),
            (len(found.orphans), "orphaned: no study holds them, and they are older than a day"),
            (found.young, "without a study yet: an upload may be under way"),
            (len(found.left), "left by uploads that ended more than a day ago"),
        ):
            if count:
                console.print(f"{count:>8,} {words}", highlight=False)
        for sha256 in (*found.missing, *found.altered):
            console.print(f"         {sha256}", highlight=False)
        if remove:
            gone = installation.clean()
            removed = f"{count_of(gone.orphans, 'orphaned file')} and {count_of(gone.left, 'leftover')} of uploads"
            console.print(f"Removed {removed}." if gone.orphans or gone.left else "Nothing to remove.", highlight=False)
        elif found.orphans or found.left:
            console.print("Remove what is orphaned or left with --clean.")
    if found.missing or found.altered:
        raise typer.Exit(1)


@commands.command()
def demo(
    count: Annotated[int, typer.Option(min=0, help="Phantom slices, each a study of its own.")] = 24,
    studies: Annotated[int, typer.Option(min=0, help="Phantom studies in DICOM.")] = 4,
    slices: Annotated[int, typer.Option(min=1, help="Slices of each phantom study.")] = 24,
) -> None:
    """Fill the installation with phantom studies generated by code; they show no patient.

    An installation that holds other studies is left as it is.
    """
    from triage.domain import Finding
    from triage.phantom_studies import phantom_study
    from triage.phantoms import phantoms
    from triage.pipeline.installation import Installation
    from triage.pipeline.spool import Incoming

    settings = Settings()
    installation = or_exit(lambda: Installation(settings))
    if installation.store.audit.received_from_others(DEMO):
        installation.close()
        raise exit_with(f"{settings.home} holds studies that are no phantoms. Set TRIAGE_HOME to another folder.", 2)
    made = [
        Incoming(phantom.name, data=phantom.png)
        for phantom in track(phantoms(count), "Making phantom slices", total=count, console=console)
    ]
    for seed in track(range(studies), "Making phantom studies", console=console):
        finding = list(Finding)[seed % len(Finding)]
        made += [Incoming(name, data=file) for name, file in phantom_study(finding, slices, seed)]
    receipts = installation.receive(made, actor=DEMO)
    accepted = {receipt.study_id for receipt in receipts if receipt.study_id}
    with console.status("Scoring and ranking"):
        pending = installation.wait(accepted, timeout=60 + len(made))
    installation.close()
    if pending:
        console.print(f"{len(pending):,} studies are not ranked yet; the web app or the worker will rank them.")
    outcomes = Counter(receipt.outcome for receipt in receipts)
    console.print(f"{len(accepted):>8,} studies")
    for outcome, number in outcomes.items():
        console.print(f"{number:>8,} files {outcome}")
    console.print(
        "Next: make run. Open http://localhost:8501, enter your name in the sidebar, press Read next on the worklist.",
        highlight=False,
    )


@commands.command()
def export(
    out: Annotated[Path, typer.Argument(help="ZIP file to write.")],
    reader: Annotated[str | None, typer.Option(help="Only studies that this reader signed.")] = None,
    originals: Annotated[
        bool, typer.Option("--originals", help="Add the received files; these can identify the patient.")
    ] = False,
    deidentify: Annotated[
        bool, typer.Option("--deidentify", help="Leave out readers' names, free text and exact times.")
    ] = False,
) -> None:
    """Export signed readings and their slices as a data set, noted in the audit trail; docs/readings-export.md."""
    from triage.access.trail import note
    from triage.pipeline.installation import Installation
    from triage.records.audit import Event

    check_writable(out)
    if originals and deidentify:
        raise exit_with("The received files hold the patient's identity. Leave out --originals or --deidentify.", 2)
    installation = or_exit(lambda: Installation(Settings()))
    with closing(installation), Progress(console=console) as bar:
        task = bar.add_task("Exporting studies", total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        export = or_exit(
            lambda: installation.export_readings(
                out, reader=reader, originals=originals, deidentified=deidentify, progress=show
            )
        )
        what = "de-identified" if deidentify else "not de-identified"
        what += ", with the received files" if originals else ""
        detail = f"data set of readings: {export.studies:,} studies, {what}"
        try:
            note(installation.store, Event.EXPORTED, detail, actor=operator())
        except TriageError as error:  # nothing leaves without its row
            out.unlink()
            raise exit_with(str(error), 1) from error
    for study_id, reason in export.notes:
        console.print(terminal(f"{study_id}: {reason}"))
    if export.compared_with:
        compared = f"{export.copies:,} slices are copies of what {export.compared_with} was trained or tested on."
    else:
        compared = "Not compared with what the model has seen: its folder lacks seen.npz; write it with `remember`."
    console.print(
        f"Studies: {export.studies:,}, readings: {export.readings:,}, slices: {export.slices:,}, with a label: "
        f"{export.labelled:,}, contradicted by a copy: {export.contradicted:,}. {compared}\n"
        f"Data set {export.digest}. Written to {out}",
        markup=False,
        highlight=False,
    )


@commands.command("second-reads")
def second_reads(
    count: Annotated[int, typer.Option(min=1, help="Number of studies to list.")] = 20,
) -> None:
    """List the studies whose next reading would teach the model most, and why."""
    from triage.learning.second_reads import by_what_they_teach
    from triage.pipeline.installation import Installation
    from triage.records.unsettled import latest_said

    with closing(or_exit(lambda: Installation(Settings()))) as installation:
        found = by_what_they_teach(latest_said(installation.store.read))
    for one in found[:count]:
        console.print(terminal(f"{one.study_id}  {one.value:4.1f}  {one.readers} read  {', '.join(one.why)}"))
    unread = sum(not one.readers for one in found)
    console.print(f"{len(found):,} studies would teach something by a reading; nobody has read {unread:,} of them yet.")


@commands.command()
def reidentify(
    pseudonym: Annotated[str, typer.Argument(help="As shown on the worklist or in a DICOM file.")],
) -> None:
    """Print the identifier behind a pseudonym; the audit trail records who asked."""
    from triage.records.pseudonyms import Pseudonyms

    pseudonyms = or_exit(lambda: Pseudonyms(record.open_record(Settings())))
    print(or_exit(lambda: pseudonyms.original(pseudonym, actor=operator())))
