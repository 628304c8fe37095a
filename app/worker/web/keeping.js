// The page's side of offline use: what it needs is kept once the model is, and let go with it.

import { ending, moduleOf } from "./packed.js";

const CACHE = "sayself-demo-page";

/** Keeps the page, its scripts and its module; a browser that cannot, needs the network. */
export async function keepPage(folder, kind) {
  if (!("serviceWorker" in navigator) || !("caches" in self)) return false;
  const base = new URL(folder, location.href);
  const own = performance
    .getEntriesByType("resource")
    .map(({ name }) => new URL(name))
    .filter(({ origin, pathname }) => origin === location.origin && pathname.startsWith(base.pathname) && !pathname.includes("/model/"));
  const more = [`about.json${ending}`, "web/worker.js", "web/helper.js", `web/${kind}/sayself_worker.js`, `web/${moduleOf(kind)}`];
  // Among plain files the style sheet is one of them, and the script of light and dark another.
  const shared = [...document.querySelectorAll("link[rel=stylesheet], script[src]")].map(({ href, src }) => new URL(href ?? src).pathname);
  const addresses = new Set([location.pathname, ...shared, ...own.map(({ pathname }) => pathname), ...more.map((name) => new URL(name, base).pathname)]);
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
