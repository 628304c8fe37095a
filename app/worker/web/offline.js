// Lets the page be opened without a network, once the model is kept: the newest page where there is a
// network, the kept one where there is none. It keeps what the page has told it to, and nothing else.

const CACHE = "sayself-demo-page";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  // The model's own pieces are kept elsewhere.
  if (request.method !== "GET" || url.origin !== location.origin || request.headers.has("range")) return;
  event.respondWith(newest(request, url));
});

async function newest(request, url) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(url.pathname);
  try {
    const answer = await fetch(request);
    if (kept && answer.ok && answer.type === "basic") await cache.put(url.pathname, answer.clone());
    return answer;
  } catch (error) {
    if (kept) return kept;
    throw error;
  }
}
