/** Requests that code makes by itself. */

import { apply, get } from "../natives";
import { attempt } from "../shape";
import type { Ground, Realm } from "./ground";
import { prototypeOf, textOf } from "./realm";
import { openStand } from "./stand";
import type { Wrap } from "./wrap";

/** Addresses that fail by themselves, before anything goes out: a scheme without a net, and a port that is barred. */
const NOWHERE = "about:invalid";
const NO_SOCKET = "wss://127.0.0.1:1";

const SEND = "send";

type Act = () => void;

export const wrapRequests = (
  realm: Realm,
  wrap: Wrap,
  { hosts, keeping }: Pick<Ground, "hosts" | "keeping">,
): void => {
  const { Request } = realm;
  const hold = (cause: string, name: string, run: Act, drop: Act = () => {}) =>
    keeping.hold({}, "", { cause, name, judge: () => hosts.address(name), run: () => run(), drop });
  /** A promise of what `proceed` gives, that fails if it is refused, or broken off before. */
  const promised = (cause: string, name: string, proceed: () => unknown, signal?: AbortSignal) =>
    new Promise((done, fail) => {
      signal?.addEventListener("abort", () => fail(signal.reason));
      const run = () => done(proceed());
      const drop = () => fail(new TypeError("Failed to fetch"));
      if (!hold(cause, name, run, drop)) run();
    });

  wrap(realm, "fetch", (_, args, proceed) => {
    const [input] = args as readonly unknown[];
    const name = input instanceof Request ? get(Request.prototype, "url", input) : textOf(input);
    // What is asked for is settled when it is asked.
    const request =
      hosts.address(name) && attempt(() => new Request(...(args as never as [string])));
    if (!request) return proceed();
    return promised("fetch", name, () => proceed([request]), request.signal);
  });
  wrap(realm, "fetchLater", (_, args, proceed) =>
    hold("fetchLater", textOf(args[0]), proceed) ? { activated: false } : proceed(),
  );
  wrap(prototypeOf(realm, "Worklet"), "addModule", (_, [url], proceed) =>
    promised("worklet", textOf(url), proceed),
  );
  wrap(prototypeOf(realm, "Navigator"), "sendBeacon", (_, args, proceed) =>
    hold("sendBeacon", textOf(args[0]), proceed) ? true : proceed(),
  );
  wrapXHR(realm, wrap, { hosts, keeping });

  for (const [name, lost] of [
    ["WebSocket", NO_SOCKET],
    ["EventSource", NOWHERE],
  ] as const) {
    const native = prototypeOf(realm, name);
    wrap(realm, name, (of: { prototype: object }, [url, ...more], proceed) => {
      if (!native || !hosts.address(url)) return proceed();
      const { face, become, closed } = openStand(native, of.prototype, { readyState: 0, url });
      const run = () => {
        if (!closed()) become(proceed() as object);
      };
      return hold(name, textOf(url), run, () => become(proceed([lost, ...more]) as object))
        ? face
        : proceed();
    });
  }
  // Its address is set where others are, too.
  wrap(realm, "Audio", (_, [url], proceed) => {
    if (url === undefined) return proceed();
    const audio = proceed([]) as HTMLAudioElement;
    audio.src = url;
    return audio;
  });
};

const wrapXHR = (
  realm: Realm,
  wrap: Wrap,
  { hosts, keeping }: Pick<Ground, "hosts" | "keeping">,
) => {
  const prototype = realm.XMLHttpRequest.prototype;
  const { open } = prototype;
  const opened = new WeakMap<object, readonly unknown[]>();

  for (const name of ["open", "abort"]) {
    wrap(prototype, name, (self, args, proceed) => {
      keeping.forget(self, SEND);
      if (args[1]) opened.set(self, args);
      return proceed();
    });
  }
  wrap(prototype, SEND, (self, _, proceed) => {
    const [method, url, ...more] = opened.get(self) ?? [];
    const drop = () => {
      apply(open, self, [method as string, NOWHERE, ...(more as [])]);
      proceed();
    };
    const name = textOf(url);
    const judge = () => hosts.address(url);
    if (!keeping.hold(self, SEND, { cause: "xhr", name, judge, run: () => proceed(), drop })) {
      return proceed();
    }
    // The page stands still until a synchronous one is answered.
    if (more[0] === false) {
      keeping.forget(self, SEND);
      drop();
    }
    return undefined;
  });
};
