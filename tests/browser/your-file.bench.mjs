// node your-file.bench.mjs FILE ROUNDS: seconds from the choice of FILE on the Your file page to its
// figures, to figures with intervals, and to those of 1,000 resamples, as a JSON list.

import { launch } from "./chromium.mjs";
import { root, serve } from "./served.mjs";
import { join } from "node:path";

const WAIT_MS_MAX = 120_000;

const [file, rounds] = process.argv.slice(2);
const server = await serve(join(root, "datasets/results"));
const browser = await launch();
const times = [];
for (let round = 0; round < Number(rounds); round += 1) {
  const page = await browser.newPage();
  await page.goto(`${server.address}/your-file`);
  await page.locator("#file:not([disabled])").waitFor();
  await page.evaluate(() => {
    const marks = (window.marks = {});
    const mark = (name) => (marks[name] ??= performance.now());
    document.getElementById("file").addEventListener("change", () => mark("chosen"), true);
    const look = () => {
      const place = document.getElementById("your-file");
      if (!document.querySelector(".of-file")) return;
      mark("figures");
      if (document.querySelector(".of-file .range")?.textContent.includes(" to ")) mark("intervals");
      if (place.dataset.state === "done") mark("refined");
    };
    new MutationObserver(look).observe(document.getElementById("your-file"), {
      attributes: true,
      childList: true,
      subtree: true,
    });
  });
  await page.locator("#file").setInputFiles(file);
  await page.waitForFunction(() => window.marks.refined, null, { timeout: WAIT_MS_MAX });
  const { chosen, ...marks } = await page.evaluate(() => window.marks);
  const seconds = Object.entries(marks).map(([name, ms]) => [name, (ms - chosen) / 1000]);
  times.push(Object.fromEntries(seconds));
  await page.close();
}
await browser.close();
await server.stop();
console.log(JSON.stringify(times));
