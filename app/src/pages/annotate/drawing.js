// An item on the screen: the elements that the server drew, filled with the next item.

const showProgress = async () => {
  const unsent = (await outbox.all(data.project)).filter(({ request, refused }) => !refused && request.revision === 1);
  const skips = unsent.filter(({ request }) => request.skip).length;
  const [rated, skipped] = [progress.own_rated + unsent.length - skips, progress.own_skipped + skips];
  put("own", current?.training || explaining
    ? `Training: ${Math.min(progress.training, progress.training_rated + unsent.length)} of ${progress.training} done.`
    : rated + skipped === 0 ? "You have rated none yet." : `You rated ${counted(rated, "item")}${skipped > 0 ? ` and skipped ${skipped.toLocaleString("en")}` : ""}.`);
  put("all", `All together: ${progress.rated.toLocaleString("en")} of ${counted(progress.wanted, "rating")}`);
  const bar = slot("bar");
  if (bar) [bar.max, bar.value] = [Math.max(1, progress.wanted), Math.min(progress.rated, progress.wanted)];
};

const show = (name) => {
  for (const id of ["item", "paused", "run-out"]) element(id).hidden = id !== name;
};

const percent = (share) => {
  if (share > 0 && share < 0.005) return "under 1%";
  if (share >= 0.995 && share < 1) return "over 99%";
  return `${Math.round(share * 100)}%`;
};

const drawCluster = (cluster, samples) => {
  const line = element("cluster-template").content.firstElementChild.cloneNode(true);
  put("portion", percent(cluster.share), line);
  put("answer", foreign(cluster.answer.trim() || "no answer"), line);
  put("times", `${cluster.count.toLocaleString("en")} of ${samples.toLocaleString("en")}`, line);
  line.querySelector("rect.part").setAttribute("width", Math.round(100 * Math.min(1, Math.max(0, cluster.share))));
  const examples = slot("examples", line);
  const example = examples.firstElementChild;
  examples.replaceChildren(...cluster.examples.map((text) => {
    const one = example.cloneNode(true);
    one.querySelector("bdi").textContent = foreign(text);
    return one;
  }));
  return line;
};

const drawEvidence = ({ evidence, samples }) => {
  const times = samples === 1 ? "once" : `${samples.toLocaleString("en")} times`;
  put("samples", evidence.length === 1
    ? `Asked ${times}, it always gave this answer.`
    : `Asked ${times}, it gave ${evidence.length.toLocaleString("en")} different answers.`);
  const clusters = slot("clusters");
  const shown = Number(clusters.dataset.shown);
  const lines = evidence.map((cluster) => drawCluster(cluster, samples));
  clusters.replaceChildren(...lines.slice(0, shown));
  slot("more-clusters").replaceChildren(...lines.slice(shown));
  put("more-words", `${counted(Math.max(0, evidence.length - shown), "answer")} more`);
  Object.assign(slot("more"), { hidden: evidence.length <= shown, open: false });
  element("open-all").setAttribute("aria-expanded", "false");
};

const fields = () => ({
  note: form.elements.note.value,
  spans: marks.spans(),
  score: form.elements.score?.value || undefined,
  choice: form.elements.choice?.value || undefined,
});

const keepDraft = () => {
  if (!current || data.preview) return;
  drafts.keep(current.assignment, { ...fields(), active_ms: clock.spent() });
};

/** Puts an item on the screen. */
const draw = (item, { isFirst = false } = {}) => {
  current = item;
  const said = drafts.of(item.assignment) ?? item.said ?? {};
  slot("training").hidden = !item.training;
  element("item").classList.remove("told");
  if (!isFirst) element("explained").hidden = true;
  slot("again").hidden = !item.said;
  if (item.said) put("again-words", wordsOf(item.said));
  put("question", foreign(item.question));
  drawEvidence(item);
  marks.show(item.rationales, said.spans ?? []);
  form.reset();
  for (const name of ["score", "choice"]) {
    for (const input of form.querySelectorAll(`input[name=${name}]`)) input.checked = String(said[name] ?? "") === input.value;
  }
  form.elements.note.value = said.note ?? "";
  element("noting").open = Boolean(said.note);
  element("skip-form").reset();
  element("skipping").open = false;
  element("send").disabled = false;
  put("chosen", "");
  clock.begin(drafts.of(item.assignment)?.active_ms ?? 0);
  show("item");
  showProgress();
  if (isFirst) return;
  const { top } = element("stage").getBoundingClientRect();
  if (top < 0 || top > innerHeight / 2) element("stage").scrollIntoView({ block: "start" });
  element("asked").focus({ preventScroll: true });
};
