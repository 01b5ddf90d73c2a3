// Accessibility: axe finds nothing, on every page, in both themes, wide and narrow, and in every state a page can be in.
import assert from "node:assert/strict";
import AxeBuilder from "@axe-core/playwright";
import { settled, something, spec } from "../harness.mjs";

const it = spec();
const LOOKS = [
  ["light", 1280],
  ["dark", 1280],
  ["light", 360],
  ["dark", 360],
];

async function axe(page, what) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const told = violations.flatMap((v) => v.nodes.map((n) => `${what}: ${v.id}: ${n.target.join(" ")}: ${n.failureSummary}`));
  assert.deepEqual(told, []);
}

async function fits(page, what) {
  const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(tooWide, 0, `${what} is ${tooWide} px too wide`);
}

for (const [scheme, width] of LOOKS) {
  it(
    `axe finds nothing and nothing is too wide on any page, ${scheme}, ${width} px`,
    { scheme, width },
    async ({ page, base, goto }) => {
      const { stack, kind, name } = await something(base);
      const pages = [
        "",
        `stacks/${stack}`,
        `stacks/${stack}/${kind}/${name}`,
        "resources",
        "drift",
        "events",
        "stacks/no-such-stack",
        "nowhere",
      ];
      for (const path of pages) {
        await goto(path);
        await axe(page, path);
        await fits(page, path);
      }
    },
  );

  it(
    `axe finds nothing where something is wrong, ${scheme}, ${width} px`,
    { scheme, width, mockOnly: true },
    async ({ page, mock, goto }) => {
      const pages = [
        "stacks/gifmachine",
        "stacks/accurate-video/TaskDefinition/jobs",
        "stacks/accurate-video/TargetGroup/analyze",
        "stacks/accurate-video/Service/analyze",
        "stacks/datavault/Service/queue",
        "stacks/datavault/Service/web",
      ];
      for (const path of pages) {
        await goto(path);
        await axe(page, path);
        await fits(page, path);
      }
      mock.drop({ down: true });
      await page.getByText("Connection lost").waitFor();
      mock.refuse(503);
      await page.goto(page.url());
      await page.getByRole("button", { name: "Try again" }).first().waitFor();
      await axe(page, "refused");
    },
  );
}

it("axe finds nothing in the dialogs", { mockOnly: true }, async ({ page, goto }) => {
  await goto("stacks/es");
  await page.getByRole("button", { name: "Pause…" }).click();
  await axe(page, "pause");
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await axe(page, "help");
  await goto("stacks/gifmachine");
  await page.getByRole("button", { name: "Resume…" }).click();
  await axe(page, "resume");
});

it("axe finds nothing before there is anything", { server: { empty: true } }, async ({ page, goto }) => {
  for (const path of ["", "resources", "drift", "events"]) {
    await goto(path);
    await axe(page, `empty ${path}`);
  }
});

it("axe finds nothing where a token is asked for", { server: { token: "secret" } }, async ({ page, goto }) => {
  await goto("");
  await page.getByLabel("Token").waitFor();
  await axe(page, "token");
});

it("a status is always told by a word, not by colour alone", {}, async ({ page, goto }) => {
  await goto("resources");
  const phases = await page.locator("td .phase").allInnerTexts();
  assert.ok(phases.length > 0 && phases.every((text) => text.trim().length > 2));
  await settled(page);
});
