// What the pages show, and that their addresses can be linked.
import assert from "node:assert/strict";
import { something, spec } from "../harness.mjs";

const it = spec();

it("the overview counts every resource and links each count to its list", {}, async ({ page, base, goto }) => {
  const { phases } = await (await fetch(`${base}/v1/overview`)).json();
  await goto("");
  const [phase] = Object.entries(phases).sort(([, a], [, b]) => b - a)[0];
  const tile = page.locator(`a.tile[href*="phase=${phase}"]`);
  await tile.click();
  await page.waitForURL(new RegExp(`/dashboard/resources\\?phase=${phase}`));
  await page.locator("table.resources tbody tr").first().waitFor();
});

it("the overview names the oldest drift and what each scope's last sweep cost", { mockOnly: true }, async ({ page, goto }) => {
  await goto("");
  await page.getByRole("region", { name: "Oldest drift" }).getByRole("link", { name: "TaskDefinition/jobs" }).waitFor();
  const row = page.getByRole("row", { name: /prod \/ eu-west-1/ });
  assert.match(await row.innerText(), /34/);
  await page.getByText("Rate exceeded").waitFor();
});

it("what looking costs is told when somebody opens it, and what AWS refuses stands out", { mockOnly: true }, async ({ page, goto }) => {
  await goto("");
  await page.getByText("Calls and budgets").click();
  const told = page.getByRole("region", { name: "Budgets of prod / eu-west-1" });
  const row = async (name) => (await told.getByRole("row", { name }).innerText()).split("\t").map((cell) => cell.trim());
  assert.deepEqual(await row(/TargetGroupAttributes/), ["elasticloadbalancing:DescribeTargetGroupAttributes", "1,318", "2"]);
  assert.deepEqual(await row(/elb account/), ["elb account", "17 / 40", "10/s", "54 %"]);
  assert.deepEqual(await told.locator(".fg-drifted").allInnerTexts(), ["2", "54 %"]);
  assert.match(await told.getByRole("row").nth(1).innerText(), /TargetGroupAttributes/, "the most called comes first");
  const words = (await told.locator("p").innerText()).replace(/\s+/g, " ");
  assert.match(words, /fits every 3\.8 s into a quarter.* 126 things .* within 4 min.*; the oldest was read 4 min.* ago, 4 not yet/);
  assert.equal(await page.getByRole("region", { name: /^Budgets of/ }).count(), 1, "of what was not looked at nothing is told");
});

it("a stack shows its graph and its resources, each a link to its page", {}, async ({ page, base, goto }) => {
  const { stack, kind, name } = await something(base);
  await goto(`stacks/${stack}`);
  await page.locator(`[data-node="${stack}/${kind}/${name}"]`).waitFor();
  await page
    .locator("table.resources")
    .getByRole("link", { name: `${kind}/${name}`, exact: true })
    .click();
  await page.getByRole("heading", { level: 1, name: `${kind}/${name}` }).waitFor();
  await page.getByRole("heading", { name: "Conditions" }).waitFor();
  await page.getByRole("heading", { name: "Timeline" }).waitFor();
  await page.goBack();
  await page.getByRole("heading", { level: 1, name: stack }).waitFor();
});

it("search and filters narrow the list and stand in the address", { mockOnly: true }, async ({ page, goto }) => {
  await goto("stacks/es");
  await page.getByLabel("Search resources").fill("intrusion");
  await page.getByLabel("Kind").selectOption("Service");
  assert.equal(await page.locator("table.resources tbody tr").count(), 1);
  assert.match(page.url(), /q=intrusion/);
  await page.reload();
  await page.locator("table.resources tbody tr").waitFor();
  assert.equal(await page.locator("table.resources tbody tr").count(), 1);
  await page.getByLabel("Search resources").fill("no such thing");
  await page.getByRole("button", { name: "Clear the filters" }).click();
  assert.equal(await page.locator("table.resources tbody tr").count(), 24);
});

it(
  "a resource shows declared, live and last written side by side, the difference marked",
  { mockOnly: true },
  async ({ page, goto }) => {
    await goto("stacks/es/SecurityGroup/alb");
    const row = page.getByRole("row", { name: /\/ingress\/0 Drift Cosmetic Update/ });
    assert.equal(await row.getByRole("cell").count(), 3);
    assert.deepEqual(await row.locator("mark").allInnerTexts(), [
      '"description": "public entry"',
      '"description": "public entry (tmp)"',
      '"description": "public entry"',
    ]);
    await page.getByRole("row", { name: /\/ingress\/1 Drift Exposure Revoke Why .* not declared/ }).waitFor();
    assert.equal(await page.locator("table.fields tbody tr").count(), 3);
    await page.getByRole("button", { name: /^All/ }).click();
    assert.ok((await page.locator("table.fields tbody tr").count()) > 3);
    await page.getByText("Raw JSON").click();
    await page.locator(".raw pre.json").getByText('"holdfast.dev/v1"').waitFor();
  },
);

it("a long list opens around its first difference", { mockOnly: true }, async ({ page, goto }) => {
  await goto("stacks/accurate-video/TaskDefinition/jobs");
  const live = page.locator("table.fields").getByRole("cell").filter({ hasText: ":39" });
  assert.match(await live.locator("mark").first().innerText(), /:39/);
  await live.getByRole("button", { name: /Show all/ }).click();
  assert.match(await live.innerText(), /"REGION"/);
});

it("what is refused says why and what to do", { mockOnly: true }, async ({ page, goto }) => {
  await goto("stacks/accurate-video/TargetGroup/analyze");
  await page.getByRole("region", { name: "Why" }).getByText("policy replace is never").waitFor();
  await goto("stacks/accurate-video/Service/analyze");
  await page.getByRole("region", { name: "Why" }).getByText("reconcile accurate-video").waitFor();
});

it("the drift report can be linked with its filters", { mockOnly: true }, async ({ page, goto }) => {
  await goto("drift?severity=exposure");
  assert.equal(await page.locator(".drift-item").count(), 1);
  await page.getByLabel("Severity").selectOption("");
  await page.locator(".drift-item").nth(3).waitFor();
  assert.doesNotMatch(page.url(), /severity/);
});

it("the drift report prints whole, without the controls", { mockOnly: true }, async ({ page, goto }) => {
  await goto("drift");
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator("header.top").isVisible(), false);
  assert.equal(await page.getByRole("button", { name: "Print" }).isVisible(), false);
  assert.match(await page.locator(".drift-item", { hasText: "TaskDefinition" }).innerText(), /"REGION"/);
  assert.ok(await page.getByText(page.url()).isVisible());
});

it("the events can be searched", { mockOnly: true }, async ({ page, goto }) => {
  await goto("events?q=desiredCount to 2");
  assert.equal(await page.locator(".event-row").count(), 1);
});

it("nothing declared yet: the page says what to do next", { server: { empty: true } }, async ({ page, base, goto }) => {
  await goto("");
  await page.getByText("Nothing is declared yet").waitFor();
  await page.getByText(`holdfast --server ${base} apply -f stack.json`).waitFor();
  await page.getByText(`--data @stack.json '${base}/v1/apply'`).waitFor();
});

it("an address without a page, and a stack that is not there, lead back", {}, async ({ page, goto }) => {
  await goto("stacks/no-such-stack");
  await page.getByText("There is no stack named no-such-stack").waitFor();
  await goto("no/such/page");
  await page.getByText("There is no page at this address").waitFor();
});

it(
  "an error says what happened and what to do, and the page recovers by itself",
  { mockOnly: true },
  async ({ page, mock, goto }) => {
    mock.refuse(503);
    await goto("stacks/es");
    await page.getByRole("alert").getByText("The store does not answer.").waitFor();
    mock.refuse(null);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator("table.resources").waitFor();
  },
);
