"""``python -m bench.learning``: a source is taken out, readers sign its studies, the model learns and is judged.

Everything that takes long is kept in ``var/learning/`` and used again; what is printed is written into
``docs/learning-loop.md`` and ``docs/results/learning-loop.json``. See these for what is measured.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from bench.loop.attacks import disowned, leaking, mistaken, poisoned, without_class
from bench.loop.models import RELEASE, remembered, restored, serving_model, trained_without, without
from bench.loop.report import publish
from bench.loop.site import Given, asked, received, signed, studies_of, typed
from triage.domain import Band, Finding
from triage.errors import TriageError
from triage.inference.runtime import Runtime
from triage.learning.dataset import read_dataset
from triage.learning.judged import GLIOMA, NOTUMOR, Answers, Mask
from triage.learning.judgement import Judgement, read_judgement
from triage.learning.measures import auroc
from triage.learning.paired import compared, compared_shares
from triage.learning.parts import Part
from triage.learning.retraining import work_folder
from triage.settings import ROOT, Settings
from triage.training.retrain.judge import Basis, answers_of, judged_on
from triage.training.retrain.retrain import SETTINGS, OldPictures, retrain
from triage.training.retrain.studies import Studies, reference_of, site_of

WORK = ROOT / "var" / "learning"
#: Share of the labels that are wrong with readers as they are, and with bad ones.
USUAL, BAD = 0.05, 0.30
HONEST = "5 % of the labels wrong"
NOISE = "30 % of the labels wrong"
MISSING = "no study without tumour signed"
POISON = "every FLAIR signed as without tumour"
LEAK = "trained on the test studies"
LIE = "the same, and its record denies it"


@dataclass(frozen=True)
class Scenario:
    """What is taken out.

    Attributes
    ----------
    name
        Of the scenario.
    sources
        Names of the sources in the data sets.
    trial
        Test fold of the cross-validation run that has not seen them; None if one must be trained without them.
    """

    name: str
    sources: tuple[str, ...]
    trial: int | None


SCENARIOS = {
    one.name: one
    for one in (
        Scenario("lgg", ("lgg",), 0),
        Scenario("br35h", ("br35h", "navoneel"), None),
        Scenario("nichart", ("nichart",), 1),
    )
}


def main(
    source: Annotated[str, typer.Option(help=f"What to take out: {', '.join(SCENARIOS)}.")] = "lgg",
    studies: Annotated[int, typer.Option(min=50, help="Number of studies that are signed.")] = 200,
    minutes: Annotated[float, typer.Option(min=0.1, help="Time of each retraining.")] = 20.0,
    attacks: Annotated[bool, typer.Option(help="Also what should be stopped.")] = True,
) -> None:
    """Run one scenario, or go on with it, and print what came of it."""
    scenario = SCENARIOS[source]
    settings = Settings()
    roots = [settings.data, settings.more]
    if scenario.trial is None:
        run = trained_without(scenario.sources, WORK / "runs-of-our-own" / source)
    else:
        run = restored(WORK)[scenario.trial]
    serving = serving_model(run, WORK / "models" / f"without-{source if scenario.trial is None else scenario.trial}")
    known = [without(root, scenario.sources, WORK / f"{root.name}-without-{source}") for root in roots]
    old = OldPictures(remembered(known, scenario.trial or 0, WORK / f"old-without-{source}"))
    everything = typed(studies_of(roots, scenario.sources), WORK / f"types-{source}.json")
    chosen = everything[:studies]
    folder = WORK / f"{source}-{studies}"
    folder.mkdir(parents=True, exist_ok=True)
    received(chosen, serving, folder / "home")

    runtime = Runtime(serving, threads=1)
    export = signed(folder / "home", serving, chosen, mistaken(USUAL), folder / "honest.zip")
    basis = _basis(folder, runtime, export, known)
    result = {
        "source": source,
        "studies": studies,
        "patients": len({study.patient for study in chosen}),
        "minutes": minutes,
        "rows": [],
    }
    for name, data, judged_data in _variants(folder, serving, chosen, export, attacks=attacks):
        candidate = folder / "candidates" / _file_name(name)
        try:
            if name == LIE:
                disowned(candidate.with_name(_file_name(LEAK)), candidate.with_name(_file_name(HONEST)), candidate)
            elif not candidate.exists():
                candidate.parent.mkdir(exist_ok=True)
                begun = (work_folder(candidate) / SETTINGS).exists()
                retrain(serving, data, candidate, replay=old, minutes=minutes, resume=begun)
            row = _row(name, _judgement(_on(basis, judged_data, export), Runtime(candidate, threads=1)))
        except TriageError as error:  # the retraining refuses what it is given
            row = {"name": name, "against": [f"No retraining: {error}"], "checks": []}
        result["rows"].append(row)
        if name == HONEST:
            result["gained"] = _gained(folder, _of_test_patients(folder, export, everything), runtime)
        # What is known is written at once: all of it takes hours.
        (folder / "result.json").write_text(json.dumps(result, indent=1) + "\n")
        publish(ROOT / "docs", [json.loads(path.read_text()) for path in sorted(WORK.glob("*/result.json"))])


def _judgement(basis: Basis, candidate: Runtime) -> Judgement:
    """Return the judgement that lies beside a candidate if it is of the same models and data; otherwise judge it."""
    known = read_judgement(candidate.folder)
    digests = (candidate.card.digest, basis.serving.card.digest, basis.site.digest)
    if known is not None and (known.candidate, known.serving, known.data_set) == digests:
        return known
    return judged_on(basis, candidate)


def _basis(folder: Path, runtime: Runtime, export: Path, references: list[Path]) -> Basis:
    """Return what the serving model is judged on; its answers are kept."""
    site, (reference, seen) = site_of(export), reference_of(references, runtime.card)
    on_site = {part: _kept(folder / f"answers-{part}.npz", runtime, studies) for part, studies in site.parts.items()}
    return Basis(runtime, site, reference, seen, on_site, _kept(folder / "answers-reference.npz", runtime, reference))


def _kept(path: Path, runtime: Runtime, studies: Studies) -> Answers:
    if not path.exists():
        said = answers_of(runtime, studies)
        np.savez(path, probabilities=said.probabilities, bands=said.bands, possible=said.possible)
    with np.load(path) as file:
        return Answers(file["probabilities"], file["bands"], file["possible"])


def _variants(
    folder: Path, serving: Path, chosen: list[Given], export: Path, *, attacks: bool
) -> Iterator[tuple[str, Path, Path]]:
    """Give the name of each candidate, the export that it learns from and the one that it is judged on."""
    yield HONEST, export, export
    if not attacks:
        return
    sign = partial(signed, folder / "home", serving, chosen)
    for name, signs, file in (
        (NOISE, mistaken(BAD), "noise.zip"),
        (MISSING, without_class(mistaken(USUAL), Finding.NOTUMOR), "missing.zip"),
        (POISON, poisoned(mistaken(USUAL)), "poison.zip"),
    ):
        data = sign(signs, folder / file)
        yield name, data, data
    yield LEAK, leaking(export, folder / "leak.zip"), export
    yield LIE, folder / "leak.zip", export


def _on(basis: Basis, data: Path, export: Path) -> Basis:
    """Return the basis with the labels of another export of the same studies: the answers are the same."""
    if data == export:
        return basis
    known = {
        name: (part, at) for part, studies in basis.site.parts.items() for at, name in enumerate(studies.cases.names)
    }
    site = site_of(data)
    answers = {}
    for part, studies in site.parts.items():
        at = np.array([known[name][1] for name in studies.cases.names], np.intp)
        assert all(known[name][0] is part for name in studies.cases.names)
        one = basis.on_site[part]
        answers[part] = Answers(one.probabilities[at], one.bands[at], one.possible[at])
    return replace(basis, site=site, on_site=answers)


def _row(name: str, judgement: Judgement) -> dict[str, Any]:
    return {
        "name": name,
        "against": [f"{check.name}: {check.verdict}" for check in judgement.against],
        "checks": [check.model_dump(mode="json") for check in judgement.checks],
    }


def _of_test_patients(folder: Path, export: Path, everything: list[Given]) -> list[Given]:
    """Return all studies of the patients in the test part, signed or not, with what they truly show."""
    accessions = {study_id: accession for accession, study_id in json.loads((folder / "home.json").read_text()).items()}
    by_accession = {study.accession: study for study in everything}
    tested = {
        by_accession[accessions[study.study]].patient
        for study in read_dataset(export).studies
        if study.split is Part.TEST
    }
    return [study for study in everything if study.patient in tested]


def _gained(folder: Path, tests: list[Given], serving: Runtime) -> dict[str, Any]:
    """Return figures of the serving model, the candidate and the model that was trained with the source."""
    studies = asked(tests)
    cases = studies.cases
    candidate = Runtime(folder / "candidates" / _file_name(HONEST), threads=1)
    models = {"before": serving, "upper": Runtime(RELEASE, threads=1), f"after-{candidate.card.digest}": candidate}
    before, upper, after = (_kept(folder / f"gained-{name}.npz", model, studies) for name, model in models.items())
    glioma, healthy = cases.labels == Finding.GLIOMA, cases.labels == Finding.NOTUMOR
    figures: dict[str, Any] = {}

    def area(name: str, positive: Mask, score: Callable[[Answers], NDArray[np.float64]]) -> None:
        if positive.any() and not positive.all():
            areas = [partial(_area, score(one), positive) for one in (before, after, upper)]
            figures[name] = _three(*(compared(areas[0], one, cases.patients) for one in areas[1:]))

    def share(name: str, among: Mask, hit: Callable[[Answers], Mask]) -> None:
        if among.any():
            hits = [hit(one)[among] for one in (before, after, upper)]
            figures[name] = _three(*(compared_shares(hits[0], one, cases.patients[among]) for one in hits[1:]))

    area("AUROC of glioma", glioma, lambda said: np.nan_to_num(said.probabilities[:, GLIOMA]))
    if not glioma.any():
        area("AUROC of tumour", ~healthy, lambda said: -np.nan_to_num(said.probabilities[:, NOTUMOR], nan=1.0))
        share("tumours in ROUTINE", ~healthy, lambda said: said.in_band(Band.ROUTINE))
        share("without tumour called so", healthy, lambda said: said.called == Finding.NOTUMOR)
    share("gliomas in STAT", glioma, lambda said: said.in_band(Band.STAT))
    share("gliomas in ROUTINE", glioma, lambda said: said.in_band(Band.ROUTINE))
    for band in (Band.STAT, Band.ROUTINE):
        among = ~glioma if glioma.any() else healthy
        share(f"without tumour in {band}", among, partial(Answers.in_band, band=band))
    return {"studies": len(tests), "patients": len(set(cases.patients)), "figures": figures}


def _area(scores: NDArray[np.float64], positive: Mask, at: NDArray[np.intp]) -> float:
    return auroc(scores[at], positive[at])


def _three(after: Any, upper: Any) -> dict[str, Any]:
    return {"before": after.before, "after": after.after, "upper": upper.after, "low": after.low, "high": after.high}


def _file_name(name: str) -> str:
    return "-".join(name.replace("%", "percent").replace(",", "").lower().split())


if __name__ == "__main__":
    typer.run(main)
