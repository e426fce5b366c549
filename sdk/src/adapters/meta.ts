/** The Meta Pixel: consent, and limited data use (LDU) where a sale is opposed. */

import type { Host } from "../host";
import type { Part } from "../types";
import { adapter, type Options, reach, sells } from "./adapter";

interface Meta extends Options {
  /** Whether it runs limited where advertising is allowed and the sale of data opposed. */
  readonly ldu: boolean;
}

export const open = (host: Host, options: Meta): Part => {
  const { ldu } = options;
  const line = reach("fbq", (fbq, calls) => {
    for (const call of calls) fbq(...call);
  });
  return adapter(host, options, line, (may, snapshot) => {
    const sold = sells(host, snapshot);
    return [
      // Zero and zero: Meta works out by itself where the visitor is.
      ...(ldu ? [["dataProcessingOptions", ...(sold ? [[]] : [["LDU"], 0, 0])]] : []),
      ["consent", may("marketing") && (sold || ldu) ? "grant" : "revoke"],
    ];
  });
};
