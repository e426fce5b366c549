/**
 * Public keys as policies and notes name them (C2SP signed-note, "verifier keys"):
 *
 *     example.com/log+4d3c2b1a+AbC…   name + id in hex + base64(type || 32 bytes)
 */

import { fromBase64 } from "./base64";
import { sha256 } from "./digest";
import { Malformed } from "./malformed";
import { hex, join, type Octets, same, utf8 } from "./octets";

/** Ed25519 over the text of a note: what logs make. */
export const SIGNATURE = 0x01;
/** Ed25519 over a time and the text: what witnesses make (C2SP tlog-cosignature). */
export const COSIGNATURE = 0x04;

export interface Key {
  readonly name: string;
  /** Four octets, which together with the name stand for the key. */
  readonly id: Octets;
  readonly type: number;
  readonly point: Octets;
}

/** Whether a note could name it: not empty, without a plus and without spaces of any script. */
export const isName = (name: string): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: names must not have any
  name !== "" && !/[+\p{White_Space}\0-\x1f]/u.test(name);

/** Reads a key of this type. Throws `Malformed`, also where the id is another key's. */
export const readKey = async (vkey: string, type: number): Promise<Key> => {
  const [, name = "", id = "", encoded = ""] = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/.exec(vkey) ?? [];
  if (!isName(name)) throw new Malformed("a key is written NAME+ID+KEY");
  const material = fromBase64(encoded, 33);
  if (material[0] !== type) throw new Malformed("a key of a type that does not belong here");
  const hashed = await sha256(utf8(`${name}\n`), material);
  if (hex(hashed.subarray(0, 4)) !== id) throw new Malformed("the id is not that of the key");
  return { name, id: hashed.slice(0, 4), type, point: material.slice(1) };
};

/** Whether it is the key that a line names. */
export const isNamed = (key: Key, line: { name: string; id: Octets }): boolean =>
  key.name === line.name && same(key.id, line.id);

/** What a key of that type signed: the text itself, or that it was seen at a time. */
export const signedMessage = (text: string, time: bigint | null): Octets =>
  join(utf8(time === null ? "" : `cosignature/v1\ntime ${time}\n`), utf8(text));
