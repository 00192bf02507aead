// @ts-check
/** What the form shows of a draft, of the question before a signature, and of what was answered. */
import { t } from "../t.js";
import { drawClaim, drawHeld, drawNews, drawOther, drawRefused } from "./panels.js";
import { clock } from "./parts.js";

/** @param {import("./form.js").Form} form */
export function draw(form) {
  const { parts, data, draft, overrides, question, elsewhere, snapshot, signing } = form;
  if (draft.other || elsewhere) question.drop(); // it was asked about a draft that may not stay, or is not to be signed now
  const { entries } = draft;
  parts.title.textContent = data.title;
  for (const radio of parts.choices) radio.checked = radio.value === entries.finding;
  for (const radio of parts.confidence) radio.checked = radio.value === entries.confidence;
  for (const name of /** @type {const} */ (["lesion", "reason", "comment"]))
    if (parts[name].value !== entries[name]) parts[name].value = entries[name];
  parts.lesion.hidden = entries.finding !== "other lesion";
  parts.reasonRow.hidden = !overrides;
  parts.fields.disabled = signing;
  parts.blind.textContent = snapshot.draft?.blind
    ? t("Committed before the AI was shown: {finding}", { finding: data.choices.find(([value]) => value === snapshot.draft?.blind)?.[1] ?? "" })
    : "";
  const chosen = data.choices.find(([value]) => value === entries.finding)?.[1] ?? "";
  const verb = overrides && data.verb === t("Confirm and sign") ? t("Sign override") : data.verb;
  const asked = data.blind ? t("Commit “{finding}”? Click again, or Enter", { finding: chosen }) : t("Sign “{finding}”? Click again, or Enter", { finding: chosen });
  const sending = data.blind ? t("Committing …") : t("Signing …");
  parts.sign.textContent = question.open ? asked : form.sending ? sending : verb;
  parts.sign.dataset.asks = question.open ? (question.answeredBy(performance.now()) ? "ready" : "soon") : "";
  const first = signing ? "" : form.first;
  parts.sign.disabled = signing || form.sending || !entries.finding || Boolean(first);
  parts.refusal.textContent = first || form.told || snapshot.draft?.refusal || "";
  parts.refusal.classList.toggle("good", Boolean(first) || form.told === form.done);
  const savedAt = [draft.savedAt, form.markedAt].sort()[1];
  const saved = savedAt && !signing ? t("Draft saved {time}", { time: clock(savedAt) }) : "";
  parts.state.textContent = draft.problem || (draft.dirty || draft.saving ? t("Saving …") : saved);
  parts.state.classList.toggle("bad", Boolean(draft.problem));
  drawRefused(form);
  drawOther(form);
  drawNews(form);
  drawClaim(form);
  drawHeld(form);
}
