// Everything can be reached and done by keyboard.
import assert from "node:assert/strict";
import { spec } from "../harness.mjs";

const it = spec();
const focused = (page) =>
  page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent.trim());

it("the first stop of the Tab key skips to the content", {}, async ({ page, goto }) => {
  await goto("");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
});

it("a slash reaches the search, Escape leaves it", {}, async ({ page, goto }) => {
  await goto("resources");
  await page.keyboard.press("/");
  assert.equal(await focused(page), "Search resources");
  await page.keyboard.type("x/y");
  assert.equal(await page.getByLabel("Search resources").inputValue(), "x/y");
  await page.keyboard.press("Escape");
  assert.equal(await page.getByLabel("Search resources").inputValue(), "");
});

it("j, k and the arrows walk through rows, Enter opens one", { mockOnly: true }, async ({ page, goto }) => {
  await goto("stacks/es");
  await page.keyboard.press("j");
  assert.equal(await focused(page), "SecurityGroup/alb");
  await page.keyboard.press("j");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("k");
  assert.equal(await focused(page), "Service/client-web-ui");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Service/client-web-ui" }).waitFor();
  await page.keyboard.press("u");
  await page.getByRole("heading", { level: 1, name: "es" }).waitFor();
});

it("g and a letter go to a page, whose heading takes the focus", {}, async ({ page, goto }) => {
  await goto("");
  await page.keyboard.press("g");
  await page.keyboard.press("d");
  await page.getByRole("heading", { level: 1, name: "Drift report" }).waitFor();
  await page.waitForFunction(() => document.activeElement?.textContent === "Drift report");
});

it("a question mark explains the keys, and they can be switched off", {}, async ({ page, goto }) => {
  await goto("");
  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keyboard" });
  await help.getByLabel("Use single-letter keys").uncheck();
  await page.keyboard.press("Escape");
  await help.waitFor({ state: "hidden" });
  await page.keyboard.press("?");
  assert.equal(await help.isVisible(), false);
});

it("the graph is one stop of the Tab key, and arrows walk along its edges", { mockOnly: true }, async ({ page, goto }) => {
  await goto("stacks/es");
  await page.locator("[data-node]").first().waitFor();
  assert.equal(await page.locator('[data-node][tabindex="0"]').count(), 1);
  await page.locator('[data-node="es/LoadBalancer/public"]').focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await focused(page), "Listener http: In sync");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Listener/http" }).waitFor();
});

it("the theme follows the system until it is chosen, and the choice stays", { scheme: "dark" }, async ({ page, goto }) => {
  await goto("");
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const dark = await ground();
  await page.keyboard.press("t");
  assert.notEqual(await ground(), dark);
  await page.reload();
  await page.waitForSelector("h1");
  assert.notEqual(await ground(), dark);
});
