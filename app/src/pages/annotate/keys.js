// The keys. Whoever is hindered by them switches them off; this browser remembers it.

const KEYS = "sayself-keys";
const areKeysOn = () => element("keys-on").checked;

const choose = (name, value) => {
  const input = form.querySelector(`input[name="${name}"][value="${value}"]`);
  if (!input) return;
  input.checked = true;
  // The focus stays where it was, so the choice is told.
  const label = input.closest("label");
  put("chosen", `${(label.querySelector("strong") ?? label.querySelector("span")).textContent} chosen.`);
  keepDraft();
};

const openSkipping = () => {
  const skipping = element("skipping");
  skipping.open = true;
  skipping.scrollIntoView({ block: "nearest" });
  skipping.querySelector("input[type=radio]:checked").focus();
};

const openAll = () => {
  const lines = [...element("item").querySelectorAll("details.cluster")];
  const isOpen = !lines.every(({ open }) => open);
  for (const line of lines) line.open = isOpen;
  element("open-all").setAttribute("aria-expanded", String(isOpen));
};

const openNote = () => {
  element("noting").open = true;
  element("note").focus();
};

const ofItem = (key) => {
  if (data.kind === "single") {
    if (/^\d$/.test(key)) return () => choose("score", key);
    if (key === "t") return () => choose("score", "10");
  } else {
    const choice = { ArrowLeft: "left", 1: "left", ArrowRight: "right", 2: "right", "=": "tie", x: "both-bad" }[key];
    if (choice) return () => choose("choice", choice);
  }
  return {
    s: openSkipping,
    n: openNote,
    e: openAll,
    m: () => marks.mark("born-out"),
    c: () => marks.mark("contradicted"),
    w: () => marks.byKeys(),
  }[key];
};

const pressed = (event) => {
  if (event.defaultPrevented || event.isComposing || event.repeat || element("keys").open) return;
  const { target, key } = event;
  const isItem = current !== null;
  if (key === "Enter" && (event.ctrlKey || event.metaKey)) {
    if (isItem && !target.closest("#skip-form")) form.requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (key === "Escape" && target.closest("#skipping")) {
    element("skipping").open = false;
    element("skipping").querySelector("summary").focus();
    return;
  }
  if (key === "Escape" && target.closest("#noting")) {
    element("asked").focus({ preventScroll: true });
    return;
  }
  const isText = target.closest("textarea, select, [contenteditable], input:not([type=radio], [type=checkbox])");
  if (isText || !areKeysOn()) return;
  // Arrows move within a group of choices, as everywhere.
  if (key.startsWith("Arrow") && target.matches("input[type=radio]")) return;
  if (key === "Enter") {
    if (target.closest("a, button, summary, input, [role=application]")) return;
    const on = explaining ? "explained" : ["paused", "run-out"].find((id) => !element(id).hidden);
    if (isItem) form.requestSubmit();
    else if (on) element(`${on}-on`).click();
    event.preventDefault();
    return;
  }
  const act = { u: undo, p: () => (isPaused ? goOn() : pause()), "?": () => element("keys").showModal() }[key]
    ?? (isItem ? ofItem(key) : undefined);
  if (!act) return;
  event.preventDefault();
  act();
};

const wireKeys = () => {
  const box = element("keys-on");
  const apply = () => {
    const isOn = box.checked;
    work.dataset.keys = isOn ? "on" : "off";
    for (const one of work.querySelectorAll("[aria-keyshortcuts], [data-shortcuts]")) {
      one.dataset.shortcuts ??= one.getAttribute("aria-keyshortcuts");
      if (isOn) one.setAttribute("aria-keyshortcuts", one.dataset.shortcuts);
      else one.removeAttribute("aria-keyshortcuts");
    }
  };
  box.checked = remembered.get(KEYS) !== "off";
  box.addEventListener("change", () => { remembered.set(KEYS, box.checked ? "on" : "off"); apply(); });
  apply();
  addEventListener("storage", ({ key }) => {
    if (key !== KEYS) return;
    box.checked = remembered.get(KEYS) !== "off";
    apply();
  });
  addEventListener("keydown", pressed);
  element("keys-button").addEventListener("click", () => element("keys").showModal());
};
