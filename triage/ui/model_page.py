"""What the views of the page Models are given. Tested in tests/pages/test_models.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from triage.access.person import Person
from triage.access.roles import Right
from triage.inference.card import Card
from triage.pipeline.candidates import Candidate
from triage.pipeline.installation import Installation
from triage.pipeline.serving import InUse
from triage.records.acts import Act, Entry, shadows_of
from triage.records.answers import Answer, answers


@dataclass(frozen=True)
class Shown:
    """One look at the models.

    Attributes
    ----------
    in_use
        The model that serves; None if none does.
    entries
        The registry, the newest act first.
    candidates
        The folders in ``models/`` of the home folder.
    """

    installation: Installation
    person: Person
    in_use: InUse | None
    entries: tuple[Entry, ...]
    candidates: tuple[Candidate, ...]

    @property
    def may_choose(self) -> bool:
        """Whether the person chooses the model; others are not shown what a shadow says."""
        return self.person.may(Right.PROMOTE)

    @property
    def may_open(self) -> bool:
        """Whether the person may see and open studies."""
        return self.person.may(Right.READ)

    @cached_property
    def shadows(self) -> dict[str, Entry]:
        """The candidates in shadow, by card."""
        return shadows_of(self.entries)

    @cached_property
    def cards(self) -> Mapping[str, Card]:
        """The cards of all whole models by digest, the one that serves first."""
        found = [self.in_use.runtime.card] if self.in_use else []
        found += [one.card for one in self.candidates if one.card is not None]
        return {one.digest: one for one in found}

    @cached_property
    def answers(self) -> list[Answer]:
        """What models said of settled studies; of candidates only for whoever chooses the model."""
        served = {one.model.card for one in self.entries if one.act in (Act.PROMOTED, Act.ROLLED_BACK)}
        unseen = {one.model.card for one in self.entries if one.act is Act.SHADOW_ON} - served
        found = answers(self.installation.store.read)
        return [one for one in found if self.may_choose or one.card not in unseen]

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The names of all models that said something of settled studies, by card, the one that serves first."""
        here = self.in_use.runtime.card.digest if self.in_use else ""
        found = {one.card: one.name for one in self.answers}
        return {card: found[card] for card in sorted(found, key=lambda card: card != here)}
