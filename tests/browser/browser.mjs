// Debian's chromium, started alike for tests and screenshots.
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const launch = () =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: FLAGS });

/**
 * Opens a page that remembers what must never happen: script errors, violations of the content security policy and
 * requests to anywhere else. `page.sins` lists them.
 */
export async function open(browser, base, { width = 1280, height = 800, scheme = "light", ...more } = {}) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    reducedMotion: "reduce",
    ...more,
  });
  const page = await context.newPage();
  page.sins = [];
  page.on("pageerror", (error) => page.sins.push(`script: ${error.message}`));
  page.on("console", (message) => {
    if (/Content Security Policy|TrustedHTML/i.test(message.text())) page.sins.push(`policy: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (/^https?:/.test(request.url()) && !request.url().startsWith(base)) page.sins.push(`outside: ${request.url()}`);
  });
  return page;
}
