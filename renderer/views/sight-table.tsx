/** Who sees whom: shown over the ring only while the peers disagree, because then it explains everything else. */
import { useEffect, useMemo, useState } from 'react';
import type { Sight } from '../../app/model/cluster.js';
import { disagreement } from '../selectors/sights.js';
import { useConsoleState } from '../store/console-context.js';

const words: Readonly<Record<Sight, string>> = { up: 'sees', suspect: 'suspects', down: 'not' };
const marks: Readonly<Record<Sight, string>> = { up: '✓', suspect: '?', down: '✕' };

/** A view takes a moment to reach everybody: only what lasts is worth a table. */
const lastingMs = 2_000;

/** True once `holds` has been true for `lastingMs`. */
function useLasting(holds: boolean): boolean {
  const [lasts, setLasts] = useState(false);
  useEffect(() => {
    if (!holds) return setLasts(false);
    const timer = setTimeout(() => setLasts(true), lastingMs);
    return () => clearTimeout(timer);
  }, [holds]);
  return lasts;
}

export function SightTableOverlay() {
  const nodes = useConsoleState((state) => state.snapshot?.nodes);
  const table = useMemo(() => (nodes ? disagreement(nodes) : null), [nodes]);
  const lasts = useLasting(table !== null);
  if (!table || !lasts) return null;
  return (
    <section className="sights card" data-testid="sights" aria-label="Who sees whom">
      <h3>The peers disagree: who sees whom</h3>
      <table>
        <thead>
          <tr>
            <td />
            {table.columns.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
            <th scope="col">view</th>
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row) => (
            <tr key={row.from}>
              <th scope="row">{row.from}</th>
              {row.sees.map((sight, column) => (
                <td key={table.columns[column]} className={sight === null ? undefined : `sight-${sight}`}>
                  {sight !== null && (
                    <span role="img" aria-label={words[sight]}>
                      {marks[sight]}
                    </span>
                  )}
                </td>
              ))}
              <td>{row.ringId ?? 'none'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
