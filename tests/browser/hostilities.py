"""Hostile pages: what each does before our boot script runs, and what then cannot be hoped for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Hostility:
    """One way in which a page is hostile or broken, by accident or not."""

    code: str = ""  # what its first script does
    markup: str = ""  # what its body begins with
    after: str = ""  # what stands after the boot script, before anything that is marked
    sandboxed: bool = False  # it is in a frame that has neither an origin nor anything to keep
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

INSERTED = frozenset({"created", "image", "markup"})
"""What is held by its name, of which a page that lies about names has the last word."""

POLLUTED = {
    "values on Object.prototype": Hostility(
        NAMES + "for (const name of names) Object.prototype[name] = true;"
        "Object.prototype.marketing = true;"
        "Object.prototype.canary = {allow: true, reason: 'choice_granted'};"
        "Object.prototype.default = 'granted'; Object.prototype.a = 'accept_all';"
        "Object.prototype.c = {marketing: 1}; Object.prototype[Symbol.for('holdfire.x')] = true;"
        "Object.assign(Object.prototype, {capture: false, once: true, passive: true, mode: 'open',"
        " subtree: false, method: 'PUT', cache: 'reload', redirect: 'follow'});"
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
    "denying Array.prototype": Hostility(
        "for (const name of Object.getOwnPropertyNames(Array.prototype))"
        " if (typeof Array.prototype[name] === 'function' && name !== 'constructor')"
        " Array.prototype[name] = {some: () => false, every: () => false, includes: () => false,"
        " find() {}, join: () => '', push: () => 0}[name] ?? (() => []);",
        falls="Lists are read by these functions.",
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
    "lies of every kind that are seen through": Hostility(
        "for (const one of [new Map(), new Set(), '', 'x'.matchAll(/x/g)])"
        " Object.getPrototypeOf(one[Symbol.iterator]()).next = () => ({done: true});"
        "Object.assign(String.prototype, {startsWith: () => true, endsWith: () => true,"
        " includes: () => true, match: () => ['yes']});"
        "Object.assign(WeakMap.prototype, {get() {}, has: () => false, set() { return this }});"
        "Object.assign(WeakSet.prototype, {has: () => false, add() { return this }});"
        "Function.prototype.call = Function.prototype.apply = () => true;"
        "Function.prototype.bind = () => () => true;"
    ),
    "answers of every kind that are given twice or wrongly": Hostility(
        "const {parse} = JSON;"
        "JSON.parse = (text) => parse(text, (_, value) => value === 0 ? 1 : value);"
        "JSON.stringify = () => '{}';"
        "const {then} = Promise.prototype; Promise.prototype.then = function (kept, broken) {"
        " return Reflect.apply(then, this, [kept && ((of) => { kept(of); return kept(of) }),"
        " broken]) };"
        "for (const name of ['call', 'apply', 'bind'])"
        " Function.prototype[name] = () => { throw new Error(name) };"
    ),
    "throwing iterators": Hostility(
        "for (const one of [new Map(), new Set(), '', 'x'.matchAll(/x/g)])"
        " Object.getPrototypeOf(one[Symbol.iterator]()).next = () => { throw new Error('next') };",
        falls="What is live, and who listens, is walked by them.",
    ),
    "emptying String.prototype": Hostility(
        "Object.assign(String.prototype, {startsWith: () => false, endsWith: () => false,"
        " split: () => [], slice: () => '', replace: () => '', trim: () => '', indexOf: () => -1,"
        " toLowerCase: () => '', matchAll: () => []});",
        beyond=INSERTED,
    ),
    "throwing String.prototype": Hostility(
        "for (const name of ['startsWith', 'endsWith', 'split', 'slice', 'replace', 'trim',"
        " 'toLowerCase', 'matchAll'])"
        " String.prototype[name] = () => { throw new Error(name) };",
        falls="Cookies and keys are told apart by these functions.",
        beyond=UNMARKED,
    ),
    "denying RegExp.prototype": Hostility(
        "RegExp.prototype.exec = () => null; RegExp.prototype.test = () => false;",
        falls="What is no web address by that reading is not loaded.",
        beyond=INSERTED,
    ),
    "agreeing RegExp.prototype": Hostility(
        "RegExp.prototype.test = () => true;",
        falls="Kinds of elements are told apart by these functions.",
        beyond=INSERTED,
    ),
    "throwing RegExp.prototype": Hostility(
        "RegExp.prototype.exec = RegExp.prototype.test = () => { throw new Error('pattern') };",
        falls="Addresses are read by these functions.",
        beyond=UNMARKED,
    ),
    "throwing JSON": Hostility(
        "JSON.parse = JSON.stringify = () => { throw new Error('json') };",
        falls="A choice can neither be written nor be read.",
    ),
    "promises that are never kept": Hostility(
        "Promise.prototype.then = Promise.prototype.catch = function () { return this };",
    ),
    "throwing promises": Hostility(
        "Promise.prototype.then = Promise.prototype.catch = () => { throw new Error('then') };"
        "Promise.resolve = Promise.reject = () => { throw new Error('promise') };",
        falls="The start makes promises.",
        beyond=UNMARKED,
    ),
    "denying Map and Set": Hostility(
        "Object.assign(Map.prototype, {get() {}, has: () => false, set() { return this }});"
        "Object.assign(Set.prototype, {has: () => false, delete: () => false});",
        falls="What is live is remembered by these.",
    ),
    "agreeing Map and Set": Hostility(
        "for (const {prototype} of [Map, Set, WeakMap, WeakSet]) prototype.has = () => true;",
        falls="What is live is remembered by these.",
    ),
    "throwing Map and Set": Hostility(
        "for (const {prototype} of [Map, Set, WeakMap, WeakSet])"
        " for (const name of ['get', 'set', 'has', 'add', 'delete'])"
        " if (name in prototype) prototype[name] = () => { throw new Error(name) };",
        falls="What is live is remembered by these.",
        beyond=UNMARKED,
    ),
    "lying Object": Hostility(
        "Object.keys = () => []; Object.freeze = (of) => of; Object.assign = (of) => of;",
        falls="Tables are read by these functions.",
        beyond=UNMARKED,
    ),
    "lying Reflect": Hostility(
        "Reflect.get = () => undefined; Reflect.set = () => true;",
        falls="The document is read by these functions.",
    ),
    "throwing Reflect": Hostility(
        "for (const name of ['apply', 'construct', 'get', 'set', 'has', 'ownKeys'])"
        " Reflect[name] = () => { throw new Error(name) };",
        falls="The document is read by these functions.",
        beyond=UNMARKED,
    ),
}

CLOBBERED = {
    "images by name, links by id": Hostility(
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
        + "".join(
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
    "forms and their inputs": Hostility(
        markup="<form name=cookie data-category=marketing data-src=/hit/wrong>"
        "<input name=parentNode><input name=getAttribute><input name=matches><input name=isConnected>"
        "<input name=nextSibling><input name=replaceWith><input name=hasAttribute></form>"
        "<form name=body><input name=insertAdjacentElement></form>"
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
    "locked storage": Hostility(
        f"for (const name of ['getItem', 'setItem', 'removeItem', 'key'])"
        f" Storage.prototype[name] = {THROW};"
    ),
    "storage and cookies both locked": Hostility(
        f"Object.defineProperty(window, 'localStorage', {{get: {THROW}}});"
        f"Object.defineProperty(Document.prototype, 'cookie', {{get: {THROW}, set: {THROW}}});",
    ),
    "throwing document.cookie, storage that forgets": Hostility(
        f"Object.defineProperty(Document.prototype, 'cookie', {{get: {THROW}, set: {THROW}}});"
        "Storage.prototype.setItem = () => {};"
    ),
    "storage that says it is full": Hostility(f"Storage.prototype.setItem = {FULL};"),
    "storage that is full": Hostility(
        "for (const area of [localStorage, sessionStorage])"
        " for (let size = 1 << 22; size; size >>= 1) for (let at = 0; at < 3; at++)"
        " try { area[`filler-${size}-${at}`] ||= 'x'.repeat(size) } catch {}"
    ),
}

FROZEN = {
    "frozen prototypes": Hostility(
        "for (const {prototype} of [Storage, Document, EventTarget, Object, Array, String, Promise,"
        " Function, Map, Set, WeakMap, RegExp]) Object.freeze(prototype);"
        "for (const one of [Object, Array, String, Promise, Function, Map, Set, WeakMap, RegExp])"
        " Object.freeze(one);"
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
    "a copy that takes over": Hostility(after=f"<script>delete window.holdfire</script>{SAME}"),
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

OREJIME = """<script>
  window.orejimeConfig = {
    privacyPolicyUrl: "#privacy",
    purposes: [{id: "marketing", title: "Marketing", description: "Shows adverts.", default: true}],
  };
</script><script src="/theirs/orejime.js"></script>
<script>
  new MutationObserver(() => document.querySelector(".orejime-Banner-saveButton")?.click())
    .observe(document, {childList: true, subtree: true});
</script>"""
VANILLA = """<script src="/theirs/vanilla-cookieconsent.js"></script>
<script>
  const modal = {title: "We use cookies", acceptAllBtn: "All", acceptNecessaryBtn: "None"};
  CookieConsent.run({
    hideFromBots: false,
    categories: {necessary: {enabled: true, readOnly: true}, marketing: {}},
    language: {
      default: "en",
      translations: {en: {consentModal: modal, preferencesModal: {...modal, sections: []}}},
    },
  });
</script>"""

BESIDE |= {
    "orejime, where all was accepted": Hostility(after=OREJIME),
    "vanilla-cookieconsent, which asks too": Hostility(after=VANILLA),
    "vanilla-cookieconsent, where all was accepted": Hostility(
        after=VANILLA.replace("CookieConsent.run", "const later = () => CookieConsent.run")
        + "<script>addEventListener('DOMContentLoaded', () => { later();"
        " CookieConsent.acceptCategory('all') })</script>",
        falls="It knows scripts by the same mark, and has run them for nothing.",
    ),
}

FRAMED = {
    "a sandboxed frame": Hostility(
        "addEventListener('message', ({data}) =>"
        " dispatchEvent(new KeyboardEvent('keydown', {key: data})));",
        sandboxed=True,
    ),
}

HOSTILITIES = {**FRAMED, **POLLUTED, **CLOBBERED, **BARRED, **FROZEN, **COPIES, **BESIDE}
