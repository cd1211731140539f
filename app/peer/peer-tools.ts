/** What a peer and its parts are given by the process that runs them. */
import type { Clock } from '../base/clock.js';
import type { Log } from '../base/log.js';
import type { NoticeName, PeerNotices } from '../contract/control.js';
import type { Host } from '../model/ports.js';

export interface PeerTools {
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Log;
  /** Tells everybody who listens. */
  readonly notify: <Name extends NoticeName>(name: Name, notice: PeerNotices[Name]) => void;
}
