/**
 * Follows one response of the server from its first packet to its last, whatever its form.
 *
 *   first --OK/ERR-----------------------------------------------> over, or first again (MORE_RESULTS)
 *     |--0xFB--> (client sends a file) --> first
 *     `--columns--> definitions --> [EOF] --> rows --EOF/OK/ERR--> over, or first again
 *   PREPARE: answer --> definitions of parameters [EOF] --> definitions of columns [EOF] --> over
 *
 * Source: MariaDB "result-set-packets", "com_stmt_prepare", "com_stmt_execute", "packet_local_infile".
 */
import { type Fault, faultOf, headerBytes, physicalBytesMax, type Treatment } from '../framer.js';
import { type AuthAnswer, authAnswer } from '../packets/auth.js';
import { capability, extendedCapability, isMalformed, statusFlag } from '../packets/capabilities.js';
import {
  decodeEof,
  decodeError,
  decodeOk,
  decodePrepareOk,
  decodeResultSetHead,
  type ErrorPacket,
  endsResultSet,
  type Ok,
  type PrepareOk,
} from '../packets/responses.js';

/** The form that a command's response has. */
export type ResponseForm = 'query' | 'prepare' | 'rows' | 'text' | 'authentication';

/** What both sides agreed on. */
export interface Agreed {
  readonly capabilities: number;
  readonly extendedCapabilities: number;
}

/** A packet that was collected, understood. `last` ones end the response. */
export type Answer =
  | { readonly kind: 'ok'; readonly ok: Ok; readonly last: boolean }
  | { readonly kind: 'eof'; readonly status: number; readonly warnings: number; readonly last: boolean }
  | { readonly kind: 'error'; readonly error: ErrorPacket; readonly last: true }
  | { readonly kind: 'prepared'; readonly answer: PrepareOk; readonly last: boolean }
  | { readonly kind: 'infile'; readonly last: false }
  | { readonly kind: 'head'; readonly last: false }
  | { readonly kind: 'text'; readonly last: true }
  | { readonly kind: 'authentication'; readonly answer: AuthAnswer; readonly last: boolean };

type Stage =
  | { readonly at: 'first' }
  | { readonly at: 'definitions'; readonly left: number }
  | { readonly at: 'definitionsEnd' }
  | { readonly at: 'rows' }
  | { readonly at: 'over' };

const first: Stage = { at: 'first' };
const rows: Stage = { at: 'rows' };
const over: Stage = { at: 'over' };
const resultSetHead: Answer = { kind: 'head', last: false };

export class ResponseTracker {
  private stage: Stage;
  /** Groups of definitions that follow a PREPARE answer's first group. */
  private groups: number[] = [];
  private sequence: number | null;
  /** A packet of this response was seen. */
  begun = false;

  /** @param sequence that of the command's last packet; null when it is not known yet */
  constructor(
    private readonly form: ResponseForm,
    private readonly agreed: Agreed,
    sequence: number | null,
  ) {
    this.sequence = sequence;
    this.stage = form === 'rows' ? rows : first;
  }

  private get deprecatesEof(): boolean {
    return (this.agreed.capabilities & capability.deprecateEof) !== 0;
  }

  /** The client sent a file; `sequence` is that of its last packet. */
  continueAfter(sequence: number): void {
    this.sequence = sequence;
  }

  /** Number of the last packet; -1 when it is not known. */
  get lastSequence(): number {
    return this.sequence ?? -1;
  }

  /** Passes over rows that lie in this chunk as a whole. @returns where the first packet begins that is none of those */
  passOver(bytes: Buffer, from: number): number {
    if (this.stage.at !== 'rows' || this.sequence === null) return from;
    let { sequence } = this;
    let at = from;
    while (at + headerBytes < bytes.length) {
      const length =
        (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
      const next = at + headerBytes + length;
      // 0xFE and 0xFF begin the end of the rows, an error, or a row so long that it is not whole here.
      if (length === 0 || next > bytes.length || (bytes[at + headerBytes] as number) >= 0xfe) break;
      if (bytes[at + 3] !== ((sequence + 1) & 0xff)) break;
      sequence = bytes[at + 3] as number;
      at = next;
    }
    this.sequence = sequence;
    if (at > from) this.begun = true;
    return at;
  }

  begin(length: number, firstByte: number, sequence: number): Treatment | Fault {
    if (this.sequence !== null && sequence !== ((this.sequence + 1) & 0xff)) {
      return faultOf('sequence', `packet ${sequence} of the response follows ${this.sequence}`);
    }
    // How many parts a long packet has is not looked at, so the next number is not known.
    this.sequence = length === physicalBytesMax ? null : sequence;
    this.begun = true;
    switch (this.stage.at) {
      case 'first':
      case 'definitionsEnd':
        if (length === 0) return faultOf('malformed', 'an empty packet in place of an answer');
        return 'collect';
      case 'definitions': {
        const left = this.stage.left - 1;
        if (left > 0) {
          this.stage = { at: 'definitions', left };
          return 'relay';
        }
        return this.lastDefinition();
      }
      case 'rows':
        if (firstByte === 0xff || endsResultSet(length, firstByte, this.agreed.capabilities))
          return 'collect';
        return 'relay';
      case 'over':
        return faultOf('unexpected', 'a packet after the end of the response');
    }
  }

  /** The last definition of its group begins: what follows it? */
  private lastDefinition(): Treatment {
    if (!this.deprecatesEof) {
      this.stage = { at: 'definitionsEnd' };
      return 'relay';
    }
    return this.afterDefinitions() ? 'follow' : 'relay';
  }

  /** @returns true when the response is over with the packet that is being relayed */
  private afterDefinitions(): boolean {
    if (this.form !== 'prepare') {
      this.stage = rows;
      return false;
    }
    const next = this.groups.shift();
    this.stage = next === undefined ? over : { at: 'definitions', left: next };
    return next === undefined;
  }

  /** A followed packet was relayed. @returns true when that was the end of the response */
  ended(): boolean {
    return this.stage.at === 'over';
  }

  /** Understands a collected packet. */
  packet(payload: Buffer): Answer | Fault {
    const answer = this.understand(payload);
    if ('fault' in answer) return answer;
    if ('malformed' in answer) return faultOf('malformed', answer.malformed);
    if (answer.last) this.stage = over;
    return answer;
  }

  /**
   * Understands a collected packet where it lies, if it is one of those that come with every result set and change
   * nothing: its head, and the EOF packets behind definitions and rows.
   * @param length payload bytes from `at` on
   * @returns undefined for any other: `packet` must have it, and nothing has happened
   */
  inPlace(bytes: Buffer, at: number, length: number): Answer | undefined {
    if (this.form !== 'query') return undefined;
    const byte = bytes[at] as number;
    if (this.stage.at === 'first') return this.headInPlace(bytes, at, length, byte);
    if (byte !== 0xfe || length !== 5 || this.stage.at === 'definitions') return undefined;
    const status = (bytes[at + 3] as number) | ((bytes[at + 4] as number) << 8);
    if ((status & (statusFlag.moreResults | statusFlag.cursorExists)) !== 0) return undefined;
    const warnings = (bytes[at + 1] as number) | ((bytes[at + 2] as number) << 8);
    const last = this.stage.at === 'rows';
    this.stage = last ? over : rows;
    return { kind: 'eof', status, warnings, last };
  }

  private headInPlace(bytes: Buffer, at: number, length: number, columns: number): Answer | undefined {
    const caches = (this.agreed.extendedCapabilities & extendedCapability.cacheMetadata) !== 0;
    if (columns === 0 || columns >= 0xfb || length !== (caches ? 2 : 1)) return undefined;
    if (!caches || bytes[at + 1] !== 0) this.stage = { at: 'definitions', left: columns };
    else this.stage = this.deprecatesEof ? rows : { at: 'definitionsEnd' };
    return resultSetHead;
  }

  private understand(payload: Buffer): Answer | Fault | { malformed: string } {
    const byte = payload[0];
    if (this.form === 'authentication') return this.authentication(byte);
    if (byte === 0xff) {
      const error = decodeError(payload);
      return isMalformed(error) ? error : { kind: 'error', error, last: true };
    }
    if (this.form === 'text') return { kind: 'text', last: true };
    if (this.stage.at === 'definitionsEnd') return this.definitionsEnd(payload);
    if (this.stage.at === 'rows') return this.end(payload);
    if (this.form === 'prepare') return this.prepared(payload);
    if (byte === 0x00) return this.ok(payload);
    if (byte === 0xfe) return this.end(payload);
    if (byte === 0xfb) return { kind: 'infile', last: false };
    return this.head(payload);
  }

  private authentication(byte: number | undefined): Answer | Fault {
    const answer = authAnswer(byte ?? -1);
    if (!answer) return faultOf('unexpected', `byte ${byte} during authentication`);
    return { kind: 'authentication', answer, last: answer === 'accepted' || answer === 'refused' };
  }

  private ok(payload: Buffer): Answer | { malformed: string } {
    const ok = decodeOk(payload, this.agreed.capabilities);
    if (isMalformed(ok)) return ok;
    const more = (ok.status & statusFlag.moreResults) !== 0;
    if (more) this.stage = first;
    return { kind: 'ok', ok, last: !more };
  }

  /** The end of rows, or of a command such as COM_SET_OPTION: an EOF packet, or an OK with the header of one. */
  private end(payload: Buffer): Answer | { malformed: string } {
    if (this.deprecatesEof && payload.length >= 7) return this.ok(payload);
    const eof = decodeEof(payload);
    if (isMalformed(eof)) return eof;
    const more = (eof.status & statusFlag.moreResults) !== 0;
    if (more) this.stage = first;
    return { kind: 'eof', ...eof, last: !more };
  }

  private definitionsEnd(payload: Buffer): Answer | { malformed: string } {
    const eof = decodeEof(payload);
    if (isMalformed(eof)) return eof;
    // An open cursor: rows come only when the client fetches them.
    const cursor = this.form === 'query' && (eof.status & statusFlag.cursorExists) !== 0;
    const last = cursor || this.afterDefinitions();
    return { kind: 'eof', ...eof, last };
  }

  private head(payload: Buffer): Answer | { malformed: string } {
    const caches = (this.agreed.extendedCapabilities & extendedCapability.cacheMetadata) !== 0;
    const head = decodeResultSetHead(payload, caches);
    if (isMalformed(head)) return head;
    if (head.columns === 0) return { malformed: 'a result set without columns' };
    if (head.definitionsFollow) this.stage = { at: 'definitions', left: head.columns };
    else this.stage = this.deprecatesEof ? rows : { at: 'definitionsEnd' };
    return resultSetHead;
  }

  private prepared(payload: Buffer): Answer | { malformed: string } {
    const answer = decodePrepareOk(payload);
    if (isMalformed(answer)) return answer;
    this.groups = [answer.parameters, answer.columns].filter((count) => count > 0);
    const next = this.groups.shift();
    if (next !== undefined) this.stage = { at: 'definitions', left: next };
    return { kind: 'prepared', answer, last: next === undefined };
  }
}
