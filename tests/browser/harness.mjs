// What every spec shares: one browser, a server to drive, and the promise that no page sins.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open } from "./browser.mjs";
import { start } from "./mock.mjs";

/** A running Holdfast to drive in place of the mock; tests that must break the server are left out then. */
export const REAL = process.env.HOLDFAST_URL?.replace(/\/$/, "");

/**
 * Sets up a spec file. `it(name, options, body)`: a test whose body gets `{ page, mock, base }` with a fresh page. Options are the
 * page's (`width`, `scheme`, …), `server` (the mock's: `token`, `empty`), and `mockOnly`.
 */
export function spec() {
  let browser = null;
  before(async () => {
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
  });
  return (name, options, body) => {
    const { server = {}, mockOnly = Boolean(options.server), ...look } = options;
    test(name, { skip: REAL && mockOnly ? "it needs the mock" : false, timeout: 60000 }, async () => {
      const mock = REAL ? null : await start(server);
      const base = REAL ?? mock.url;
      const page = await open(browser, base, look);
      try {
        await body({ page, mock, base, goto: (path) => visit(page, base, path) });
        assert.deepEqual(page.sins, []);
      } finally {
        await page.context().close();
        await mock?.close();
      }
    });
  };
}

/** Opens a page of the dashboard and waits until its first answers are shown. */
export async function visit(page, base, path = "") {
  await page.goto(`${base}/dashboard${path && `/${path}`}`);
  await page.waitForSelector("h1");
  await settled(page);
}

/** Waits until nothing on the page is still loading. */
export const settled = (page) => page.waitForFunction(() => !document.querySelector(".waiting"));

/** A stack and a resource of whatever server is driven. */
export async function something(base) {
  const overview = await (await fetch(`${base}/v1/overview`)).json();
  const stack = overview.byStack[0].name;
  const { resources } = await (await fetch(`${base}/v1/stacks/${stack}`)).json();
  return { stack, kind: resources[0].kind, name: resources[0].name };
}
