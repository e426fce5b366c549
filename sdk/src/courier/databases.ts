/** Removing databases of IndexedDB. */

import { attempt } from "../shape";

/**
 * Removes those that are `condemned`, and gives back what is left of them, each with its reason.
 *
 * A database that a script of the page holds open goes when that lets go of it, at the latest with
 * the page. `listed` are the names that services give, which have to do where a browser does not
 * tell which databases there are.
 */
export const removeDatabases = async (
  listed: readonly string[],
  condemned: (name: string) => boolean,
): Promise<string[]> => {
  const present = await attempt(() => indexedDB.databases())?.catch(() => null);
  const names = present?.map(({ name }) => name ?? "") ?? listed;
  const left = await Promise.all(names.filter(condemned).map(remove));
  return left.flat();
};

/** Nothing once it is gone. */
const remove = (name: string) =>
  new Promise<string[]>((done) => {
    const request = attempt(() => indexedDB.deleteDatabase(name));
    if (!request) return done([]);
    request.onsuccess = () => done([]);
    request.onerror = () => done([`${name} (database)`]);
    request.onblocked = () => done([`${name} (database in use)`]);
  });
