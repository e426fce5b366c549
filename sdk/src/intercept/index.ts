/**
 * Holds what nobody marked: requests and writes of the services that the site lists, until they are
 * allowed. What the page's own markup asks for is asked before any script can say a word: that has
 * to be marked (gate.ts). See docs/intercept.md for what cannot be reached.
 */

import { listen } from "../dom";
import type { Host } from "../host";
import type { InsertionModule } from "../insertion";
import { bare } from "../natives";
import { attempt } from "../shape";
import type { Part } from "../types";
import type { WritesModule } from "../writes";
import type { Ground, Realm } from "./ground";
import { openHosts } from "./hosts";
import { openKeeping } from "./keeping";
import { first, mapped } from "./lists";
import { openMirror } from "./mirror";
import type { Options } from "./options";
import { prototypeOf, textOf, under } from "./realm";
import { wrapRequests } from "./requests";
import { openStand } from "./stand";
import { openWrap } from "./wrap";

const FRAMES = "iframe,frame,object,embed";

export const open = (host: Host, options: Options): Part => {
  const { rules, services } = host.boot;
  // What no element is called, so that each of the others can begin with a comma.
  let marked = "_";
  mapped(rules.categories, ({ id }) => {
    marked += `,[data-category="${id}"]`;
  });
  mapped(services, ({ id }) => {
    marked += `,[data-service="${id}"]`;
  });
  const ground: Ground = {
    hosts: openHosts(host, options),
    keeping: openKeeping(host, options.report),
    ...{ permits: host.permits, fail: host.fail, under, textOf, prototypeOf, mapped, first },
    marked,
    mirror: openMirror,
    stand: openStand,
    enter: (root) => {
      for (const frame of under(root, FRAMES)) {
        enter(attempt(() => (frame as HTMLIFrameElement).contentWindow));
      }
    },
  };
  const insertion = (host.inlined.chunks.insertion as () => InsertionModule)().open(ground);
  const writes = (host.inlined.chunks.writes as () => WritesModule)();
  /** The ways back, by the window's own `Node`: a window that shows another page has another. */
  const entered = new WeakMap<object, (() => void)[]>();
  const keyOf = (realm: Window | null) => attempt(() => realm?.document && (realm as Realm).Node);

  const enter = (other: Window | null) => {
    // Other people's windows do not let themselves be looked at.
    const key = keyOf(other);
    if (!key || entered.get(key)) return;
    const realm = other as Realm;
    const undo: (() => void)[] = [];
    const wrap = openWrap(host.fail, undo);
    entered.set(key, undo);
    for (const task of [insertion.wrap, wrapRequests, writes.wrap]) {
      try {
        task(realm, wrap, ground);
      } catch (cause) {
        host.fail(cause);
      }
    }
    wrap(realm, "open", (_self, _, proceed) => {
      const opened = proceed();
      enter(opened as Window | null);
      return opened;
    });
  };
  const leave = (realm: Window) => {
    for (const undo of entered.get(keyOf(realm) ?? {}) ?? []) undo();
    for (let at = 0; at < realm.length; at++) leave(realm[at] as Window);
  };

  enter(window);
  ground.enter(document);
  // What the parser makes of markup comes to light here, before the next script runs.
  const watch = new MutationObserver((records) => {
    insertion.collect(document);
    for (const { addedNodes } of records) for (const node of addedNodes) ground.enter(node);
  });
  watch.observe(document, bare({ childList: true, subtree: true }));
  listen(document, "load", ({ target }) => ground.enter(target as Node));

  return {
    settle: () => ground.keeping.settle(),
    stop: () => {
      ground.keeping.stop();
      watch.disconnect();
      leave(window);
    },
  };
};
