/**
 * Standing somewhere else. A service in use takes nobody's word for where they are, a test's as
 * little as a visitor's. But it has a boot script for each named region, the same for anybody: the
 * page under test is given that one. `holdfire demo` alone takes a place in the query.
 */

export interface Placing {
  /** The service is `holdfire demo`: then its answers, too, are those for the place. */
  demo?: boolean;
}

const PLACE = /^[A-Z]{2}(-[A-Z0-9]{1,3})?$/i;
/** A boot script; and, of the demo, whatever else depends on the place. */
const BOOT = /\/s\/([\w-]+)(?:\/[\w-]+)?\.js(?=[?#]|$)/;
const ASKED = /\/v1\/sites\/[\w-]+\//;

/** The addresses that depend on the place. */
export const placed = ({ demo = false }: Placing): RegExp =>
  demo ? new RegExp(`${BOOT.source}|${ASKED.source}`) : BOOT;

/** The address that answers as for somebody in this place: "DE", "US-CA". Throws for no place. */
export const addressIn = (place: string, address: string, { demo = false }: Placing): string => {
  if (!PLACE.test(place)) throw new TypeError(`a place is written CC or CC-SUB: ${place}`);
  if (!demo) return address.replace(BOOT, `/s/$1/${place.toLowerCase()}.js`);
  const url = new URL(address);
  url.searchParams.set("geo", place.toUpperCase());
  return url.href;
};
