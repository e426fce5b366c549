import type { Scene } from "../banner/scene";

/** The place where it is said, politely, that something could not be loaded; and what tries to. */
export type Attempts = readonly [
  status: HTMLElement,
  attempt: (load: () => Promise<unknown>) => void,
];

export function attempts({ host, say, element }: Scene): Attempts {
  const status = element("p", { role: "status" });
  return [
    status,
    (load) => {
      status.textContent = "";
      load().catch((cause) => {
        status.textContent = say("preferences.failed");
        host.fail(cause);
      });
    },
  ];
}
