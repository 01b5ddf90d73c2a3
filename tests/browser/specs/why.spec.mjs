// Why a field is as it is, asked on the resource's page.
import assert from "node:assert/strict";
import { spec } from "../harness.mjs";
import AxeBuilder from "@axe-core/playwright";

const it = spec();

for (const look of [{}, { width: 390, scheme: "dark" }])
  it(`a field that differs is explained in a dialog (${look.width ?? "wide"})`, { mockOnly: true, ...look }, async ({ page, mock, goto }) => {
    const [stack, r] = [...mock.world.stacks.values()]
      .flatMap((s) => [...s.resources.values()].map((resource) => [s.name, resource]))
      .find(([, resource]) => resource.drift?.fields.some((f) => f.path));
    await goto(`stacks/${stack}/${r.kind}/${r.name}`);
    const { path } = r.drift.fields.find((f) => f.path);
    const ask = page.getByRole("button", { name: `Why ${path}?` });
    await ask.click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Declared wins.").waitFor();
    assert.match(await dialog.innerText(), /holdfast --server .* why /);
    assert.ok(mock.requests.some((q) => String(q.url ?? q.path ?? q).includes("/why")), "the API was asked");
    const { violations } = await new AxeBuilder({ page }).analyze();
    assert.deepEqual(violations.map((v) => v.id), [], path);
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/why-${look.width ?? "wide"}.png` });
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
  });

it("a whole resource is explained, with a line for each field there is something to say of", { mockOnly: true }, async ({ page, mock, goto }) => {
  const [stack, r] = [...mock.world.stacks.values()]
    .flatMap((s) => [...s.resources.values()].map((resource) => [s.name, resource]))
    .find(([, resource]) => resource.drift?.fields.some((f) => f.path));
  await goto(`stacks/${stack}/${r.kind}/${r.name}`);
  await page.getByRole("button", { name: "Why the whole thing?" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText(`${r.generation}, planned`).waitFor();
  for (const { path } of r.drift.fields) await dialog.getByText(path, { exact: true }).first().waitFor();
  const { violations } = await new AxeBuilder({ page }).analyze();
  assert.deepEqual(violations.map((v) => v.id), []);
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/why-whole.png` });
});
