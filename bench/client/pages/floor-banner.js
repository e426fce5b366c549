// A banner that does nothing else: no texts, no law, no record. What is below this costs nothing.
(() => {
  const draw = () => {
    const banner = document.createElement("section");
    banner.id = "consent-banner";
    banner.setAttribute("aria-label", "Cookie consent");
    banner.style.cssText =
      "position:fixed;inset:auto 1rem 1rem;padding:1rem;background:#fff;color:#222;border:1px solid #777";
    const text = document.createElement("p");
    text.textContent = "We use cookies to count visits and to show adverts.";
    banner.append(text);
    for (const [id, label] of [
      ["accept", "Accept all"],
      ["reject", "Reject all"],
    ]) {
      const button = document.createElement("button");
      button.id = `consent-${id}`;
      button.textContent = label;
      button.onclick = () => {
        localStorage.setItem("consent", id);
        banner.remove();
      };
      banner.append(" ", button);
    }
    document.body.append(banner);
  };
  if (localStorage.getItem("consent")) return;
  const watch = new MutationObserver(() => {
    if (!document.body) return;
    watch.disconnect();
    draw();
  });
  if (document.body) draw();
  else watch.observe(document.documentElement, { childList: true });
})();
