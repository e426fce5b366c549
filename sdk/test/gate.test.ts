import { describe, expect, test } from "vitest";
import { EVERY_CHUNK, lost, openPage, slow, turn } from "./page";

/** An inline script that writes down that it ran. */
const says = (word: string, marks = 'data-category="analytics"') =>
  `<script type="text/plain" ${marks}>(window.said ??= []).push("${word}")</script>`;

const said = "(window.said ?? []).join(' ')";

describe("before anything is allowed", () => {
  test("no marked element runs or loads anything", async () => {
    const { document, run } = await openPage({
      html: `${says("a")}
        <iframe data-category="marketing" data-src="https://third.test/f"></iframe>
        <img data-category="marketing" data-src="https://third.test/i" data-srcset="https://third.test/i2 2x">
        <link rel="stylesheet" data-category="functional" data-href="https://third.test/c.css">
        <template data-category="functional"><p id="inner">hello</p></template>`,
    });
    expect(run(said)).toBe("");
    expect(document.querySelector("[src],[srcset],[href]")).toBeNull();
    expect(document.getElementById("inner")).toBeNull();
  });

  test("what is necessary runs at once", async () => {
    const { run } = await openPage({ html: says("needed", 'data-category="necessary"') });
    expect(run(said)).toBe("needed");
  });
});

describe("a script", () => {
  test("runs where it stands, once, in document order and without a reload", async () => {
    const { holdfire, run } = await openPage({ html: `${says("one")}<p></p>${says("two")}` });
    holdfire.acceptAll();
    holdfire.withdraw();
    holdfire.acceptAll();
    expect(run(said)).toBe("one two");
  });

  test("keeps its attributes and loses what held it", async () => {
    const { document, holdfire } = await openPage({
      html: `<script type="text/plain" data-category="analytics" data-service="ga4" data-type="module"
        data-src="https://third.test/t.js" data-domain="shop.test" integrity="sha384-x"
        crossorigin="anonymous" id="tag" async></script>`,
    });
    holdfire.acceptAll();
    const tag = document.getElementById("tag");
    expect(tag?.getAttribute("src")).toBe("https://third.test/t.js");
    expect(tag?.getAttribute("type")).toBe("module");
    expect(tag?.getAttribute("integrity")).toBe("sha384-x");
    expect(tag?.getAttribute("crossorigin")).toBe("anonymous");
    expect(tag?.getAttribute("data-domain")).toBe("shop.test");
    expect(tag?.hasAttribute("async")).toBe(true);
    expect(tag?.hasAttribute("data-category")).toBe(false);
  });

  const lib = "https://third.test/lib.js";
  // happy-dom loads a script without `defer` before it goes on; browsers do not, for created ones.
  const external = `<script type="text/plain" data-category="analytics" data-src="${lib}" defer></script>`;
  const scripts = { [lib]: '(window.said ??= []).push("lib")' };

  test("waits for the external script before it, as the parser would have seen to", async () => {
    const { holdfire, run } = await openPage({
      scripts,
      html: `${external}${says("after")}${says("apart", 'data-category="functional" async')}`,
    });
    holdfire.acceptAll();
    expect(run(said)).toBe("apart");
    await expect.poll(() => run(said)).toBe("apart lib after");
  });

  test("does not run after all when permission ends while it waits", async () => {
    const { holdfire, run } = await openPage({ scripts, html: external + says("after") });
    holdfire.acceptAll();
    holdfire.withdraw();
    await expect.poll(() => run(said)).toBe("lib");
    await turn();
    expect(run(said)).toBe("lib");
  });

  test("that is added later is treated like the others", async () => {
    const { document, holdfire, run } = await openPage({ inlined: EVERY_CHUNK });
    holdfire.choose({ analytics: true });
    document.body.insertAdjacentHTML(
      "beforeend",
      `<div>${says("late")}</div>${says("ad", 'data-category="marketing"')}`,
    );
    await turn();
    expect(run(said)).toBe("late");
  });

  test("needs the nonce that the boot script has", async () => {
    const { holdfire, errors, run } = await openPage({
      nonce: "r4nd0m",
      html: says("ours", 'data-category="analytics" nonce="r4nd0m"') + says("theirs"),
    });
    holdfire.acceptAll();
    expect(run(said)).toBe("ours");
    expect(String(errors)).toContain("nonce");
  });

  test("is loaded from http addresses only", async () => {
    const { document, holdfire, errors } = await openPage({
      html: `<script type="text/plain" data-category="analytics" data-src="data:text/javascript,1"></script>
        <iframe data-category="analytics" data-src="javascript:alert(1)"></iframe>`,
    });
    holdfire.acceptAll();
    expect(document.querySelector("[src]")).toBeNull();
    expect(errors).toHaveLength(2);
  });
});

describe("marks", () => {
  const cases: [marks: string, allowed: string, runs: boolean][] = [
    ['data-category="analytics" data-service="ga4"', "analytics", true],
    ['data-category="analytics" data-service="pixel"', "analytics", false],
    ['data-category="marketing" data-service="ga4"', "analytics", false],
    ['data-service="ga4"', "analytics", true],
    ['data-service="unknown"', "analytics", false],
    ['data-service="unknown" data-category="analytics"', "analytics", true],
    ['data-category="unknown"', "analytics", false],
    ['data-category="__proto__"', "analytics", false],
    ['data-service="constructor"', "analytics", false],
    ['data-category=""', "analytics", false],
  ];

  test.each(cases)("%s with %s allowed: %s", async (marks, allowed, runs) => {
    const { holdfire, run } = await openPage({ inlined: EVERY_CHUNK, html: says("ran", marks) });
    holdfire.choose({ [allowed]: true });
    expect(run(said)).toBe(runs ? "ran" : "");
  });

  test("on forms whose inputs pose as their members break nothing", async () => {
    const { holdfire, errors, run } = await openPage({
      html: `<form data-category="analytics"><input name="getAttribute"><input name="isConnected">
        <input name="parentNode"></form>${says("ran")}`,
    });
    holdfire.acceptAll();
    expect(run(said)).toBe("ran");
    expect(errors).toEqual([]);
  });
});

describe("frames, images and styles", () => {
  const html = `<iframe data-category="marketing" data-src="https://third.test/f" id="frame"></iframe>
    <img data-category="marketing" src="/blank.png" data-src="https://third.test/i"
      data-srcset="https://third.test/i2 2x" id="image">
    <link rel="stylesheet" data-category="marketing" data-href="https://third.test/c.css" id="style">`;

  test("load when they are allowed", async () => {
    const { document, holdfire } = await openPage({ html });
    holdfire.acceptAll();
    expect(document.getElementById("frame")?.getAttribute("src")).toBe("https://third.test/f");
    expect(document.getElementById("image")?.getAttribute("src")).toBe("https://third.test/i");
    expect(document.getElementById("image")?.getAttribute("srcset")).toBe(
      "https://third.test/i2 2x",
    );
    expect(document.getElementById("style")?.getAttribute("href")).toBe("https://third.test/c.css");
  });

  test("go back to what they were when permission ends", async () => {
    const { document, holdfire } = await openPage({ html });
    holdfire.acceptAll();
    const frame = document.getElementById("frame");
    holdfire.withdraw();
    expect(document.getElementById("frame")).toBe(frame);
    expect(frame?.hasAttribute("src")).toBe(false);
    expect(document.getElementById("image")?.getAttribute("src")).toBe("/blank.png");
    expect(document.getElementById("image")?.hasAttribute("srcset")).toBe(false);
    expect(document.getElementById("style")?.hasAttribute("href")).toBe(false);
  });
});

describe("a template", () => {
  const unfolding = `<template data-category="analytics"><p class="inner">hello</p></template>`;

  test("comes to stand right after itself, and its scripts run", async () => {
    const { document, holdfire, run } = await openPage({
      inlined: EVERY_CHUNK,
      html: `<template data-category="analytics" id="held"><p>hello</p><script>(window.said ??= []).push("inner")</script>
        <img data-category="marketing" data-src="https://third.test/i"></template><p>after</p>`,
    });
    holdfire.choose({ analytics: true });
    expect(document.getElementById("held")?.nextElementSibling?.textContent).toBe("hello");
    expect(run(said)).toBe("inner");
    expect(document.querySelector("img[src]")).toBeNull();
  });

  test("is taken back, and can come again", async () => {
    const { document, holdfire } = await openPage({ inlined: EVERY_CHUNK, html: unfolding });
    holdfire.acceptAll();
    holdfire.withdraw();
    expect(document.querySelectorAll("p.inner")).toHaveLength(0);
    holdfire.acceptAll();
    expect(document.querySelectorAll("p.inner")).toHaveLength(1);
  });

  test("waits for what unfolds it, which is loaded when there is one that may", async () => {
    const { document, holdfire, loaded } = await openPage({ html: unfolding });
    await turn();
    expect(loaded()).not.toContain("template");
    holdfire.acceptAll();
    await turn();
    expect(loaded()).toContain("template");
    expect(document.querySelectorAll("p.inner")).toHaveLength(1);
  });

  test("stays folded when permission ended before it could unfold", async () => {
    const { travel, arrive } = slow("template");
    const { document, holdfire } = await openPage({ html: unfolding, travel });
    holdfire.acceptAll();
    holdfire.withdraw();
    await arrive();
    expect(document.querySelectorAll("p.inner")).toHaveLength(0);
  });

  test("unfolds once, however often it was allowed while it waited", async () => {
    const { travel, arrive } = slow("template");
    const { document, holdfire } = await openPage({ html: unfolding, travel });
    holdfire.acceptAll();
    holdfire.withdraw();
    holdfire.acceptAll();
    await arrive();
    expect(document.querySelectorAll("p.inner")).toHaveLength(1);
  });

  test("that cannot be unfolded stays folded, and is tried again", async () => {
    const { travel, find } = lost("template");
    const { document, holdfire, errors } = await openPage({ html: unfolding, travel });
    holdfire.acceptAll();
    await turn();
    expect(document.querySelectorAll("p.inner")).toHaveLength(0);
    expect(String(errors)).toContain("no way to template");
    find();
    holdfire.withdraw();
    holdfire.acceptAll();
    await turn();
    expect(document.querySelectorAll("p.inner")).toHaveLength(1);
  });
});

test("Trusted Types get a policy of their own", async () => {
  const { document, holdfire, run } = await openPage({
    html: `<script type="text/plain" data-category="analytics" data-src="https://third.test/t.js" id="tag"></script>`,
    before: `window.policies = [];
      window.trustedTypes = { createPolicy(name, rules) { policies.push(name); return rules; } };`,
  });
  holdfire.acceptAll();
  expect(run("policies.join()")).toBe("holdfire");
  expect(document.getElementById("tag")?.getAttribute("src")).toBe("https://third.test/t.js");
});
