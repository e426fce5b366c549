/**
 * `holdfire/testing` as somebody uses it who has Playwright: the demo shop, in a real Chromium.
 *
 *     node playwright.mjs TESTING_MODULE SHOP THIRD_PARTY CHROMIUM [argument of Chromium…]
 *
 * Prints one JSON object: what was found. Whoever started it judges.
 */
import { chromium } from "playwright-core";

const [module, shop, third, executablePath, ...args] = process.argv.slice(2);
const testing = await import(module);
const { expectNoRequest, recordRequests, setChoice, setPlace, setSignals } = testing;
const destination = third.replace("http://", "");
const browser = await chromium.launch({ executablePath, args });

/** A fresh visitor, and what is found of them. */
const visitor = async (look) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  try {
    return await look(page, recordRequests(page));
  } finally {
    await context.close();
  }
};
const open = async (page) => {
  await page.goto(shop);
  await page.waitForFunction(() => window.holdfire?.allowed);
};
const regime = (page) =>
  page.evaluate(`fetch("/v1/sites/demo/notice").then((answer) => answer.json()).then(
    ({ regime, prompt }) => [regime.id, prompt])`);
const allowed = (page) => page.evaluate(`holdfire.allowed("marketing")`);
const told = async (promise) =>
  promise.then(
    () => null,
    ({ message }) => message.split("\n")[0],
  );

const found = {
  /** In one place nothing goes out before a choice, in the other it does. */
  places: await visitor(async (page) => {
    await setPlace(page, "DE", { demo: true });
    const silent = await told(expectNoRequest(page, destination, () => open(page)));
    return { silent, regime: await regime(page), allowed: await allowed(page) };
  }),
  elsewhere: await visitor(async (page, requests) => {
    await setPlace(page, "US-CA", { demo: true });
    const loud = await told(expectNoRequest(page, destination, () => open(page)));
    return {
      loud,
      regime: await regime(page),
      allowed: await allowed(page),
      caught: requests.to(destination).length > 0,
    };
  }),
  /** The same page by the script of a region, which needs nothing of the service. */
  region: await visitor(async (page, requests) => {
    await setPlace(page, "US-CA");
    await open(page);
    return {
      allowed: await allowed(page),
      scripts: requests.to(/\/s\/demo/).map((address) => new URL(address).pathname),
      regime: await regime(page),
    };
  }),
  signals: await visitor(async (page) => {
    await setSignals(page, { gpc: true, dnt: true });
    await setPlace(page, "US-CA", { demo: true });
    await open(page);
    return page.evaluate(`({
      decision: holdfire.decision("marketing"),
      said: [navigator.globalPrivacyControl, navigator.doNotTrack],
    })`);
  }),
  choice: await visitor(async (page) => {
    await setPlace(page, "DE", { demo: true });
    await open(page);
    const choice = await setChoice(page, { marketing: true });
    await open(page);
    const kept = await page.evaluate(
      `fetch("/v1/sites/demo/choices").then((answer) => answer.json())`,
    );
    const next = await allowed(page);
    await setChoice(page, "withdraw");
    const silent = await told(expectNoRequest(page, destination, () => open(page)));
    return {
      categories: choice.categories,
      recorded: kept.choices.map(({ event_id }) => event_id === choice.event_id),
      ...{ next, silent, after: await allowed(page) },
    };
  }),
};
await browser.close();
console.log(JSON.stringify(found));
