"""What an administrator does about models: promote, override a judgement with a second one, roll back, shadow.

Every act asks for its right, checks the folder as it is on disk now, and is one transaction on the registry: what
serves changes whole or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass

from triage.access.person import Person
from triage.access.roles import Right, holders
from triage.errors import ModelError, NotFoundError, PromotionError
from triage.learning.judgement import Judgement, Mac
from triage.pipeline.acting import Acting
from triage.pipeline.candidates import Candidate, judgement_digest, read_candidate, try_out
from triage.pipeline.installation import Installation
from triage.pipeline.serving import InUse
from triage.records.acts import By, Entry, line_of, requests_of
from triage.text import one_line, visible

#: Characters of the reason of an override.
MAX_REASON = 500
NAMELESS = "Enter your name in the sidebar first, so that the record says who chose the model."
WITHOUT_ACCOUNTS = (
    "An override needs two administrators with accounts, and this installation has no accounts. Make them with: "
    "python -m triage account add NAME --role administrator"
)
NOT_JUDGED = (
    "{name} was not judged yet. Judge it against the model that serves with the command judge; then promote it."
)
OTHERWISE_JUDGED = (
    "{name} was judged against another model than serves now, or was changed since. Judge it again with the command "
    "judge; then promote it."
)
UNSEALED = (
    "The judgement of {name} does not carry the seal of this record: it was made elsewhere, or changed. Judge it here "
    "with the command judge; then promote it."
)
STOPPED = "{name} does not pass its judgement: {said} An administrator may ask for an override."
TWIN = (
    "{name} has the network of a model that serves or served here, with another card, so their results could not be "
    "told apart. Train it further, then release it."
)
GONE = (
    "{name}, who asked for this override, is no administrator any more. Decline it; another administrator may ask "
    "again."
)
UNREACHABLE = "Not rolled back, {name} goes on serving: {reason} Bring the folder back from a backup, then roll back."


@dataclass(frozen=True, slots=True)
class Promoting:
    """An administrator and the models of an installation. Every method raises `DeniedError` without the right.

    Attributes
    ----------
    acting
        Who acts, and on what.
    """

    acting: Acting

    def promote(self, folder: str, *, seen: int) -> Entry:
        """Let a candidate serve that passes its judgement against the model that serves now.

        Parameters
        ----------
        folder
            Of the candidate, below ``models/``.
        seen
            `InUse.seen` of the model that served when the person decided.

        Raises
        ------
        ConflictError
            If another model serves by now.
        ModelError
            If the candidate is damaged, is named as a released model, or cannot be run.
        PromotionError
            If it was not judged, does not pass, serves already, or could be taken for another model.
        """
        by, in_use = self._begin(), self._installation.serving.current()
        candidate = self._candidate(folder, in_use)
        if stopped := why_not(candidate, in_use, self._installation.store.key.mac):
            raise PromotionError(stopped)
        return self._promoted(candidate, in_use, by, seen)

    def ask(self, folder: str, reason: str, *, seen: int) -> Entry:
        """Ask to promote a candidate against its judgement; a second administrator has to agree.

        Parameters
        ----------
        folder, seen
            As of `promote`.
        reason
            Why it should serve nevertheless.

        Raises
        ------
        ConflictError, ModelError
            As `promote`.
        PromotionError
            Without accounts or a reason, or if no override is needed.
        """
        by, in_use = self._begin(), self._installation.serving.current()
        self._require_account(by)
        reason = visible(one_line(reason), MAX_REASON)
        if not reason:
            raise PromotionError("An override needs a reason. Write why this model should serve nevertheless.")
        candidate = self._candidate(folder, in_use)
        if not why_not(candidate, in_use, self._installation.store.key.mac):
            raise PromotionError(f"{candidate.name} passes its judgement. Promote it without an override.")
        card = in_use.runtime.card.digest
        return self._installation.store.registry.ask(candidate.model, by=by, seen=seen, against=card, reason=reason)

    def agree(self, number: int, *, seen: int) -> Entry:
        """Agree to an override, which promotes its candidate.

        Parameters
        ----------
        number
            Of the request.
        seen
            As of `promote`.

        Raises
        ------
        ConflictError, ModelError
            As `promote`; or the request is not open any more.
        PromotionError
            If the same administrator asked, or one who is none any more; or the candidate was changed since.
        """
        by, in_use = self._begin(), self._installation.serving.current()
        self._require_account(by)
        asked = self._request(number)
        if by.account == asked.by.account or by.actor == asked.by.actor:
            raise PromotionError("You asked for this override yourself. Another administrator has to agree.")
        if not self._is_administrator(asked.by.account):
            raise PromotionError(GONE.format(name=asked.by.actor))
        candidate = self._candidate(asked.model.folder, in_use)
        if candidate.model != asked.model:
            raise PromotionError(f"{asked.model.name} was changed since the override was asked for. Ask again.")
        return self._promoted(candidate, in_use, by, seen, asked)

    def withdraw(self, number: int) -> Entry:
        """End a request for an override: take back one's own, or decline that of another administrator.

        Raises
        ------
        ConflictError
            If it is not open any more.
        """
        return self._installation.store.registry.withdraw(number, by=self._begin())

    def roll_back(self, *, seen: int) -> Entry:
        """Let the model serve again that served before the newest promotion.

        Raises
        ------
        ConflictError
            If another model serves by now.
        PromotionError
            If nothing was promoted, or the folder of that model is gone or damaged.
        """
        by, installation = self._begin(), self._installation
        line = line_of(installation.store.registry.entries())
        if not line:
            raise PromotionError("No model was promoted here, so there is nothing to roll back to.")
        leaving = line[0].model
        try:
            before = installation.serving.before()
            installation.serving.load(before)
        except ModelError as error:
            raise PromotionError(UNREACHABLE.format(name=leaving.name, reason=error)) from error
        done = installation.store.registry.roll_back(before, by=by, seen=seen, against=leaving.card)
        installation.rescoring.wake()
        return done

    def shadow(self, folder: str) -> Entry:
        """Score new studies with a candidate from now on, unseen.

        Raises
        ------
        ConflictError, ModelError, PromotionError
            As `promote`; a judgement is not needed.
        """
        by, in_use = self._begin(), self._installation.serving.current()
        model, card = self._candidate(folder, in_use).model, in_use.runtime.card.digest
        done = self._installation.store.registry.shadow(model, on=True, by=by, against=card)
        self._installation.rescoring.wake()
        return done

    def end_shadow(self, shadow: Entry) -> Entry:
        """Score no more studies with a candidate; what it said is kept. Its folder may be gone.

        Raises
        ------
        ConflictError
            If it has ended.
        """
        by = self._begin()
        return self._installation.store.registry.shadow(shadow.model, on=False, by=by, against=shadow.against)

    @property
    def _installation(self) -> Installation:
        return self.acting.installation

    def _begin(self) -> By:
        """Ask for the right and the name."""
        self.acting.require(Right.PROMOTE)
        person: Person = self.acting.person
        if not person.name:
            raise PromotionError(NAMELESS)
        return By(person.name, person.account)

    @staticmethod
    def _require_account(by: By) -> None:
        if not by.account:
            raise PromotionError(WITHOUT_ACCOUNTS)

    def _is_administrator(self, account_id: str) -> bool:
        try:
            account = self._installation.store.accounts.get(account_id)
        except NotFoundError:
            return False
        return account.closed_at is None and not account.roles.isdisjoint(holders(Right.PROMOTE))

    def _candidate(self, folder: str, in_use: InUse) -> Candidate:
        """Return a candidate that could serve, read from the disk now."""
        candidate = read_candidate(self._installation.candidates.find(folder).path)
        card = try_out(candidate)
        if candidate.model.card == in_use.runtime.card.digest:
            raise PromotionError(f"{candidate.name} serves already.")
        # Results name the network that made them, and are explained by the model that has it.
        like = self._installation.serving.made_by(card.sha256)
        if like is not None and like.card.digest != card.digest:
            raise PromotionError(TWIN.format(name=card.name))
        return candidate

    def _request(self, number: int) -> Entry:
        asked = requests_of(self._installation.store.registry.entries())
        found = next((one for one in asked if one.number == number), None)
        if found is None:
            raise PromotionError("This request is not open any more. Look at the page anew.")
        return found

    def _promoted(self, candidate: Candidate, in_use: InUse, by: By, seen: int, asked: Entry | None = None) -> Entry:
        assert candidate.card is not None
        done = self._installation.store.registry.promote(
            candidate.model,
            by=by,
            seen=seen,
            against=in_use.runtime.card.digest,
            network=candidate.card.sha256,
            judgement=judgement_digest(candidate),
            reason=asked.reason if asked else "",
            request=asked.number if asked else None,
        )
        self._installation.rescoring.wake()
        return done


def why_not(candidate: Candidate, in_use: InUse, mac: Mac) -> str:
    """Return why a candidate may not be promoted without an override; empty if it may.

    Parameters
    ----------
    candidate, in_use
        The candidate, and the model that serves now.
    mac
        Of the key of the record, which sealed the judgement.
    """
    if candidate.card is None:
        return candidate.trouble
    judgement, card = candidate.judgement, in_use.runtime.card.digest
    if judgement is None:
        return candidate.trouble or NOT_JUDGED.format(name=candidate.name)
    if not judgement.is_sealed(mac):
        return UNSEALED.format(name=candidate.name)
    if judgement.passes(candidate.card.digest, card):
        return ""
    if not _is_of(judgement, candidate.card.digest, card):
        return OTHERWISE_JUDGED.format(name=candidate.name)
    return STOPPED.format(name=candidate.name, said=judgement.against[0].said)


def _is_of(judgement: Judgement, candidate: str, serving: str) -> bool:
    return (judgement.candidate, judgement.serving) == (candidate, serving)
