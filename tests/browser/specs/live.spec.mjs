// Live: events change the page, a lost connection is said and mended, actions and tokens do what they say.
import assert from "node:assert/strict";
import { spec } from "../harness.mjs";

const it = spec();
const live = (page) => page.getByRole("banner").getByText("Live", { exact: true }).waitFor();
const watches = (mock) => mock.requests.filter((r) => r.path.startsWith("/v1/watch"));

it("a change appears without a reload", { mockOnly: true }, async ({ page, mock, goto }) => {
  await goto("stacks/es");
  await live(page);
  const redis = mock.world.stacks.get("es").resources.get("SecurityGroup/redis");
  redis.phase = "Failed";
  mock.emit({ type: "acted", stack: "es", kind: "SecurityGroup", name: "redis", reason: "AccessDenied", message: "denied" });
  await page.getByRole("row", { name: /Failed SecurityGroup\/redis/ }).waitFor({ timeout: 5000 });
  await page.locator('[data-node="es/SecurityGroup/redis"]').locator(".node-phase", { hasText: "Failed" }).waitFor();
});

it("an event appears in the log as it happens", { mockOnly: true }, async ({ page, mock, goto }) => {
  await goto("events");
  await live(page);
  mock.emit({
    type: "observed",
    stack: "es",
    kind: "Service",
    name: "intrusion-api",
    reason: "DriftDetected",
    message: "a very new thing",
  });
  await page.locator(".event-row").first().getByText("a very new thing").waitFor({ timeout: 5000 });
});

it("a lost connection is said, and the stream goes on after the last event", { mockOnly: true }, async ({ page, mock, goto }) => {
  await goto("events");
  await live(page);
  const last = mock.emit({ type: "observed", stack: "es", reason: "DriftDetected", message: "the last one before" });
  await page.getByText("the last one before").waitFor();
  mock.drop({ down: true });
  await page.getByRole("alert").getByText("Connection lost").waitFor();
  mock.emit({ type: "observed", stack: "es", reason: "DriftDetected", message: "while it was lost" });
  mock.up();
  await page.getByRole("button", { name: "Reconnect now" }).click();
  await page.getByText("while it was lost").waitFor();
  await page.getByText("Connection lost").waitFor({ state: "detached" });
  assert.equal(new URL(watches(mock).at(-1).path, "http://x").searchParams.get("after"), String(last.id));
});

it("a server that begins another log is followed from its beginning", { mockOnly: true }, async ({ page, mock, goto }) => {
  await goto("events");
  await live(page);
  mock.drop({ down: true });
  await page.getByText("Connection lost").waitFor();
  mock.world.events.splice(0);
  mock.emit({ type: "declared", stack: "es", reason: "Created", message: "the first of another log" });
  mock.up();
  await page.getByRole("button", { name: "Reconnect now" }).click();
  await page.getByText("the first of another log").waitFor();
  assert.equal(await page.locator(".event-row").count(), 1);
});

it(
  "a tab that nobody looks at gives its connection back, and takes it again",
  { mockOnly: true },
  async ({ page, mock, goto }) => {
    await page.clock.install();
    await goto("events");
    await live(page);
    const look = (hidden) =>
      page.evaluate((value) => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
        document.dispatchEvent(new Event("visibilitychange"));
      }, hidden);
    await look(true);
    await page.clock.runFor(31000);
    await page.getByText("Connecting").waitFor();
    assert.equal(await page.getByText("Connection lost").count(), 0);
    mock.emit({ type: "observed", stack: "es", reason: "DriftDetected", message: "while nobody looked" });
    await look(false);
    await live(page);
    await page.getByText("while nobody looked").waitFor();
  },
);

it("Reconcile now asks for a pass", { mockOnly: true }, async ({ page, mock, goto }) => {
  await goto("stacks/es");
  await page.getByRole("button", { name: "Reconcile now" }).click();
  await page.getByText("es is being reconciled").waitFor();
  const post = mock.requests.find((r) => r.method === "POST");
  assert.equal(post.path, "/v1/stacks/es/reconcile");
  assert.match(post.headers["idempotency-key"], /^[0-9a-f]{32}$/);
});

it("a stack is paused with a reason and resumed again", { mockOnly: true }, async ({ page, mock, goto }) => {
  await goto("stacks/es");
  await page.getByRole("button", { name: "Pause…" }).click();
  const pause = page.getByRole("dialog", { name: "Pause es" });
  assert.equal(await pause.getByRole("button", { name: "Pause", exact: true }).isDisabled(), true);
  await pause.getByLabel("Reason").fill("Incident 4711");
  await pause.getByLabel("How long").selectOption({ label: "For 1 hour" });
  await pause.getByRole("button", { name: "Pause", exact: true }).click();
  await page.getByRole("note").getByText("Incident 4711").waitFor();
  const { body } = mock.requests.find((r) => r.path.endsWith("/pause"));
  assert.equal(body.reason, "Incident 4711");
  assert.ok(Math.abs(Date.parse(body.until) - Date.now() - 3600000) < 60000);
  await page.getByRole("button", { name: "Resume…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Resume", exact: true }).click();
  await page.getByRole("button", { name: "Pause…" }).waitFor();
  assert.equal(await page.getByRole("note").count(), 0);
});

it("an action that fails says so where it was asked for", { mockOnly: true }, async ({ page, mock, goto }) => {
  await goto("stacks/es");
  await page.getByRole("button", { name: "Pause…" }).click();
  await page.getByLabel("Reason").fill("x");
  mock.refuse(403);
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await page.getByRole("dialog").getByText("Your token does not allow this").waitFor();
});

it(
  "a token is asked for, sent with every call and with the stream, and forgotten on demand",
  { server: { token: "secret" } },
  async ({ page, mock, goto }) => {
    await goto("drift");
    await page.getByLabel("Token").fill("wrong");
    await page.getByRole("button", { name: "Open the dashboard" }).click();
    await page.getByText("does not know this token").waitFor();
    await page.getByLabel("Token").fill("secret");
    await page.getByRole("button", { name: "Open the dashboard" }).click();
    await page.locator(".drift-item").first().waitFor();
    await live(page);
    assert.equal(watches(mock).at(-1).headers.authorization, "Bearer secret");
    assert.equal(await page.evaluate(() => sessionStorage.getItem("holdfast.token")), "secret");
    assert.equal(await page.evaluate(() => JSON.stringify(localStorage).includes("secret")), false);
    assert.equal((await page.content()).includes("secret"), false);
    await page.getByRole("button", { name: "Forget the token" }).click();
    await page.getByLabel("Token").waitFor();
  },
);
