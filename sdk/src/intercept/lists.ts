/** Going through lists by their numbers: pages have replaced what arrays do, and a yes must not hang on it. */

export const mapped = <T, U>(all: ArrayLike<T>, make: (one: T, at: number) => U): U[] => {
  const made: U[] = [];
  for (let at = 0; at < all.length; at++) made[at] = make(all[at] as T, at);
  return made;
};

/** Those of which it is so. */
export const those = <T>(all: ArrayLike<T>, is: (one: T) => unknown): T[] => {
  const found: T[] = [];
  mapped(all, (one) => {
    if (is(one)) found[found.length] = one;
  });
  return found;
};

/** What `judge` says of the first of which it says anything. */
export const first = <T, U>(all: ArrayLike<T>, judge: (one: T) => U): U | null => {
  for (let at = 0; at < all.length; at++) {
    const said = judge(all[at] as T);
    if (said) return said;
  }
  return null;
};
