/**
 * Session tracking as the machine wants it, and as the client asked for it: the node is told to report everything, and
 * what the client did not ask for is taken out again.
 */
import { isMalformed } from '../packets/capabilities.js';
import type { Ok } from '../packets/responses.js';
import {
  decodeSessionState,
  decodeSystemVariable,
  encodeSessionState,
  type TrackEntry,
  trackType,
} from '../packets/session-track.js';

/** What the machine needs to know: transactions, every variable (last_gtid among them), and the schema. */
export const trackEverything =
  "SET SESSION session_track_transaction_info = 'STATE', session_track_system_variables = '*', session_track_schema = 1";

/** `session_track_system_variables` as MariaDB has it by itself. */
const trackedByDefault = [
  'autocommit',
  'character_set_client',
  'character_set_connection',
  'character_set_results',
  'time_zone',
];

export class Tracking {
  /** The system variables that the client hears of; null for all. */
  private wanted: ReadonlySet<string> | null = new Set(trackedByDefault);

  reset(): void {
    this.wanted = new Set(trackedByDefault);
  }

  /** The client set `session_track_system_variables`. @param literal null when it must be computed */
  asked(literal: string | null): void {
    const names = literal
      ?.toLowerCase()
      .split(',')
      .map((name) => name.trim());
    if (!names || names.includes('*')) this.wanted = null;
    else this.wanted = names[0] === 'default' ? new Set(trackedByDefault) : new Set(names);
  }

  /** An OK without the entries that the machine asked for and the client did not. */
  forClient(ok: Ok): Ok {
    if (ok.sessionState.length === 0) return ok;
    const entries = decodeSessionState(ok.sessionState);
    if (isMalformed(entries)) return ok;
    const kept = entries.filter((entry) => this.wants(entry));
    return kept.length === entries.length ? ok : { ...ok, sessionState: encodeSessionState(kept) };
  }

  private wants({ type, data }: TrackEntry): boolean {
    if (type === trackType.transactionState) return false;
    if (type !== trackType.systemVariables || this.wanted === null) return true;
    const variable = decodeSystemVariable(data);
    return isMalformed(variable) || this.wanted.has(variable.name);
  }
}
