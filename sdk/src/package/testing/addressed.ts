/** Whether a request goes where it should not. */

/** A host ("ads.example", with all below it), the beginning of an address, or a pattern. */
export type Destination = string | RegExp | readonly (string | RegExp)[];

/** Whether an address is of this destination. Hosts match on whole labels, with a port if named. */
export const isAt = (address: string, to: Destination): boolean =>
  (to instanceof RegExp || typeof to === "string" ? [to] : to).some((one) => {
    if (one instanceof RegExp)
      return new RegExp(one.source, one.flags.replace(/[gy]/g, "")).test(address);
    if (one.includes("://")) return address.startsWith(one);
    const { host, hostname } = new URL(address);
    const name = one.includes(":") ? host : hostname;
    return name === one || name.endsWith(`.${one}`);
  });

/** Every request from when it was made. */
export interface Recording {
  /** Their addresses, in order. */
  readonly urls: readonly string[];
  /** Those that went there. */
  to(destination: Destination): string[];
  /** Throws, naming them, if any request went there. */
  expectNone(destination: Destination): void;
  /** Forgets what was recorded so far. */
  clear(): void;
}

/** A recording that is told of addresses by `begin`. */
export const recording = (begin: (heard: (address: string) => void) => void): Recording => {
  const urls: string[] = [];
  begin((address) => {
    // What never leaves the browser is no request: data:, blob:, about:.
    if (/^(https?|wss?):/.test(address)) urls.push(address);
  });
  const to = (destination: Destination) => urls.filter((one) => isAt(one, destination));
  return {
    urls,
    to,
    expectNone: (destination) => {
      const found = to(destination);
      if (found.length > 0) {
        throw new Error(`expected no request, found ${found.length}:\n  ${found.join("\n  ")}`);
      }
    },
    clear: () => void urls.splice(0),
  };
};
