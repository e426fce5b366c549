/** The boot script's body: `!function(HOLDFIRE_BOOT){…}(…)`. See PROTOCOL.md §2. */

import { adopt } from "./natives";
import { start } from "./start";
import { baseOf, bootScript, declaredIn } from "./transport";
import type { BannerModule, Boot } from "./types";

declare const HOLDFIRE_BOOT: Boot;

try {
  const boot = adopt(HOLDFIRE_BOOT);
  const script = bootScript();
  start(boot, {
    base: baseOf(script, boot.site),
    nonce: script?.nonce ?? "",
    declared: declaredIn(script),
    load: (address): Promise<BannerModule> => import(address),
  });
} catch (cause) {
  // Lost: this page's consent handling. What is held stays held, and the page goes on.
  console.error("holdfire:", cause);
}
