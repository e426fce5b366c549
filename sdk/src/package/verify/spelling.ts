/** Base64url and JSON, of each of which there is one reading only. */

import { Refused, type RefusedReason } from "./refused";

export type Octets = Uint8Array<ArrayBuffer>;
export type Members = { readonly [name: string]: unknown };

/** Base64url (RFC 4648 §5) without padding, each value written in one way only. */
export const octetsOf = (part: string, reason: RefusedReason): Octets => {
  if (part.length % 4 === 1) throw new Refused(reason);
  const binary = atob(part.replace(/-/g, "+").replace(/_/g, "/"));
  const again = btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  if (again !== part) throw new Refused(reason);
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
};

export const isMembers = (found: unknown): found is Members =>
  typeof found === "object" && found !== null && !Array.isArray(found);

/**
 * A JSON object without backslashes, with no member twice, and no number but whole ones of at most
 * 15 digits.
 */
export const membersOf = (octets: Octets, reason: RefusedReason): Members => {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(octets);
    const bones = text.replace(/"[^"]*"/g, '""');
    if (!text.includes("\\") && !/-|[0-9][.eE]|[0-9]{16}/.test(bones)) {
      const found: unknown = JSON.parse(text);
      // JSON.parse keeps the last of two alike, and says nothing of it.
      const written = bones.match(/""\s*:/g)?.length ?? 0;
      if (isMembers(found) && written === membersIn(found)) return found;
    }
  } catch {
    // Not UTF-8, not JSON, or nested beyond all measure.
  }
  throw new Refused(reason);
};

const membersIn = (found: unknown): number => {
  if (typeof found !== "object" || found === null) return 0;
  const held = Object.values(found).reduce((sum: number, one) => sum + membersIn(one), 0);
  return Array.isArray(found) ? held : held + Object.keys(found).length;
};
