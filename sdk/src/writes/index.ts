/**
 * What services would keep in the browser: cookies, storage keys and databases. A chunk of its own
 * for its size: the service brings it along, and `intercept` opens it.
 */

import type { Ground, Realm } from "../intercept/ground";
import type { List } from "../intercept/hosts";
import type { Wrap } from "../intercept/wrap";
import { set } from "../natives";

const GONE = /;\s*max-age\s*=\s*(0|-)/i;
const EXPIRES = /;\s*expires\s*=([^;]*)/i;

export interface WritesModule {
  /** Stands in, in one window, for all that keeps a name. */
  wrap(realm: Realm, wrap: Wrap, ground: Ground): void;
}

export const wrap: WritesModule["wrap"] = (realm, put, ground) => {
  const { hosts, keeping, textOf, prototypeOf, stand } = ground;
  /** Holds a write in place of an earlier one under the same name. Taking back is never held. */
  const hold = (place: object, list: List, cause: string, name: string, run: () => unknown) =>
    keeping.hold(place, name, {
      ...{ cause, name },
      judge: () => hosts.name(list, name),
      run: () => run(),
    });

  if (hosts.knows("cookies")) {
    // One jar for all documents of the page.
    const jar = document;
    put(
      realm.Document.prototype,
      "cookie",
      (_, [cookie], proceed) => {
        const text = textOf(cookie);
        const name = (text.split(";")[0]?.split("=")[0] ?? "").trim();
        const gone = GONE.test(text) || Date.parse(EXPIRES.exec(text)?.[1] ?? "") < Date.now();
        if (gone) keeping.forget(jar, name);
        else if (hold(jar, "cookies", "cookie", name, proceed)) return;
        return proceed();
      },
      "set",
    );
    const store = prototypeOf(realm, "CookieStore");
    const named = (cookie: { name?: string } | string) =>
      textOf((cookie as { name?: string })?.name ?? cookie);
    put(store, "set", (_, [cookie], proceed) =>
      hold(jar, "cookies", "cookie", named(cookie), proceed) ? Promise.resolve() : proceed(),
    );
    put(store, "delete", (_, [cookie], proceed) => {
      keeping.forget(jar, named(cookie));
      return proceed();
    });
  }
  if (hosts.knows("storage")) wrapStorage(realm, put, hold, ground);
  if (hosts.knows("databases")) {
    const native = prototypeOf(realm, "IDBOpenDBRequest") ?? {};
    put(prototypeOf(realm, "IDBFactory"), "open", (_, [name], proceed) => {
      const { face, become } = stand(native, native, { readyState: "pending" });
      const run = () => become(proceed() as object);
      return hold({}, "databases", "database", textOf(name), run) ? face : proceed();
    });
  }
};

type Hold = (place: object, list: List, cause: string, name: string, run: () => unknown) => boolean;

const wrapStorage = (realm: Realm, wrap: Wrap, hold: Hold, { keeping, textOf, mirror }: Ground) => {
  const { prototype } = realm.Storage;
  const write = (area: Storage, key: string, put: () => unknown) =>
    hold(area, "storage", "storage", textOf(key), put) ? undefined : put();
  const { face, real, unveil } = mirror<Storage>((area, key, value) => {
    write(area, key, () => set(area, key, value));
    return true;
  });
  unveil(prototype, wrap);
  wrap(prototype, "setItem", (self, args, proceed) =>
    write(real(self), textOf(args[0]), () => proceed()),
  );
  wrap(prototype, "removeItem", (self, [key], proceed) => {
    keeping.forget(real(self), textOf(key));
    return proceed();
  });
  wrap(prototype, "clear", (self, _, proceed) => {
    for (const key of [...(keeping.of(real(self))?.keys() ?? [])]) keeping.forget(real(self), key);
    return proceed();
  });
  for (const name of ["localStorage", "sessionStorage"]) {
    wrap(realm, name, (_self, _, proceed) => face(proceed() as Storage), "get");
  }
  wrap(realm, "StorageEvent", (_, [type, init], proceed) => {
    const { storageArea = null, ...more } = (init ?? {}) as StorageEventInit;
    return proceed([type, { ...more, storageArea: storageArea && real(storageArea) }]);
  });
  wrap(
    realm.StorageEvent.prototype,
    "storageArea",
    (_self, _, proceed) => {
      const area = proceed() as Storage | null;
      return area && face(area);
    },
    "get",
  );
};
