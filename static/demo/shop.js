/** The shop: a bag, and tags that hear what goes into it if they are allowed to. */

const TELL = {
  posthog: (good) => window.posthog?.capture?.("added to bag", { good }),
  plausible: (good) => window.plausible?.s && window.plausible("Added to bag", { props: { good } }),
  mixpanel: (good) => window.mixpanel?.track?.("Added to bag", { good }),
};

let inBag = 0;
for (const button of document.querySelectorAll("[data-good]")) {
  button.addEventListener("click", () => {
    inBag += 1;
    document.getElementById("bag").textContent = inBag;
    for (const [service, tell] of Object.entries(TELL)) {
      if (window.holdfire?.allowed?.(service)) tell(button.dataset.good);
    }
  });
}
