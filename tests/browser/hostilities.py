"""Hostile pages: what each does before our boot script runs, and what then cannot be hoped for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Hostility:
    """One way in which a page is hostile or broken, by accident or not."""

    code: str = ""  # what its first script does
    markup: str = ""  # what its body begins with
    after: str = ""  # what stands after the boot script, before anything that is marked
    falls: str = ""  # why the tags stay dead even with a consent: a sentence
    beyond: frozenset[str] = frozenset()  # ways that `intercept` cannot hold here, as documented


READ = (
    "allow categories reason parts chunks words open state prior signals services standing"
    " rules action site boot refused service key id src text type nonce policy left_on"
)
"""Names of members that our code looks for on objects of its own."""

NAMES = f"const names = {READ.split()!r};"

UNMARKED = frozenset({"created", "image", "fetch", "beacon", "markup"})
"""What only `intercept` can hold, which needs us to run at all: nobody who is not there holds it."""

POLLUTED = {
    "values on Object.prototype": Hostility(
        NAMES + "for (const name of names) Object.prototype[name] = true;"
        "Object.prototype.marketing = true;"
        "Object.prototype.canary = {allow: true, reason: 'choice_granted'};"
        "Object.prototype.default = 'granted'; Object.prototype.a = 'accept_all';"
        "Object.prototype.c = {marketing: 1}; Object.prototype[Symbol.for('holdfire.x')] = true;"
    ),
    "throwing accessors on Object.prototype": Hostility(
        NAMES + "const fail = () => { throw new Error('polluted') };"
        "for (const name of names) Object.defineProperty(Object.prototype, name,"
        " {get: fail, set: fail, configurable: true});"
    ),
    "descriptor members on Object.prototype": Hostility(
        "const fail = () => { throw new Error('polluted') };"
        "for (const name of ['get', 'set', 'value', 'writable', 'enumerable', 'configurable'])"
        " Object.prototype[name] = fail;"
    ),
    "options on Object.prototype": Hostility(
        "Object.assign(Object.prototype, {capture: false, once: true, passive: true, mode: 'open',"
        " subtree: false, method: 'PUT', cache: 'reload', redirect: 'follow'});"
    ),
    "then on Object.prototype": Hostility(
        "Object.prototype.then = function (kept) { kept('a lie') };",
        falls="What is loaded comes by a promise, and every promise is kept with the page's lie.",
    ),
    "our mark on Object.prototype": Hostility(
        "Object.prototype[Symbol.for('holdfire')] = true; window.holdfire = [];",
        falls="Everything looks like another copy of us, which is left in charge.",
        beyond=UNMARKED,
    ),
    "throwing Array.prototype": Hostility(
        "for (const name of ['map', 'filter', 'some', 'every', 'push', 'includes', 'find'])"
        " Array.prototype[name] = () => { throw new Error(name) };",
        falls="Lists are read by these functions.",
        beyond=UNMARKED,
    ),
    "lying Array.prototype": Hostility(
        "Object.assign(Array.prototype, {some: () => true, every: () => true, includes: () => true,"
        " filter() { return this }, map() { return this }, push: () => 0});",
        falls="Lists are read by these functions.",
        beyond=UNMARKED,
    ),
    "throwing array iterator": Hostility(
        "Array.prototype[Symbol.iterator] = () => { throw new Error('iterator') };",
        falls="Lists are walked by it.",
        beyond=UNMARKED,
    ),
    "empty array iterator": Hostility(
        "Object.getPrototypeOf([][Symbol.iterator]()).next = () => ({done: true});",
        falls="Lists are walked by it.",
        beyond=UNMARKED,
    ),
    "no iterators": Hostility(
        "for (const {prototype} of [Array, Map, Set, NodeList, NamedNodeMap])"
        " delete prototype[Symbol.iterator];",
        falls="Lists are walked by them.",
        beyond=UNMARKED,
    ),
}

CLOBBERED = {
    "images by name": Hostility(
        markup="".join(
            f"<img name={name} id={name}>"
            for name in [
                "currentScript",
                "cookie",
                "readyState",
                "body",
                "head",
                "baseURI",
                "documentElement",
                "visibilityState",
                "createElement",
                "querySelectorAll",
                "importNode",
                "addEventListener",
                "prerendering",
            ]
        )
    ),
    "forms and their inputs": Hostility(
        markup="<form name=cookie data-category=marketing data-src=/hit/wrong>"
        "<input name=parentNode><input name=getAttribute><input name=matches><input name=isConnected>"
        "<input name=nextSibling><input name=replaceWith><input name=hasAttribute></form>"
        "<form name=body><input name=insertAdjacentElement></form>"
    ),
    "globals by id": Hostility(
        markup="".join(
            f"<a id={name} href=/nowhere>.</a>"
            for name in [
                "holdfire",
                "localStorage",
                "sessionStorage",
                "navigator",
                "fetch",
                "JSON",
                "Reflect",
            ]
        )
        + "<a id=holdfire></a><a id=doNotTrack href=1></a><a id=trustedTypes></a>"
    ),
    "a frame by our name": Hostility(markup="<iframe name=holdfire srcdoc=x></iframe>"),
    "a foreign frame by our name": Hostility(
        markup='<iframe name=holdfire src="http://elsewhere.localhost:{port}/frame"></iframe>'
        "<script>for (const end = Date.now() + 400; Date.now() < end;);</script>",
    ),
}

THROW = "() => { throw new DOMException('No.', 'SecurityError') }"
FULL = "() => { throw new DOMException('Full.', 'QuotaExceededError') }"

BARRED = {
    "throwing globalPrivacyControl": Hostility(
        "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl',"
        f" {{get: {THROW}, configurable: true}});",
        falls="A signal that hides its answer counts as said, and code of the page cannot overrule it.",
    ),
    "throwing localStorage": Hostility(
        f"for (const name of ['localStorage', 'sessionStorage'])"
        f" Object.defineProperty(window, name, {{get: {THROW}}});"
    ),
    "throwing document.cookie": Hostility(
        f"Object.defineProperty(Document.prototype, 'cookie', {{get: {THROW}, set: {THROW}}});"
    ),
    "locked storage": Hostility(
        f"for (const name of ['getItem', 'setItem', 'removeItem', 'key'])"
        f" Storage.prototype[name] = {THROW};"
    ),
    "storage and cookies both locked": Hostility(
        f"Object.defineProperty(window, 'localStorage', {{get: {THROW}}});"
        f"Object.defineProperty(Document.prototype, 'cookie', {{get: {THROW}, set: {THROW}}});",
    ),
    "storage that says it is full": Hostility(f"Storage.prototype.setItem = {FULL};"),
    "storage that forgets": Hostility("Storage.prototype.setItem = () => {};"),
}

FROZEN = {
    "frozen Storage.prototype": Hostility("Object.freeze(Storage.prototype);"),
    "frozen Document.prototype": Hostility("Object.freeze(Document.prototype);"),
    "frozen EventTarget.prototype": Hostility(
        "Object.freeze(EventTarget.prototype); Object.freeze(Object.prototype);"
    ),
    "frozen builtins": Hostility(
        "for (const one of [Object, Array, String, Promise, Function, Map, Set, WeakMap, RegExp])"
        " { Object.freeze(one); Object.freeze(one.prototype) }"
    ),
    "fixed fetch": Hostility(
        "Object.defineProperty(window, 'fetch',"
        " {value: window.fetch, writable: false, configurable: false});",
        beyond=frozenset({"fetch"}),
    ),
}

SAME = '<script src="/s/{site}.js?geo=DE"></script>'
COPIES = {
    "the same copy twice": Hostility(after=SAME),
    "another site of the service": Hostility(after='<script src="/s/other.js?geo=DE"></script>'),
    "another site of the service, first": Hostility(
        markup='<script src="/s/other.js?geo=DE"></script>',
        falls="The first copy is in charge, and its site knows no such marks.",
    ),
    "a copy that takes over": Hostility(
        after=f"<script>delete window.holdfire</script>{SAME}",
        falls="Each of two copies that do not know of each other lends a frame its address.",
    ),
}

PLATFORM = """
  window.dataLayer = window.dataLayer || [];
  window.gtag = function () { dataLayer.push(arguments) };
  window.__tcfapi = (command, version, tell) => tell({
    eventStatus: "useractioncomplete", gdprApplies: true, tcString: "x",
    purpose: {consents: {1: true, 2: true, 3: true, 4: true}},
  }, true);
  document.cookie = "euconsent-v2=x; path=/";
  localStorage.setItem("theirs", JSON.stringify({marketing: true, consent: "granted"}));
  const granted = () => gtag("consent", "update",
    {ad_storage: "granted", ad_user_data: "granted", analytics_storage: "granted"});
  granted();
  new MutationObserver(() => {
    granted();
    for (const held of document.querySelectorAll('script[type="text/plain"][data-theirs]')) {
      const fresh = document.createElement("script");
      fresh.dataset.ran = "";
      fresh.textContent = held.textContent;
      held.replaceWith(fresh);
    }
    for (const one of document.querySelectorAll("holdfire-ui")) one.remove();
  }).observe(document, {childList: true, subtree: true});
"""
THEIRS = '<script type="text/plain" data-theirs>document.title = "theirs"</script>'
BESIDE = {
    "another platform that allows all": Hostility(PLATFORM, after=THEIRS),
}

HOSTILITIES = {**POLLUTED, **CLOBBERED, **BARRED, **FROZEN, **COPIES, **BESIDE}
