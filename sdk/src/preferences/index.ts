export { centre } from "./centre";
export { embedded } from "./embedded";
export { languageList } from "./language";
export { signalNotes } from "./notes";
