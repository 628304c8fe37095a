// The addresses of a site, found as a visitor finds them: by its links, from the first page on.

/** Addresses of one shape that are looked at; the others differ in their data alone. */
const OF_ONE_SHAPE_MAX = 2;
const ADDRESSES_MAX = 48;

/** What an address is, whatever it is of: `/runs/:id/questions/:id?label`. */
export function shape(address) {
  const { pathname, searchParams } = new URL(address);
  const parts = pathname.split("/");
  const path = parts.map((part, index) => {
    const isId = index > 1 && ["runs", "jobs", "questions"].includes(parts[index - 1]) && part !== "new";
    return isId ? ":id" : part;
  });
  // What can be downloaded is of one kind, whatever its name.
  const download = path.findIndex((part, index) => index > 2 && ["charts", "files", "records"].includes(part));
  if (download > 0) path.length = download + 1;
  return [path.join("/"), ...[...new Set(searchParams.keys())].sort()].join("?");
}

/**
 * Walks a site: for each address its shape, the page that leads to it and whether it is a page at all.
 * Some of each shape are taken, one for each set of parameters.
 */
export async function walk(page, start) {
  const found = new Map([[start, { from: "the start", shape: shape(start) }]]);
  const waiting = [start];
  const ofShape = new Map([[shape(start), 1]]);
  while (waiting.length > 0 && found.size < ADDRESSES_MAX) {
    const address = waiting.shift();
    const answer = await page.request.get(address, { headers: { accept: "text/html" } });
    const about = found.get(address);
    about.isPage = (answer.headers()["content-type"] ?? "").startsWith("text/html");
    about.status = answer.status();
    if (!about.isPage) continue;
    await page.goto(address);
    const links = await page.$$eval("a[href]:not([download])", (links) =>
      // In a chart they are SVG's own.
      links.map((link) => new URL(link.getAttribute("href"), link.baseURI).href),
    );
    for (const link of links) {
      const url = new URL(link);
      url.hash = "";
      if (url.origin !== new URL(start).origin || found.has(url.href)) continue;
      const kind = shape(url.href);
      const most = kind.includes("?") ? 1 : OF_ONE_SHAPE_MAX;
      const count = ofShape.get(kind) ?? 0;
      if (count >= most) continue;
      ofShape.set(kind, count + 1);
      found.set(url.href, { from: address, shape: kind });
      waiting.push(url.href);
    }
  }
  return found;
}
