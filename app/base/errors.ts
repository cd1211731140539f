/**
 * The one table of errors. Every error an operator can meet has a code, a sentence that names the cause, and a
 * remedy. `{name}` in a sentence is filled from the error's data. Errors cross processes as {code, text, data}.
 */

/** What kind of trouble it is: decides the exit code, the colour and whether trying again can help. */
export type ErrorCategory = 'input' | 'refused' | 'environment' | 'failure' | 'cancelled' | 'defect';

interface ErrorEntry {
  readonly category: ErrorCategory;
  readonly text: string;
  readonly remedy: string;
}

const entry = (category: ErrorCategory, text: string, remedy: string): ErrorEntry => ({
  category,
  text,
  remedy,
});

export const errorTable = {
  'host.command-failed': entry(
    'failure',
    '{command} ended with exit code {exitCode}: {output}',
    'Read the output above; the command can be run by hand on {host}.',
  ),
  'host.command-missing': entry(
    'environment',
    '{command} is not installed on {host}.',
    'Install it with: {install}',
  ),
  'host.disk-full': entry(
    'environment',
    'Only {freeMegabytes} MB are free in {path} on {host}; {neededMegabytes} MB are needed.',
    'Free space on that file system or choose another data folder, then try again.',
  ),
  'host.port-in-use': entry(
    'environment',
    'Port {port} on {host} is already used by another program.',
    'Stop that program, or start Ringmaster with another port (--port).',
  ),
  'host.path-denied': entry(
    'environment',
    '{path} on {host} cannot be used: {cause}',
    'Give the user that runs the server access to it, or choose another folder.',
  ),
  'server.start-failed': entry(
    'failure',
    'The server of {node} did not start: {cause}',
    'The last lines of its log are in {logFile}.',
  ),
  'server.start-slow': entry(
    'failure',
    'The server of {node} did not accept connections within {seconds} s.',
    'Look at {logFile}; crash recovery of large data can take longer.',
  ),
  'server.stopped-unexpectedly': entry(
    'failure',
    'The server of {node} went away: {cause}',
    'Bring {node} online again; its log is {logFile}.',
  ),
  'server.no-data': entry(
    'refused',
    '{node} has no data yet.',
    'Bring it online by a copy from a node that has the data.',
  ),
  'server.not-running': entry(
    'refused',
    'The server of {node} is not running.',
    'Bring {node} online first.',
  ),
  'server.query-failed': entry(
    'failure',
    '{node} answered error {errorNumber} to {statement}: {message}',
    'The statement can be tried by hand on {node}.',
  ),
  'server.still-running': entry(
    'refused',
    'The server of {node} still runs, and its data cannot be replaced under it.',
    'Take {node} offline first.',
  ),
  'replication.diverged': entry(
    'failure',
    '{node} holds change {gtid}, which the ring never received.',
    'Bring {node} online by a full copy: its own extra change is discarded.',
  ),
  'replication.stopped': entry(
    'failure',
    'Replication on {node} stopped with error {errorNumber}: {message}',
    'Take {node} offline and bring it online again by a full copy.',
  ),
  'replication.not-caught-up': entry(
    'failure',
    '{node} did not reach {position} within {seconds} s; it stands at {reached}.',
    'Lower the write rate or give {node} more capacity, then try again.',
  ),
  'replication.checksum-differs': entry(
    'failure',
    'Table {table} of {node} differs from {other}: {checksum} against {expected}.',
    'Bring {node} online by a full copy.',
  ),
  'server.option-reserved': entry(
    'refused',
    'The option {option} is set by Ringmaster: the order of commits or the place of the data rests on it.',
    'Leave it out.',
  ),
  'server.option-unknown': entry(
    'input',
    'The server of {node} knows no variable {option}.',
    'Check its name in the manual of its version, with underscores.',
  ),
  'server.options-unreadable': entry(
    'failure',
    'The options of {node} in {path} cannot be read: {cause}',
    'Mend the file, or remove it to start with our own options only.',
  ),
  'snapshot.failed': entry(
    'failure',
    'The copy from {donor} to {joiner} failed: {cause}',
    'The old data of {joiner} is untouched; bring it online again to retry.',
  ),
  'snapshot.stalled': entry(
    'failure',
    'The copy from {donor} to {joiner} made no progress for {seconds} s.',
    'Check both hosts; the old data of {joiner} is untouched.',
  ),
  'transition.refused': entry('refused', '{node} cannot go from {from} to {to}: {reason}', '{remedy}'),
  'routing.unknown-node': entry(
    'input',
    'There is no node {node} in this cluster, so it cannot have a weight.',
    'Give weights to these nodes only: {nodes}.',
  ),
  'routing.no-weight': entry(
    'refused',
    'With weight 0 on every node no session could be placed.',
    'Give at least one node a weight above 0.',
  ),
  'verification.busy': entry(
    'refused',
    'All nodes are being compared already.',
    'Wait until that ends, or stop it first.',
  ),
  'verification.refused': entry('refused', 'The nodes cannot be compared now: {reason}.', '{remedy}'),
  'verification.stopped': entry(
    'cancelled',
    'The comparison was stopped by {by}.',
    'Compare again whenever you like; nothing was changed.',
  ),
  'verification.snapshot-missed': entry(
    'failure',
    '{node} could not be read at change {sequence}: {cause}.',
    'Compare again when {node} keeps up with the others, or while fewer changes are written.',
  ),
  'verification.snapshot-gone': entry(
    'failure',
    '{node} keeps no snapshot for this comparison: {cause}.',
    'Compare again.',
  ),
  'plan.busy': entry('refused', 'Another plan is running: {title}.', 'Wait until it ends, or stop it first.'),
  'plan.unknown': entry(
    'input',
    'There is no plan {planId}.',
    'Ask for the state change again; the cluster has moved on.',
  ),
  'plan.outdated': entry(
    'refused',
    'The cluster changed since this plan was made: {reason}',
    'Look at the new plan and confirm it again.',
  ),
  'plan.interrupted': entry(
    'failure',
    'The console ended while this was under way.',
    'Look at the states of the nodes; ask for what is still missing again.',
  ),
  'series.refused': entry('refused', 'This cannot be done one after another: {reason}.', '{remedy}'),
  'series.cut-off': entry(
    'failure',
    'It stopped at {node}: {cause}',
    'The nodes before it are done, those after it were not touched. Mend the cause, then go on with the rest.',
  ),
  'plan.reason-missing': entry(
    'input',
    'The maintenance of {node} needs a reason and an end.',
    'Say why {node} is set aside and for how long: on the card of the plan, or with --reason and --minutes.',
  ),
  'plan.aborted': entry('cancelled', 'Stopped by {by}.', 'Nothing was lost; start again whenever you like.'),
  'cluster.no-quorum': entry(
    'refused',
    '{node} does not become a member of the ring: {cause}.',
    'Bring the other nodes of the last ring online too, so that more than half of them are there.',
  ),
  'cluster.sessions-stay': entry(
    'failure',
    '{count} sessions did not leave {node} within {seconds} s.',
    'Wait for long transactions to end, or close them, then try again.',
  ),
  'coordinator.silent': entry(
    'failure',
    'The coordinator has not answered for {seconds} s; what is shown may be old.',
    'The servers go on. If this stays, close Ringmaster and start it again.',
  ),
  'peer.unreachable': entry(
    'failure',
    'The peer of {node} does not answer: {cause}',
    'Restart the console; a peer that ended is started again.',
  ),
  'peer.ended': entry(
    'failure',
    'The peer of {node} ended: {cause}',
    'It is started again by itself; see its log {logFile}.',
  ),
  'ring.listen-failed': entry(
    'environment',
    'The ring cannot be heard at {address}: {cause}',
    'Correct the ring address of this node in the configuration of the cluster.',
  ),
  'ring.unprotected': entry(
    'refused',
    'The ring has no key, and {address} can be reached from other machines.',
    'Make a key for the cluster, or use loopback addresses only.',
  ),
  'ring.key-differs': entry(
    'refused',
    'The ring key of this node and of the one at {address} differ.',
    'Give every node of the cluster the same key.',
  ),
  'ring.version-differs': entry(
    'refused',
    'This node speaks version {ours} of the ring protocol, and the one at {address} speaks {theirs}.',
    'Install the same version of Ringmaster on every node.',
  ),
  'ring.cluster-differs': entry(
    'refused',
    'This node belongs to the cluster {ours}, and the one at {address} to {theirs}.',
    'Correct the ring addresses: each cluster needs its own.',
  ),
  'ring.member-differs': entry(
    'refused',
    'The ring address {address} is taken for that of {expected}, and it belongs to {found}.',
    'Correct the ring addresses in the configuration of the cluster.',
  ),
  'ring.member-unknown': entry(
    'refused',
    '{member} (connection with {address}) is not a member that {by} expects there.',
    'Give every node the same configuration of the cluster.',
  ),
  'ring.network-differs': entry(
    'refused',
    'Network {ours} of this node meets network {theirs} of the one at {address}.',
    'Put the ring addresses of every node in the same order.',
  ),
  'ring.boot-over': entry(
    'refused',
    'An older process of the same node still speaks (connection with {address}).',
    'End the peer process that was left behind on that machine.',
  ),
  'ring.greeting-failed': entry(
    'refused',
    '{address} came to the ring and did not greet as a peer does: {problem}',
    'If no peer runs there, let a firewall keep that machine away from the ring addresses.',
  ),
  'ring.frame-malformed': entry(
    'failure',
    'What came from {address} is not the ring protocol: {problem}',
    'The connection is made again by itself; if this repeats, the versions of the peers differ.',
  ),
  'ring.store-unreadable': entry(
    'environment',
    'What this peer promised to the ring cannot be read from {path}: {cause}',
    'Restore the file, or remove it: the peer then comes back as somebody else, and the others must be a majority.',
  ),
  'ring.submit-refused': entry(
    'refused',
    'The ring of {node} does not take the message: {cause}',
    'Try again when the ring of the cluster has a view.',
  ),
  'request.invalid': entry(
    'input',
    'The request {name} is not valid: {problem}',
    'Correct the value and try again.',
  ),
  'request.unknown': entry(
    'defect',
    'There is no request {name}.',
    'Window and coordinator have different versions; restart Ringmaster.',
  ),
  'request.forbidden': entry(
    'refused',
    '{name} changes the cluster and was not confirmed.',
    'Confirm it in the dialog, or type the name it asks for.',
  ),
  'request.untrusted': entry(
    'refused',
    'A page that is not part of Ringmaster asked for {name}.',
    'Close that page; if it was the Ringmaster window itself, restart Ringmaster.',
  ),
  'audit.unwritable': entry(
    'environment',
    '{name} was not done, because the audit log cannot be written: {cause}',
    'Free space or repair the rights of the folder of the audit log, then try again.',
  ),
  'coordinator.ended': entry(
    'failure',
    'The coordinator ended: {cause}',
    'It is started again by itself; look at the state of the nodes before you go on.',
  ),
  'coordinator.gone': entry(
    'failure',
    'The coordinator ended {deaths} times within a minute and is not started again: {cause}',
    'Restart Ringmaster; the cause is in its log files (Help, Show Log Files).',
  ),
  'coordinator.closing': entry(
    'refused',
    '{name} was not done: Ringmaster is closing.',
    'Start Ringmaster again.',
  ),
  'console.none': entry(
    'environment',
    'No Ringmaster console runs here: none answers in {folders}.',
    'Start the console (npm start) or a lab without a window (npm run lab); name the folder of another lab with --folder.',
  ),
  'console.several': entry(
    'input',
    'More than one Ringmaster console runs here: they answer in {folders}.',
    'Choose one of these folders with --folder.',
  ),
  'console.denied': entry(
    'environment',
    'The console at {path} cannot be reached: {cause}',
    'Run this command as the user that runs the console.',
  ),
  'console.taken': entry(
    'environment',
    'Another console already answers the command line at {path}.',
    'Close that console first, or choose another lab folder.',
  ),
  'console.lost': entry(
    'failure',
    'The connection to the console was lost.',
    'If the console still runs, so does a plan that was running: look with ringmaster status.',
  ),
  'console.outcome-unseen': entry(
    'failure',
    'What came of the plan was not seen, because {reason}: {title}.',
    'See how it ended with ringmaster events.',
  ),
  'plan.not-confirmed': entry(
    'refused',
    '{title} was not confirmed, and nothing was changed.',
    'Answer yes at a terminal, or give --yes.',
  ),
  'option.invalid': entry('input', 'The option {option} is not valid: {problem}.', 'Known are: {known}.'),
  'lab.locked': entry(
    'environment',
    'Another Ringmaster lab (process {pid}) already uses {folder}.',
    'Close that one, or choose another folder with --folder.',
  ),
  'lab.state-unreadable': entry(
    'environment',
    'The lab state in {path} cannot be read: {cause}',
    'Reset the lab to start with empty servers; the file is kept beside it.',
  ),
  'load.failed': entry('failure', 'The load generator ended: {cause}', 'Start it again from the load panel.'),
  'load.schema-failed': entry(
    'failure',
    'The tables of the load could not be made on {address}: {cause}',
    'Look at the log of that server, then start the load again.',
  ),
  'store.unwritable': entry(
    'environment',
    '{path} cannot be written: {cause}',
    'Free space or repair the rights of that folder; history is kept in memory meanwhile.',
  ),
  'statement.xa': entry(
    'refused',
    'XA transactions do not go through Ringmaster.',
    'Use START TRANSACTION and COMMIT; for more than one resource keep the steps idempotent.',
  ),
  'statement.temporary-table': entry(
    'refused',
    'A temporary table cannot be made or dropped in a transaction that has changed something: the server would write even its rollback to the log.',
    'Make temporary tables before the transaction begins, or as its first statement.',
  ),
  'statement.lock-tables': entry(
    'refused',
    'LOCK TABLES does not go through Ringmaster: it would hold on one node only.',
    'Use a transaction with SELECT ... FOR UPDATE; load dumps made with --skip-add-locks, make them with --single-transaction.',
  ),
  'statement.global-lock': entry(
    'refused',
    'A global read lock does not go through Ringmaster: it would stop the ring.',
    'Back up with mysqldump --single-transaction, or take a copy of a standby node.',
  ),
  'statement.binlog-setting': entry(
    'refused',
    'This setting decides how changes reach the other nodes and cannot be changed in a session.',
    'Leave it out; every change of an application must reach all nodes.',
  ),
  'statement.replication-control': entry(
    'refused',
    'Replication belongs to Ringmaster and is not controlled through the front end.',
    'Use the console to change the state of a node.',
  ),
  'statement.shutdown': entry(
    'refused',
    'A node is not shut down through the front end.',
    'Take it offline in the console.',
  ),
  'statement.unreadable': entry(
    'refused',
    'This command does not go through Ringmaster: {command}.',
    'Connect to the node itself if you must, and not for changes.',
  ),
  'session.conflict': entry(
    'refused',
    'Deadlock found: a change of another node came first; try restarting transaction.',
    'Run the transaction again.',
  ),
  'session.node-lost': entry(
    'failure',
    'The node of this session went away before the transaction was committed; try restarting transaction.',
    'Connect again and run the transaction again.',
  ),
  'session.no-quorum': entry(
    'refused',
    '{node} belongs to no primary component now: {reason}. Nothing can be committed here.',
    'Connect to a node of the majority, or wait until the nodes see each other again.',
  ),
  'session.outcome-unknown': entry(
    'failure',
    'Lost connection to the node during the query; whether it took effect is not known.',
    'Connect again and look before running it again.',
  ),
  'session.commit-unknown': entry(
    'failure',
    'The outcome of the commit is unknown: its node left the cluster before the change was safe on others.',
    'Connect again and look before running it again.',
  ),
  'session.left-behind': entry(
    'refused',
    'This session moved to another node, and LAST_INSERT_ID(), FOUND_ROWS() and ROW_COUNT() of before stayed behind.',
    'Run the transaction again from its first statement.',
  ),
  'session.cannot-move': entry(
    'failure',
    'The session has to leave its node and cannot go on elsewhere: {reason}.',
    'Connect again.',
  ),
  'session.killed': entry('cancelled', 'The connection was killed on its node.', 'Connect again.'),
  'session.login-late': entry(
    'refused',
    'The client connected and did not log in within {seconds} seconds.',
    'Look for what opens connections without using them, such as a health check of port only.',
  ),
  'session.malformed': entry(
    'input',
    'The client sent something that is not the MySQL protocol: {detail}.',
    'Check the client library and what stands between it and this address.',
  ),
  'session.backend-malformed': entry(
    'failure',
    'The node answered with something that is not the MySQL protocol: {detail}.',
    'Look at the log of the node; another session may work.',
  ),
  defect: entry(
    'defect',
    'Ringmaster met a case it does not know: {cause}',
    'Please report it with the log; the servers are not affected.',
  ),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorTable;
export type ErrorData = Readonly<Record<string, string | number | boolean | null>>;

/** An error as it crosses a process boundary and as windows show it. */
export interface ErrorView {
  readonly code: ErrorCode;
  /** The cause, one sentence. */
  readonly text: string;
  /** What to do now, one sentence. */
  readonly remedy: string;
  readonly category: ErrorCategory;
  readonly data: ErrorData;
}

const fill = (template: string, data: ErrorData): string =>
  template.replace(/\{(\w+)\}/g, (whole, name: string) => (name in data ? String(data[name]) : whole));

/** An operating error from the table. `cause` keeps the error underneath. */
export class RingmasterError extends Error {
  override readonly name = 'RingmasterError';
  readonly code: ErrorCode;
  readonly data: ErrorData;

  constructor(code: ErrorCode, data: ErrorData = {}, options?: ErrorOptions) {
    super(fill(errorTable[code].text, data), options);
    this.code = code;
    this.data = data;
  }

  get category(): ErrorCategory {
    return errorTable[this.code].category;
  }

  get remedy(): string {
    return fill(errorTable[this.code].remedy, this.data);
  }

  view(): ErrorView {
    return {
      code: this.code,
      text: this.message,
      remedy: this.remedy,
      category: this.category,
      data: this.data,
    };
  }
}

/** The message of anything that can be thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Whatever was thrown, as an error of the table: unknown errors are defects. */
export function toRingmasterError(thrown: unknown): RingmasterError {
  if (thrown instanceof RingmasterError) return thrown;
  return new RingmasterError('defect', { cause: messageOf(thrown) }, { cause: thrown });
}

/** The error of another process, made whole again. */
export function fromErrorView(view: ErrorView): RingmasterError {
  return new RingmasterError(view.code in errorTable ? view.code : 'defect', view.data);
}

/** Asserts what only a programming mistake can break; stays on in production. */
export function invariant(condition: unknown, claim: string): asserts condition {
  if (!condition) throw new RingmasterError('defect', { cause: claim });
}
