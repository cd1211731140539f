/** A front end on loopback before one real server, as tests want it unless they say otherwise. */
import { systemClock } from '../../../base/clock.js';
import { silentLog } from '../../../base/log.js';
import { FrontEnd, type FrontEndOptions } from '../front-end.js';

/**
 * @param nodePort where the server listens
 * @param direct a connection to the server beside the front end, by which statements are interrupted
 * @param changed what the test wants otherwise
 */
export const openFrontEnd = (
  nodePort: number,
  direct: { query(sql: string): Promise<unknown> },
  changed: Partial<FrontEndOptions> & Pick<FrontEndOptions, 'gate'>,
): Promise<FrontEnd> =>
  FrontEnd.open({
    host: '127.0.0.1',
    port: 0,
    node: { host: '127.0.0.1', port: nodePort },
    nodeNumber: null,
    sessionsMax: 50,
    tls: null,
    killQuery: async (id) => {
      await direct.query(`KILL QUERY ${id}`);
    },
    clock: systemClock,
    log: silentLog(),
    ...changed,
  });
