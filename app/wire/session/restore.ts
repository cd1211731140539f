/** What must be done on a new node so that a session finds there what it had, as data. */
import { ByteWriter } from '../../base/bytes.js';
import { commandCode } from '../packets/capabilities.js';
import { encodeQuery } from '../packets/commands.js';
import type { Belongings } from './belongings.js';
import type { ResponseForm } from './response.js';
import { trackEverything } from './tracking.js';

/** One command for the new node; each must be answered without an error. */
export interface RestoreStep {
  readonly payload: Buffer;
  readonly form: ResponseForm;
  /** The statement that it prepares, under the id that the client knows. */
  readonly prepares: number | null;
}

const query = (sql: string): RestoreStep => ({ payload: encodeQuery(sql), form: 'query', prepares: null });

const command = (code: number, rest: Buffer): RestoreStep => ({
  payload: new ByteWriter(rest.length + 1).u8(code).raw(rest).finish(),
  form: 'query',
  prepares: null,
});

/**
 * In this order: variables (the collation after the character set that would change it), user variables, named and
 * numbered statements, each in the schema in which it was prepared.
 * @param loginSchema the schema that the login chose
 * @param multiStatements what COM_SET_OPTION has to say; null when the login said it
 */
export function restoreSteps(
  belongings: Belongings,
  loginSchema: string | null,
  multiStatements: boolean | null,
): readonly RestoreStep[] {
  const steps: RestoreStep[] = [query(trackEverything)];
  const variables = [...belongings.variables].sort(([one], [other]) => weight(one) - weight(other));
  if (variables.length > 0) {
    steps.push(
      query(
        `SET ${variables.map(([name, value]) => `SESSION ${name} = ${literalOf(name, value)}`).join(', ')}`,
      ),
    );
  }
  if (belongings.userVariables.size > 0) {
    const assignments = [...belongings.userVariables].map(([name, sql]) =>
      `@`.concat(`\`${name}\` = ${sql}`),
    );
    steps.push(query(`SET ${assignments.join(', ')}`));
  }
  for (const [name, sql] of belongings.named)
    steps.push(query(`PREPARE \`${name}\` FROM '${sql.toString('latin1')}'`));
  let schema = loginSchema;
  const useSchema = (wanted: string | null) => {
    if (wanted === null || wanted === schema) return;
    steps.push(command(commandCode.initDb, Buffer.from(wanted, 'utf8')));
    schema = wanted;
  };
  for (const [clientId, statement] of belongings.prepared) {
    useSchema(statement.schema);
    steps.push({
      ...command(commandCode.statementPrepare, statement.sql),
      form: 'prepare',
      prepares: clientId,
    });
  }
  useSchema(belongings.schema);
  if (multiStatements !== null)
    steps.push(command(commandCode.setOption, Buffer.from([multiStatements ? 0 : 1, 0])));
  return steps;
}

const weight = (name: string): number => (name === 'collation_connection' ? 1 : 0);

/** Values come as text; the node takes numbers only as numbers. */
function literalOf(name: string, value: string): string {
  if (/^-?\d+(\.\d+)?$/.test(value)) return value;
  if (name === 'character_set_results' && value === '') return 'NULL';
  return `'${value}'`;
}
