/**
 * Makes a frame of the gallery a browser of its own, before the boot script begins: nothing was ever
 * kept here, and nothing that happens here is kept or told to other frames.
 */
{
  const { step, signal } = document.documentElement.dataset;

  // Members of its own are what it holds, as with the browser's.
  const storage = () =>
    Object.create({
      getItem(key) {
        return Object.hasOwn(this, key) ? this[key] : null;
      },
      setItem(key, value) {
        this[key] = String(value);
      },
      removeItem(key) {
        delete this[key];
      },
    });
  for (const name of ["localStorage", "sessionStorage"]) {
    Object.defineProperty(window, name, { value: storage() });
  }
  Object.defineProperty(Document.prototype, "cookie", { get: () => "", set() {} });
  delete window.BroadcastChannel;

  if (signal === "gpc") {
    Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => true });
  }

  // What a visitor would do first, to come to what the frame shows.
  const steps = {
    settings: (holdfire) => holdfire.show("preferences"),
    accept: (holdfire) => holdfire.acceptAll(),
    refuse: (holdfire) => holdfire.rejectAll(),
  };
  const act = steps[step];
  window.holdfire = act ? [(holdfire) => holdfire.ready.then(() => act(holdfire))] : [];
}
