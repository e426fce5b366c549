/** The boot script's body: `!function(HOLDFIRE_BOOT,HOLDFIRE_INLINED){…}(…)`. See PROTOCOL.md §2. */

import { baseOf, bootScript, declaredIn } from "./address";
import type { Inlined } from "./chunks";
import { listen } from "./dom";
import { adopt } from "./natives";
import { start } from "./start";
import type { Boot } from "./types";

declare const HOLDFIRE_BOOT: Boot;
declare const HOLDFIRE_INLINED: Inlined;

const guarded = (task: () => void) => {
  try {
    task();
  } catch (cause) {
    // Lost: this page's consent handling. What is held stays held, and the page goes on.
    console.error("holdfire:", cause);
  }
};

guarded(() => {
  const boot = adopt(HOLDFIRE_BOOT);
  const script = bootScript();
  const source = script?.src ?? "";
  const origin = {
    base: baseOf(source, boot.site),
    nonce: script?.nonce ?? "",
    declared: declaredIn(source),
    load: (address: string) => import(address),
    inlined: HOLDFIRE_INLINED,
  };
  // A page that is only prepared, in case somebody goes there, is nobody's page view yet.
  if ((document as { prerendering?: unknown }).prerendering === true) {
    listen(document, "prerenderingchange", () => guarded(() => start(boot, origin)));
  } else start(boot, origin);
});
