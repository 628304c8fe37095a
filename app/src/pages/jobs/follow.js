// The server draws; this only puts the new drawing in the place of the old one.
const EVERY_MS = 2000;
const SOON_MS = 200;
const source = new EventSource(document.querySelector("script[data-follow]").dataset.follow);
let soon = null;
let over = false;

const put = (old, fresh) => {
  if (old.textContent === fresh.textContent && old.innerHTML === fresh.innerHTML) return;
  // A region that is read out keeps its element.
  if (old.getAttribute("role") === "status") {
    old.textContent = fresh.textContent;
    return;
  }
  const box = (part) => part.querySelector(".job-log");
  const place = box(old)?.scrollTop ?? 0;
  const held = old.contains(document.activeElement);
  old.replaceWith(fresh);
  if (box(fresh)) box(fresh).scrollTop = place;
  if (held) {
    const next = box(fresh) ?? fresh;
    if (next === fresh) next.tabIndex = -1;
    next.focus({ preventScroll: true });
  }
};

const look = async () => {
  soon = null;
  const answer = await fetch(location.href).catch(() => null);
  if (!answer?.ok) return;
  // The style sheet's nonce is that of another answer: left in, it would be told of as a breach.
  const text = (await answer.text()).replace(/<style[^]*?<\/style>/, "");
  const page = new DOMParser().parseFromString(text, "text/html");
  for (const fresh of page.querySelectorAll("[data-live]")) {
    const old = document.querySelector(`[data-live="${fresh.dataset.live}"]`);
    if (old) put(old, document.adoptNode(fresh));
  }
  // What is over is not followed, and its page says so.
  if (!page.querySelector("script[data-follow]")) over = true;
  if (over) {
    source.close();
    clearInterval(timer);
  }
};

const ask = () => { soon ??= setTimeout(look, SOON_MS); };
const timer = setInterval(ask, EVERY_MS);
source.addEventListener("log", ask);
source.addEventListener("message", ask);
source.addEventListener("open", () => { document.documentElement.dataset.following = "yes"; });
