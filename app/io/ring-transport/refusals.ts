/** Counts what was refused, and tells each kind of it once per address: a scanner must not fill the log. */
import type { ErrorCode, RingmasterError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';

export interface RefusalCount {
  readonly address: string;
  readonly code: ErrorCode;
  readonly count: number;
}

/** Pairs of address and code that are told apart. */
const pairsMax = 256;
/** Stands for every address beyond that. */
const otherAddresses = '(others)';

export class Refusals {
  readonly #counts = new Map<string, { address: string; code: ErrorCode; count: number }>();

  constructor(
    private readonly log: Log,
    private readonly tell: (error: RingmasterError) => void,
  ) {}

  /** @param address without the port of one who came to us: that changes each time */
  add(address: string, error: RingmasterError): void {
    const known = this.#counts.get(pairOf(address, error.code));
    const room = this.#counts.size < pairsMax;
    const entry = known ?? this.#entry(room ? address : otherAddresses, error.code);
    entry.count += 1;
    if (entry.count > 1) return;
    this.log.warn({ code: error.code, address: entry.address }, error.message);
    this.tell(error);
  }

  counts(): readonly RefusalCount[] {
    return [...this.#counts.values()].map((entry) => ({ ...entry }));
  }

  #entry(address: string, code: ErrorCode): { address: string; code: ErrorCode; count: number } {
    const pair = pairOf(address, code);
    const entry = this.#counts.get(pair) ?? { address, code, count: 0 };
    this.#counts.set(pair, entry);
    return entry;
  }
}

const pairOf = (address: string, code: ErrorCode): string => `${code} ${address}`;
