/** Columns of text, as wide as their widest cell. */

/** Characters that a terminal shows; every character that the command line prints takes one column. */
const widthOf = (text: string): number => [...text].length;

/** Cuts a line so that it fits. */
export const cutTo = (text: string, width: number): string =>
  widthOf(text) <= width ? text : `${[...text].slice(0, Math.max(0, width - 1)).join('')}…`;

/**
 * Lines of aligned cells; nothing stands behind the last cell of a line.
 * @param right places of columns that are aligned to the right
 */
export function tableLines(
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set(),
): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [place, cell] of row.entries()) widths[place] = Math.max(widths[place] ?? 0, widthOf(cell));
  return rows.map((row) =>
    row
      .map((cell, place) => {
        const fill = ' '.repeat((widths[place] ?? 0) - widthOf(cell));
        return right.has(place) ? fill + cell : cell + fill;
      })
      .join('  ')
      .trimEnd(),
  );
}
