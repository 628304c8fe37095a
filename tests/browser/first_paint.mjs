// node first_paint.mjs ADDRESS: how soon a page shows something on a slow phone and a slow line, as JSON.
//
// The processor is slowed 4 times; the line is "Fast 3G" as Chromium's developer tools had it, the same that
// Lighthouse applies as "slow 4G": 150 ms there and back, counted 3.75 times for what a request needs besides,
// 1.6 Mbit/s down and 750 kbit/s up, of which 0.9 are left. Each time a browser that was never here.

import assert from "node:assert/strict";
import { launch, open, views } from "./chromium.mjs";

const ROUNDS = 5;
const CPU_SLOWDOWN = 4;
const FAST_3G = {
  offline: false,
  latency: 150 * 3.75,
  downloadThroughput: ((1.6 * 1000 * 1000) / 8) * 0.9,
  uploadThroughput: ((750 * 1000) / 8) * 0.9,
};

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

async function visit(browser, address) {
  const { page, troubles, close } = await open(browser, views.phone);
  await page.addInitScript(() => {
    window.shift = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
  });
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.enable");
  await devtools.send("Network.emulateNetworkConditions", FAST_3G);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: CPU_SLOWDOWN });
  let bytes = 0;
  devtools.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
  await page.goto(address);
  await page.locator("html[data-alive]").waitFor({ timeout: 60_000 });
  // What an island that has just woken would move.
  await page.waitForTimeout(500);
  const told = await page.evaluate(() => {
    const [page] = performance.getEntriesByType("navigation");
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    return {
      first_paint_ms: paint.startTime,
      first_byte_ms: page.responseStart,
      page_ms: page.responseEnd,
      page_bytes: page.encodedBodySize,
      page_bytes_unpacked: page.decodedBodySize,
      layout_shift: window.shift,
    };
  });
  assert.deepEqual(troubles, []);
  await close();
  return { ...told, bytes };
}

const [address] = process.argv.slice(2);
const browser = await launch();
const visits = [];
for (let round = 0; round < ROUNDS; round += 1) visits.push(await visit(browser, address));
await browser.close();
const all = (key) => visits.map((visit) => visit[key]);
const report = {
  first_paint_all_ms: all("first_paint_ms"),
  layout_shift: Math.max(...all("layout_shift")),
};
for (const key of ["first_paint_ms", "first_byte_ms", "page_ms", "page_bytes", "page_bytes_unpacked", "bytes"]) {
  report[key] = median(all(key));
}
console.log(JSON.stringify(report));
