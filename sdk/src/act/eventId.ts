/**
 * A random UUID, version 4: each 0, 1 and 8 of the pattern gives way to a random hexadecimal digit,
 * the 8 to one of 8, 9, a and b. `crypto.randomUUID` would need a secure context, which http is not.
 */
export const eventId = (): string =>
  "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (digit) => {
    const [random = 0] = crypto.getRandomValues(new Uint8Array(1));
    return (+digit ^ ((random & 15) >> (+digit / 4))).toString(16);
  });
