import { describe, expect, it } from 'vitest';
import { parseReport } from './sysbench.js';

/** What sysbench 1.0.20 prints, the middle of its histogram left out. */
const report = `
Latency histogram (values are in milliseconds)
       value  ------------- distribution ------------- count
       0.026 |*                                        1
       0.093 |****************************************     60
       1.280 |**********************                   34
      12.300 |***                                      5

SQL statistics:
    queries performed:
        read:                            1400
        write:                           400
        other:                           200
        total:                           2000
    transactions:                        100    (19.98 per sec.)
    queries:                             2000   (399.55 per sec.)
    ignored errors:                      3      (0.60 per sec.)
    reconnects:                          0      (0.00 per sec.)

General statistics:
    total time:                          5.0053s
    total number of events:              100
`;

describe('the report of sysbench', () => {
  it('gives rates, and percentiles from its histogram', () => {
    expect(parseReport(report)).toEqual({
      transactionsPerSecond: 19.98,
      queriesPerSecond: 399.55,
      retriesPerSecond: 0.6,
      medianMs: 0.093,
      p95Ms: 1.28,
    });
  });

  it('is not made up where there is none', () => {
    expect(() => parseReport('FATAL: unable to connect')).toThrow('no "transactions"');
    expect(() => parseReport(report.replace(/^.*\|.*$/gm, ''))).toThrow('no histogram');
  });
});
