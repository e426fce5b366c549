/* The chat's own script, as another company would serve it: it fills the place it is given. */
(() => {
  const KEPT = "demo_chat";
  const origin = new URL(document.currentScript.src).origin;
  const place = document.getElementById("chat");
  if (!place) return;

  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    made.className = className;
    made.textContent = text;
    return made;
  };
  const lines = () => JSON.parse(localStorage.getItem(KEPT) ?? "[]");

  const opener = element("button", "chat-opener", "Ask a guide");
  opener.type = "button";
  opener.setAttribute("aria-expanded", "false");
  const box = element("div", "chat-box", "");
  box.hidden = true;
  const log = element("div", "chat-log", "");
  log.setAttribute("role", "log");
  const form = element("form", "chat-form", "");
  const input = element("input", "", "");
  input.setAttribute("aria-label", "Your question");
  input.maxLength = 200;
  form.append(input, element("button", "", "Send"));
  box.append(log, form);
  place.replaceChildren(box, opener);

  const show = () => {
    log.replaceChildren(
      element("p", "theirs", "Servus! Where are you going?"),
      ...lines().flatMap((line) => [
        element("p", "mine", line),
        element("p", "theirs", "Take a second pair of socks."),
      ]),
    );
    log.scrollTop = log.scrollHeight;
  };
  opener.addEventListener("click", () => {
    box.hidden = !box.hidden;
    opener.setAttribute("aria-expanded", String(!box.hidden));
    show();
    if (!box.hidden) input.focus();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!input.value.trim()) return;
    localStorage.setItem(KEPT, JSON.stringify([...lines(), input.value.trim()].slice(-20)));
    input.value = "";
    show();
    fetch(`${origin}/collect/chat`, { method: "POST", keepalive: true });
  });
})();
