/** What is wrong, what one failure would break, and whether all nodes hold the same: with what to do about each. */
import { CircleAlert, CircleCheck, Info, TriangleAlert } from 'lucide-react';
import type { Finding, Severity } from '../../app/model/health/finding.js';
import { findingsOf } from '../../app/model/health.js';
import { mendFinding } from '../commands/health-commands.js';
import { CommandButton } from '../parts/command-button.js';
import type { ConsoleState } from '../store/cluster-store.js';
import { useConsoleState } from '../store/console-context.js';
import { VerificationCard } from './verification-card.js';

const icons: Readonly<Record<Severity, typeof Info>> = {
  bad: CircleAlert,
  warning: TriangleAlert,
  note: Info,
};

/** As a text, so that a second which changes nothing draws nothing. */
const findingsKey = ({ snapshot, nowMs }: ConsoleState): string =>
  snapshot ? JSON.stringify(findingsOf(snapshot, nowMs)) : '[]';

function useFindings(): readonly Finding[] {
  return JSON.parse(useConsoleState(findingsKey)) as readonly Finding[];
}

/** How many things ask for somebody, beside the word on the tab. */
export function HealthBadge() {
  const urgent = useFindings().filter(({ severity }) => severity !== 'note');
  const [first] = urgent;
  if (!first) return null;
  const words = `${urgent.length} ${urgent.length === 1 ? 'finding' : 'findings'}`;
  return (
    <span className={`badge badge-${first.severity}`} data-testid="health-badge" title={words}>
      {urgent.length}
    </span>
  );
}

function FindingRow({ finding }: { readonly finding: Finding }) {
  const Icon = icons[finding.severity];
  return (
    <li
      className={`finding finding-${finding.severity}`}
      data-testid="finding"
      data-code={finding.code}
      data-severity={finding.severity}
    >
      <Icon aria-label={finding.severity} />
      <div>
        <b>{finding.words}</b>
        <p>{finding.remedy}</p>
        {finding.command && (
          <CommandButton
            command={mendFinding}
            subject={finding.command}
            testId={`mend-${finding.code}-${finding.command.node}`}
          />
        )}
      </div>
    </li>
  );
}

function FindingList(props: {
  readonly title: string;
  readonly findings: readonly Finding[];
  readonly none: string;
  readonly testId: string;
}) {
  const { title, findings, none, testId } = props;
  return (
    <section className="card" data-testid={testId} aria-label={title}>
      <h3>{title}</h3>
      {findings.length === 0 ? (
        <p className="finding-none">
          <CircleCheck aria-hidden="true" /> {none}
        </p>
      ) : (
        <ul className="findings">
          {findings.map((finding) => (
            <FindingRow key={`${finding.code} ${finding.words}`} finding={finding} />
          ))}
        </ul>
      )}
    </section>
  );
}

export function HealthPanel() {
  const findings = useFindings();
  const known = useConsoleState((state) => state.snapshot !== null);
  if (!known) return <p className="hint">The cluster is not known yet.</p>;
  return (
    <div className="detail" data-testid="health-panel">
      <header className="plan-head">
        <h2>Health</h2>
      </header>
      <FindingList
        title="Wrong now"
        findings={findings.filter(({ kind }) => kind === 'problem')}
        none="Nothing is wrong."
        testId="problems"
      />
      <FindingList
        title="What a failure would break"
        findings={findings.filter(({ kind }) => kind === 'weak-point')}
        none="No weak point is known."
        testId="weak-points"
      />
      <VerificationCard />
    </div>
  );
}
