/** What the token ring asks of the node behind a member, whatever that is: a database, or nothing. */
import type { GatherReason, MemberId, View } from '../../ring/model.js';

/** Where a node stands: sequence numbers of its last change received and applied. */
export interface Standing {
  readonly received: number;
  readonly applied: number;
}

export interface RingNode {
  /** As last seen. */
  readonly standing: Standing;
  /** Takes commits in the current view. */
  readonly ready: boolean;
  /** The server answers queries, or does no longer. `clean`: it was stopped in order. */
  serverChanged(up: boolean, clean: boolean): Promise<void>;
  /** Asks the server now. @throws what the server's connection throws */
  read(): Promise<Standing>;
  /** Stops receiving and committing, and answers with `fenced` and this number. */
  fence(fence: number): void;
  /** Brings what is missing up to `upTo` from that member; tells by `position`. */
  fetch(from: MemberId, upTo: number): void;
  /** The view begins: follow the ring predecessor (null: nobody), take commits. */
  begin(view: View, predecessor: MemberId | null): void;
  /** No primary component here: nothing may be committed. */
  outside(reason: GatherReason): void;
  /** Commit up to `max` of what waits; answer with `committed`. */
  commit(ringId: number, after: number, max: number): void;
  /** Changes up to here survive every later view. */
  acknowledge(upTo: number): void;
  /** Every member has applied up to here. */
  safe(upTo: number): void;
  /** The order goes up to `sequence`: tell by `position` when it is applied here. */
  ordered(sequence: number): void;
  /** Another member wants the token that this one holds. */
  othersWant(): void;
  close(): void;
}
