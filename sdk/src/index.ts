/** The boot script's body: `!function(HOLDFIRE_BOOT,HOLDFIRE_INLINED){…}(…)`. See PROTOCOL.md §2. */

import { baseOf, bootScript, declaredIn } from "./address";
import type { Inlined } from "./chunks";
import { listen } from "./dom";
import { adopt } from "./natives";
import { start } from "./start";
import type { Boot } from "./types";

declare const HOLDFIRE_BOOT: Boot;
declare const HOLDFIRE_INLINED: Inlined;

const begin = async () => {
  try {
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
    // A page that is only prepared, in case somebody goes there, is nobody's page view yet. Any other
    // begins once this script has ended, and before anything else of the page runs: Chromium notes
    // where a script is that looks at the cookies, and to count its lines reads every function on the
    // way there once more. From within this script that is all of it, and most of what a start costs.
    await ((document as { prerendering?: unknown }).prerendering === true
      ? new Promise((opened) => listen(document, "prerenderingchange", opened))
      : null);
    start(boot, origin);
  } catch (cause) {
    // Lost: this page's consent handling. What is held stays held, and the page goes on.
    console.error("holdfire:", cause);
  }
};

begin();
