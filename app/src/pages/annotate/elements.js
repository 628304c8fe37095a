// The rating page's parts. All of the page's script is one module, put together of the files beside this
// one: elements, outbox, standing, clock, drafts, marks, drawing, keys, rate.

const data = JSON.parse(document.getElementById("work-data").textContent);
const work = document.getElementById("work");
const form = document.getElementById("rate");
const isRating = form !== null;

const element = (id) => document.getElementById(id);
const slot = (name, within = work) => within.querySelector(`[data-slot="${name}"]`);
const put = (name, words, within) => { const one = slot(name, within); if (one) one.textContent = words; };
const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

// Storage can be forbidden; then what is remembered lasts as long as the page.
const remembered = {
  get(name) { try { return localStorage.getItem(name); } catch { return null; } },
  set(name, text) { try { localStorage.setItem(name, text); } catch {} },
};
