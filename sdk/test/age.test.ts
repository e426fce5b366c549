// @vitest-environment happy-dom
import { afterEach, describe, expect, test, vi } from "vitest";
import { age, ageQuestion } from "../src/age/index";
import { optIn, rule, SITE } from "./boot";
import { bootOf, wordsOf } from "./interface";
import { type Staging, sceneOf, staged } from "./scene";

afterEach(() => document.body.replaceChildren());

const KEY = `holdfire:${SITE}:age`;
const BOOT = bootOf(
  optIn({
    ask_age: true,
    categories: [
      rule("analytics", {
        minors: [
          [0, 12, "ban"],
          [13, 15, "opt_in"],
        ],
      }),
    ],
    sale_or_share: rule("sale_or_share", { minors: [[0, 17, "ban"]] }),
  }),
);

function asked(given: Staging = {}) {
  const go = vi.fn();
  const set = sceneOf({ boot: BOOT, ...given });
  const layer = ageQuestion(set.scene, wordsOf(), go);
  staged(layer.node);
  return { ...set, go, layer, buttons: [...layer.node.querySelectorAll("button")] };
}

const nameOf = (button: Element) => button.textContent;

describe("the question for the age", () => {
  test("has one button for each band that the law tells apart, all of one kind", () => {
    const { buttons } = asked();
    expect(buttons.map(nameOf)).toEqual(["Under 13", "13 to 15", "16 to 17", "18 or older"]);
    expect(new Set(buttons.map(({ className }) => className)).size).toBe(1);
  });

  test("keeps the youngest age of the band, decides anew, and goes on once", () => {
    for (const [index, years] of ["0", "13", "16", "18"].entries()) {
      const { buttons, go, layer, local, scene } = asked();
      buttons[index]?.click();
      layer.update();
      expect(local.get(KEY)).toBe(years);
      expect(scene.host.settle).toHaveBeenCalledWith("choice");
      expect(go).toHaveBeenCalledTimes(1);
    }
  });

  test("takes closing it for no answer", () => {
    const { go, layer, local } = asked();
    layer.close();
    layer.update();
    expect(local.has(KEY)).toBe(false);
    expect(go).not.toHaveBeenCalled();
  });

  test("goes on when it was answered elsewhere", () => {
    const { go, layer, local } = asked();
    local.set(KEY, "16");
    layer.update();
    expect(go).toHaveBeenCalledTimes(1);
  });
});

test("a wrong answer is corrected by asking again", () => {
  const { scene, local } = sceneOf({ boot: BOOT, local: { [KEY]: "13" } });
  const place = staged(age(scene, wordsOf()));
  const buttons = () => [...place.querySelectorAll("button")];
  expect(buttons().map(nameOf)).toEqual(["13 to 15"]);
  buttons()[0]?.click();
  expect(buttons()).toHaveLength(4);
  buttons()[3]?.click();
  expect(local.get(KEY)).toBe("18");
  expect(buttons().map(nameOf)).toEqual(["18 or older"]);
});
