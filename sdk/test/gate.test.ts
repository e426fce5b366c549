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
  const tag = (more: string) =>
    `<script type="text/plain" data-category="analytics" data-src="${lib}" ${more}></script>`;
  const external = tag("");
  const scripts = { [lib]: '(window.said ??= []).push("lib")' };
  // happy-dom loads a script before it goes on unless it is async; browsers do not, for created ones.
  const before = `Object.defineProperty(HTMLScriptElement.prototype, "async", {
    set() { this.setAttribute("async", ""); } })`;

  test("waits for the external script before it, as the parser would have seen to", async () => {
    const { holdfire, run } = await openPage({
      scripts,
      before,
      html: `${external}${says("after")}${says("apart", 'data-category="functional" async')}`,
    });
    holdfire.acceptAll();
    expect(run(said)).toBe("apart");
    await expect.poll(() => run(said)).toBe("apart lib after");
  });

  test("does not run after all when permission ends while it waits", async () => {
    const { holdfire, run } = await openPage({ scripts, before, html: external + says("after") });
    holdfire.acceptAll();
    holdfire.withdraw();
    await expect.poll(() => run(said)).toBe("lib");
    await turn();
    expect(run(said)).toBe("lib");
  });

  test("that is deferred runs when all others have run", async () => {
    const { holdfire, run } = await openPage({
      scripts,
      html: `${tag("defer")}${says("a")}${tag('data-type="module" async')}${says("b")}`,
    });
    holdfire.acceptAll();
    expect(run(said)).toBe("a b");
    await expect.poll(() => run(said)).toBe("a b lib lib");
  });

  test.each(["load", "error"])("tells whoever listens by its property of its %s", async (type) => {
    const { holdfire, run } = await openPage({
      before: `const made = document.createElement("script");
        Object.assign(made, { type: "text/plain", id: "made", on${type}: () => { window.told = true; } });
        made.dataset.category = "analytics";
        document.body.append(made);`,
    });
    holdfire.acceptAll();
    run(`document.getElementById("made").dispatchEvent(new Event("${type}"))`);
    expect(run("window.told")).toBe(true);
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

describe("many at once", () => {
  /** A page on which each script takes 10 ms, and which is painted when the test says so. */
  const open = async (html = "", look = 0) => {
    const clock = { at: 0, now: () => (clock.at += look) };
    const frames: (() => void)[] = [];
    const timers: [run: () => void, ms: number][] = [];
    const slow = (word: string) => says(word).replace("(window", "performance.at += 10; (window");
    const page = await openPage({
      html: html + ["a", "b", "c"].map(slow).join(""),
      members: {
        performance: clock,
        requestAnimationFrame: (run: () => void) => frames.push(run),
        setTimeout: (run: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) =>
          timers.push([() => run(...given), ms]),
      },
    });
    const turns = () => {
      for (const [run, ms] of timers.splice(0)) if (!ms) run();
    };
    const paint = () => {
      for (const run of frames.splice(0)) run();
      turns();
    };
    return { ...page, paint, turns };
  };

  test("run after the page has shown what the visitor did, with a paint after each slice", async () => {
    const { holdfire, run, paint, turns } = await open();
    holdfire.acceptAll();
    turns();
    expect(run(said)).toBe("");
    for (const words of ["a", "a b", "a b c"]) {
      paint();
      turns();
      expect(run(said)).toBe(words);
    }
  });

  test("come to their turn on a slow machine, however many stay held before them", async () => {
    const held = `<script type="text/plain" data-category="marketing"></script>`.repeat(50);
    const { holdfire, run, paint } = await open(held, 10);
    holdfire.choose({ analytics: true });
    for (let pictures = 0; pictures < 9; pictures++) {
      paint();
      await turn();
    }
    expect(run(said)).toBe("a b c");
  });

  test("stay held from where the visitor refused", async () => {
    const { holdfire, run, paint } = await open();
    holdfire.acceptAll();
    paint();
    holdfire.withdraw();
    paint();
    paint();
    expect(run(said)).toBe("a");
  });

  test("do not wait for a paint on a page that nobody looks at", async () => {
    const { holdfire, run } = await open();
    run("Object.defineProperty(Document.prototype, 'visibilityState', {get: () => 'hidden'})");
    holdfire.acceptAll();
    expect(run(said)).toBe("a b c");
  });
});
