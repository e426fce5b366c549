import type { Host } from "../host";
import type { Standing } from "../standing";
import type { Snapshot } from "../types";

export interface Courier {
  /** Sends what waits; `now` if an act has just been made. */
  send(now: boolean): void;
  /** Takes back what services keep that may no longer; `last` held until now. */
  sweep(last: Snapshot | null): void;
  /** Makes the act that the page's own code names. Throws a `TypeError` for what nobody can mean. */
  name(choosing: unknown): void;
  /**
   * The receipt of a choice, or the page that tells it to people. Rejects if there is none, or none
   * yet.
   */
  receipt(of: Pick<Standing, "event_id" | "pending"> | null, form?: "" | "/page"): Promise<string>;
  /** What is recorded of this visitor, as the service tells it. */
  history(): Promise<string>;
  /**
   * GPC is an opt-out like any other: where the law says so, it is recorded, and its later absence
   * is not consent (11 CCR 7025(c)(5); 4 CCR 904-3, Rule 5.09).
   */
  remember(): void;
}

export interface CourierModule {
  open(host: Host): Courier;
}
