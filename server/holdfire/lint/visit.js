/**
 * The page's half of `visit.py`: what is asked, done and waited for in the page, where a look costs
 * no round trip. `look` is `sight.js`, `measure` is `measure.js`. Times are milliseconds.
 */
(look, measure) => {
  const pause = (time) => new Promise((done) => setTimeout(() => done(null), time));
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  /** Waits until what was done is drawn. */
  const drawn = async () => {
    await frame();
    await frame();
  };
  /** What our own script asks by itself, "awaited" before it runs; null if it is not ours. */
  const prompt = async () => {
    const { holdfire } = window;
    if (Array.isArray(holdfire)) return "awaited";
    if (!holdfire?.ready) return null;
    return (await Promise.race([holdfire.ready, pause(2000)]))?.prompt ?? null;
  };

  return {
    drawn,
    measure: () => measure(look()),
    state: () => look().state(),
    layers: () => look().layers.map(look().layerNumber),
    /** The element of a control, so that it can be clicked. */
    control: (index) => look().controls[index],
    /** Turns every switch of a category; how many were turned. */
    turn: (on) => {
      const { checked, disabled, layers, switches } = look();
      const others = layers
        .flatMap(switches)
        .filter((e) => !e.id.startsWith("service-") && !disabled(e) && checked(e) !== on);
      // One that is turned may turn others.
      for (const element of others) if (checked(element) !== on) element.click();
      return others.length;
    },
    unfold: () => {
      for (const element of look().all) if (element.localName === "details") element.open = true;
    },
    /** Waits until the banner is there, or is not to be expected. */
    settled: async ({ asking, patience, silent, poll }) => {
      const begun = performance.now();
      for (let waited = 0; waited < patience; waited = performance.now() - begun) {
        const asked = await prompt();
        const sight = look();
        if (sight.layers.length) break;
        // Where nothing is asked, the way back is all there is to wait for.
        if (!asking.includes(asked) && (sight.loose() || waited > silent)) break;
        await pause(poll);
      }
      await drawn();
    },
    /** Waits until a visitor would notice a change, and it is drawn. */
    changed: async ({ before, patience, poll }) => {
      const end = performance.now() + patience;
      while (look().state() === before && performance.now() < end) await pause(poll);
      await drawn();
    },
  };
};
