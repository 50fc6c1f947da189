// SPDX-License-Identifier: GPL-3.0-or-later
// The report page in a real browser, light and dark, on a desktop and on a phone: no word on the console, no rule of
// accessibility broken, nothing wider than the screen, nothing fetched. The session browser of noxfile.py says where everything is.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

const { BROWSER_MODULES: modules, BROWSER_PAGES: pages } = process.env;
const from = createRequire(`${modules}/`);
const { chromium } = from("playwright-core");
const axe = await readFile(from.resolve("axe-core/axe.min.js"), "utf8");

const screens = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
let browser;

before(async () => {
  // As root there is no sandbox to be had; the pages are the project's own.
  browser = await chromium.launch({ executablePath: `${modules}/chromium`, args: ["--no-sandbox"] });
});
after(async () => await browser?.close());

async function open(name, scheme, screen) {
  const context = await browser.newContext({
    viewport: screens[screen],
    colorScheme: scheme,
    isMobile: screen === "phone",
  });
  const page = await context.newPage();
  const said = [];
  const fetched = [];
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => said.push(String(error)));
  page.on("dialog", (dialog) => {
    said.push(dialog.message());
    dialog.dismiss();
  });
  page.on("request", (request) => fetched.push(request.url()));
  const url = pathToFileURL(`${pages}/${name}.html`).href;
  await page.goto(url);
  return { page, said, fetched, url };
}

async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => (await globalThis.axe.run()).violations);
  return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).slice(0, 5).join(", ")}`);
}

for (const scheme of ["light", "dark"]) {
  for (const screen of ["desktop", "phone"]) {
    for (const name of ["troubles", "report_page"]) {
      test(`${name}, ${scheme}, on a ${screen}`, async () => {
        const { page, said, fetched, url } = await open(name, scheme, screen);
        if (name === "troubles") {
          // All that can be seen at all.
          await page.$$eval("details", (all) => all.forEach((each) => (each.open = true)));
        }
        // Many clusters have the colours and the layout of few, and looking at all their elements takes long: once is enough.
        if (name === "troubles" || (scheme === "light" && screen === "desktop")) {
          assert.deepEqual(await violations(page), []);
        }
        // Not innerWidth, which on a phone grows with what does not fit.
        const wide = (await page.evaluate(() => document.documentElement.scrollWidth)) - screens[screen].width;
        assert.ok(wide <= 0, `the page is ${wide} pixels wider than the screen`);
        const back = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        const [red] = back.match(/\d+/).map(Number);
        assert.equal(red < 128, scheme === "dark", back);
        assert.deepEqual(said, []);
        assert.deepEqual(fetched, [url]);
        await page.screenshot({ path: `${pages}/${name}-${scheme}-${screen}.png`, fullPage: name === "troubles" });
        await page.context().close();
      });
    }
  }
}

test("what is planted is found", async () => {
  const { page, said } = await open("troubles", "light", "phone");
  await page.evaluate(() => {
    console.error("planted");
    document.querySelector("main").insertAdjacentHTML("beforeend", '<img src="x.png">');
  });
  const found = await violations(page);
  assert.ok(found.some((each) => each.startsWith("image-alt")), found.join());
  assert.ok(said.includes("planted"));
  // The page's own policy lets nothing be fetched.
  assert.ok(said.some((each) => each.includes("Content Security Policy")), said.join());
  await page.context().close();
});

test("a dangerous pattern is red, and not by its colour alone", async () => {
  const { page } = await open("troubles", "light", "desktop");
  const risk = page.locator("#c1 li.risk", { hasText: "trusts hosts that it does not name" });
  const [red, green, blue] = (await risk.evaluate((each) => getComputedStyle(each).color)).match(/\d+/g).map(Number);
  assert.ok(red > 2 * green && red > 2 * blue);
  await page.context().close();
});

test("a link leads to its cluster, and a long drawing is folded", async () => {
  const { page } = await open("report_page", "light", "phone");
  await page.click("nav a >> text=cluster-13");
  await page.waitForFunction(() => Math.abs(document.querySelector("#c14").getBoundingClientRect().top) < 60);
  assert.equal(await page.locator("details[open]").count(), 0);
  await page.locator("#c14 summary").first().click();
  assert.ok(await page.locator("#c14 svg").isVisible());
  await page.screenshot({ path: `${pages}/report_page-drawing-phone.png` });
  await page.context().close();
});
