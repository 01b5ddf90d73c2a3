// Screenshots of every page, light and dark, wide and narrow, to be looked at. `node shots.mjs [folder] [name …]`
import { mkdir } from "node:fs/promises";
import { launch, open } from "./browser.mjs";
import { start } from "./mock.mjs";

const [folder = "/tmp/holdfast-shots", ...only] = process.argv.slice(2);
const PAGES = {
  overview: "",
  stack: "stacks/es",
  "stack-paused": "stacks/gifmachine",
  resource: "stacks/es/SecurityGroup/alb",
  "resource-stuck": "stacks/accurate-video/TaskDefinition/jobs",
  resources: "resources",
  drift: "drift",
  events: "events",
  missing: "stacks/nope",
};
const LOOKS = [
  ["light", 1280],
  ["dark", 1280],
  ["light", 360],
  ["dark", 360],
];

await mkdir(folder, { recursive: true });
const mock = await start();
const empty = await start({ empty: true });
const guarded = await start({ token: "secret" });
const browser = await launch();
const jobs = [
  ...Object.entries(PAGES).map(([name, path]) => [name, mock.url, path]),
  ["empty", empty.url, ""],
  ["empty-drift", empty.url, "drift"],
  ["token", guarded.url, ""],
];
for (const [name, base, path] of jobs) {
  if (only.length && !only.includes(name)) continue;
  for (const [scheme, width] of LOOKS) {
    const page = await open(browser, base, { scheme, width, height: width < 500 ? 740 : 860 });
    await page.goto(`${base}/dashboard/${path}`);
    await page.waitForSelector("h1");
    await page.waitForFunction(() => !document.querySelector(".waiting"), null, { timeout: 8000 }).catch(() => {});
    await page.waitForTimeout(250);
    await page.screenshot({ path: `${folder}/${name}-${scheme}-${width}.png`, fullPage: true });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 0) process.stdout.write(`${name} ${scheme} ${width}: ${wide} px too wide\n`);
    for (const sin of page.sins) process.stdout.write(`${name}: ${sin}\n`);
    await page.context().close();
  }
}
await browser.close();
await Promise.all([mock.close(), empty.close(), guarded.close()]);
