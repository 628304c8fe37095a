// node screenshot.mjs ADDRESS FILE: a picture of the upper part of a page, with its island alive.

import { alive, launch, open } from "./chromium.mjs";

const [address, file] = process.argv.slice(2);
const browser = await launch();
const { page } = await open(browser, {
  viewport: { width: 1280, height: 1180 },
  deviceScaleFactor: 1,
  colorScheme: "light",
});
await page.goto(address);
await alive(page);
await page.screenshot({ path: file });
await browser.close();
