// The addresses of a site, found as a visitor finds them: by its links and forms, from the first page on.

/** Addresses of one shape that are asked for; with parameters, the others differ in their data alone. */
const OF_ONE_SHAPE_MAX = 6;
const OF_ONE_CHOICE_MAX = 1;
const ADDRESSES_MAX = 200;

/** What an address is, whatever it is of: `/runs/:id/questions/:id?label`. */
export function shape(address) {
  const { pathname, searchParams } = new URL(address);
  const parts = pathname.split("/");
  const path = parts.map((part, index) => {
    const isId = index > 1 && ["runs", "jobs", "questions", "annotate"].includes(parts[index - 1]) && part !== "new";
    return isId ? ":id" : part;
  });
  // What can be downloaded is of one kind, whatever its name.
  const download = path.findIndex((part, index) => index > 2 && ["charts", "files", "records"].includes(part));
  if (download > 0) path.length = download + 1;
  return [path.join("/"), ...[...new Set(searchParams.keys())].sort()].join("?");
}

/**
 * Walks a site: for each address its shape, the page that leads to it, its status, whether it is a page
 * at all, and how long it is in bytes. Pages are asked for, and not shown.
 */
export async function walk(page, start) {
  const found = new Map([[start, { from: "the start", shape: shape(start) }]]);
  const waiting = [start];
  const ofShape = new Map([[shape(start), 1]]);
  while (waiting.length > 0) {
    const address = waiting.shift();
    const answer = await page.request.get(address, { headers: { accept: "text/html" } });
    const about = found.get(address);
    about.isPage = (answer.headers()["content-type"] ?? "").startsWith("text/html");
    about.status = answer.status();
    if (!about.isPage) continue;
    const markup = await answer.text();
    about.bytes = markup.length;
    const links = await page.evaluate(
      ([markup, address]) =>
        [...new DOMParser().parseFromString(markup, "text/html").querySelectorAll("a[href]:not([download]), form[method=get]")].map(
          // In a chart links are SVG's own.
          (way) => new URL(way.getAttribute("href") ?? way.getAttribute("action"), address).href,
        ),
      [markup, address],
    );
    for (const link of links) {
      const url = new URL(link);
      url.hash = "";
      if (url.origin !== new URL(start).origin || found.has(url.href) || found.size >= ADDRESSES_MAX) continue;
      const kind = shape(url.href);
      const most = kind.includes("?") ? OF_ONE_CHOICE_MAX : OF_ONE_SHAPE_MAX;
      const count = ofShape.get(kind) ?? 0;
      if (count >= most) continue;
      ofShape.set(kind, count + 1);
      found.set(url.href, { from: address, shape: kind });
      waiting.push(url.href);
    }
  }
  return found;
}

/** Of the pages of each kind the longest, which shows the most; the kind is told by the shape. */
export function fullest(found, kindOf = (shape) => shape) {
  const pages = new Map();
  for (const [address, { isPage, shape, bytes }] of found) {
    const kind = kindOf(shape);
    if (isPage && bytes > (pages.get(kind)?.bytes ?? 0)) pages.set(kind, { address, bytes });
  }
  return [...pages.values()].map(({ address }) => address);
}
