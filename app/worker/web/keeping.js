// The page's side of offline use: what it needs is kept once the model is, and let go with it.

const CACHE = "sayself-demo-page";

/** Keeps the page, its scripts and its module; a browser that cannot, needs the network. */
export async function keepPage(folder, kind) {
  if (!("serviceWorker" in navigator) || !("caches" in self)) return false;
  const base = new URL(folder, location.href);
  const own = performance
    .getEntriesByType("resource")
    .map(({ name }) => new URL(name))
    .filter(({ origin, pathname }) => origin === location.origin && pathname.startsWith(base.pathname) && !pathname.includes("/model/"));
  const more = ["about.json", "web/worker.js", `web/${kind}/sayself_worker.js`, `web/${kind}/sayself_worker_bg.wasm`];
  // Among plain files the style sheet is one of them.
  const sheets = [...document.querySelectorAll("link[rel=stylesheet]")].map(({ href }) => new URL(href).pathname);
  const addresses = new Set([location.pathname, ...sheets, ...own.map(({ pathname }) => pathname), ...more.map((name) => new URL(name, base).pathname)]);
  const cache = await caches.open(CACHE);
  await cache.addAll([...addresses]);
  await navigator.serviceWorker.register(new URL("offline.js", base), { scope: location.pathname });
  return true;
}

export async function forgetPage() {
  if ("caches" in self) await caches.delete(CACHE);
  if (!("serviceWorker" in navigator)) return;
  const registration = await navigator.serviceWorker.getRegistration();
  await registration?.unregister();
}
