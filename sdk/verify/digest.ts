import { join, type Octets } from "./octets";
import { Unable } from "./unable";

/** SHA-256 over all of it. Rejects with `Unable` on pages that came over plain http. */
export const sha256 = async (...parts: readonly Octets[]): Promise<Octets> => {
  const { subtle } = globalThis.crypto ?? {};
  if (!subtle) throw new Unable("SHA-256");
  return new Uint8Array(await subtle.digest("SHA-256", join(...parts)));
};
