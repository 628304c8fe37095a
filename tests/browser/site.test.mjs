// A site of files, below a folder of a host that knows nothing: no ranges, no packing, no headers.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { alive, assertAccessible, assertNoSidewaysScrolling, launch, open, views } from "./chromium.mjs";
import { root, target } from "./served.mjs";

const PREFIX = "/some/where/";
const PIECE_BYTES = 4 * 1024 * 1024;
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json" };
const RUN = "world-facts-smollm2-135m";

let folder, site, host, address, browser;
/** What was asked for, and answered with anything but 200. */
let missed = [];

/** What `python3 -m http.server` does, and no more. */
async function answer(request, response) {
  const { pathname } = new URL(request.url, "http://host");
  const path = decodeURIComponent(pathname);
  if (!path.startsWith(PREFIX)) return refuse(request, response);
  const file = join(site, normalize(path.slice(PREFIX.length)), path.endsWith("/") ? "index.html" : "");
  try {
    const bytes = await readFile(file);
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    response.end(request.method === "HEAD" ? undefined : bytes);
  } catch {
    refuse(request, response);
  }
}

function refuse(request, response) {
  missed.push(request.url);
  response.writeHead(404).end();
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sayself-site-"));
  site = join(folder, "site");
  const model = join(folder, "junk.gguf");
  await writeFile(model, randomBytes(2 * PIECE_BYTES + 1000));
  const results = join(root, "datasets/results");
  const written = ["site", "--runs", results, "--out", site, "--demo-model", model, "--assets", join(target, "site")];
  await promisify(execFile)(join(target, "release/sayself-server"), written, { cwd: root });
  host = createServer(answer);
  await new Promise((done) => host.listen(0, "127.0.0.1", done));
  address = `http://127.0.0.1:${host.address().port}${PREFIX}`;
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await new Promise((done) => host?.close(done) ?? done());
  await rm(folder, { recursive: true, force: true });
});

/** Opens a page of the site; `leave` asserts that nothing went wrong on it. */
async function visit(path = "", view = views.wide) {
  missed = [];
  const { page, troubles, close } = await open(browser, view);
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  const come = await page.goto(address + path);
  assert.equal(come.status(), 200);
  return {
    page,
    troubles,
    async leave() {
      for (const url of asked) assert.ok(url.startsWith(address) || /^(data|blob):/.test(url), url);
      assert.deepEqual(missed, []);
      assert.deepEqual(troubles, []);
      await close();
    },
  };
}


test("from the list to a run, its answers and a question", async () => {
  const { page, leave } = await visit();
  await assertNoSidewaysScrolling(page);
  await assertAccessible(page);
  await page.locator("a.title").first().click();
  await page.waitForURL(`**/runs/${RUN}/`);
  await alive(page);
  await assertNoSidewaysScrolling(page);
  await assertAccessible(page);
  await page.locator("details summary", { hasText: "The histogram as a table" }).click();
  await page.locator("td a[href*='answers/']").first().click();
  await page.waitForURL("**/answers/**");
  await assertAccessible(page);
  await page.locator("table.answers a[href]").first().click();
  await page.waitForURL("**/questions/**");
  await assertAccessible(page);
  await page.locator("nav.trail a").first().click();
  await page.waitForURL(address);
  await leave();
});

test("what is chosen on a run is in its address, and there after a reload", async () => {
  const { page, leave } = await visit(`runs/${RUN}/`);
  await alive(page);
  const drawing = page.locator(".diagram .drawing");
  const first = await drawing.innerHTML();
  await page.locator('[data-diagram="smooth"]').click();
  await page.waitForURL("**?diagram=smooth");
  const smooth = await drawing.innerHTML();
  assert.notEqual(smooth, first);
  await page.reload();
  await page.waitForFunction(() => document.documentElement.dataset.alive === "yes");
  assert.equal(await drawing.innerHTML(), smooth);
  await page.goto(`${address}runs/${RUN}/?above=90`);
  await page.waitForFunction(() => document.documentElement.dataset.alive === "yes");
  assert.equal(await page.locator(".selective output").textContent(), "0.90");
  await leave();
});

test("a comparison", async () => {
  const { page, leave } = await visit(`runs/${RUN}/`);
  await page.locator("a", { hasText: "Before and after, question by question" }).click();
  await page.waitForURL("**/compare/**");
  await assertNoSidewaysScrolling(page);
  await assertAccessible(page);
  assert.equal(await page.locator("form").count(), 0);
  await page.locator("article.changed h5 a[href]").first().click();
  await page.waitForURL("**/questions/**");
  await leave();
});

test("tables, and their files", async () => {
  const { page, leave } = await visit("tables/");
  await assertAccessible(page);
  await page.locator(".copies a").first().waitFor();
  const links = await page.locator(".copies a").evaluateAll((links) => links.map((link) => link.href));
  assert.equal(links.length, 3);
  for (const link of links) assert.equal((await page.request.get(link)).status(), 200, link);
  await leave();
});

test("a file is measured", async () => {
  const { page, leave } = await visit("your-file/");
  await page.locator("#file:not([disabled])").waitFor();
  await page.locator("#file").setInputFiles(join(root, "app/your-file/tests/scored.csv"));
  await page.locator('#your-file[data-state="done"]').waitFor();
  assert.match(page.url(), /#figures=/);
  await leave();
});

test("the demo fetches its model from a host without ranges, and works", async () => {
  const { page, troubles, leave } = await visit("demo/");
  await page.locator('#demo[data-state="none"]').waitFor();
  await assertAccessible(page);
  await page.locator("#fetch").click();
  await page.locator('#demo[data-state="kept"]').waitFor();
  // The page is kept for a visit without a network: below its own folder alone.
  const scope = await page.evaluate(async () => (await navigator.serviceWorker.ready).scope);
  assert.equal(scope, `${address}demo/`);
  await page.context().setOffline(true);
  await page.reload();
  await page.locator('#demo[data-state="kept"]').waitFor();
  const sheets = await page.evaluate(() => document.styleSheets.length && document.styleSheets[0].cssRules.length);
  assert.ok(sheets > 100, "the style sheet is kept too");
  assert.equal(await page.locator("#theme:not([hidden])").count(), 1, "and the script of light and dark");
  await page.context().setOffline(false);
  troubles.length = 0;
  // There is no server to ask.
  assert.equal(await page.locator("#use-server, #unfit-server, #goes").count(), 0);
  // The module runs: it says of the file that it is no model.
  await page.locator("#question").fill("What is the capital of France?");
  await page.locator("#ask").click();
  await page.locator("#trouble:not([hidden])").waitFor();
  await leave();
});

test("every page can be read with scripts off", async () => {
  for (const path of ["", `runs/${RUN}/`, "tables/", "your-file/", "demo/"]) {
    const { page, leave } = await visit(path, views["scripts off"]);
    assert.ok((await page.locator("main").innerText()).length > 100, path);
    await leave();
  }
});

test("a phone", async () => {
  const compared = (await readdir(join(site, "compare")))[0];
  for (const path of ["", `runs/${RUN}/`, `compare/${compared}/`, "demo/"]) {
    const { page, leave } = await visit(path, views.phone);
    await assertNoSidewaysScrolling(page);
    await leave();
  }
});
