import type { Host } from "../host";
import { element } from "./element";
import { stage } from "./stage";

/** A voice for screen readers: what is handed to it is said, politely. */
export function openVoice(host: Host): (text: string, language: string) => void {
  const voice = element("div", { class: "aside", role: "status" });
  const { root, raise } = stage(host, "beforeend", () => {});
  root.append(voice);
  raise();
  return (text, language) => {
    voice.lang = language;
    voice.textContent = text;
  };
}
