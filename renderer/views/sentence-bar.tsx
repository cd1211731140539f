/** What is going on and why: one sentence, and the troubles that need an answer. */
import { CircleAlert, CircleCheck, LoaderCircle, TriangleAlert, X } from 'lucide-react';
import { useMemo, useState } from 'react';
import type { ErrorView } from '../../app/base/errors.js';
import { describeCluster, type Sentence, type SentenceTone } from '../../app/model/sentence.js';
import { dismissTrouble } from '../commands/commands.js';
import { CommandButton } from '../parts/command-button.js';
import { useConsoleState } from '../store/console-context.js';

const icons: Readonly<Record<SentenceTone, typeof X>> = {
  good: CircleCheck,
  busy: LoaderCircle,
  warning: TriangleAlert,
  bad: CircleAlert,
};

const opening: Sentence = { text: 'Looking for the coordinator …', tone: 'busy', topic: 'opening' };

function useSentence(): Sentence {
  const snapshot = useConsoleState((state) => state.snapshot);
  const connection = useConsoleState((state) => state.connection);
  return useMemo(() => {
    if (connection.kind === 'lost')
      return { text: connection.error.text, tone: 'bad', topic: connection.error.code };
    return snapshot ? describeCluster(snapshot) : opening;
  }, [snapshot, connection]);
}

export function SentenceBar() {
  const { text, tone, topic } = useSentence();
  const Icon = icons[tone];
  // Told only when the topic changes: a percentage that moves every second is not news.
  const [spoken, setSpoken] = useState({ topic, text });
  if (spoken.topic !== topic) setSpoken({ topic, text });
  return (
    <div className={`sentence tone-${tone}`}>
      <Icon aria-hidden="true" />
      <p data-testid="sentence" data-tone={tone} title={text}>
        {text}
      </p>
      <span className="sr-only" role="status">
        {spoken.text}
      </span>
    </div>
  );
}

function Banner(props: {
  readonly error: ErrorView;
  readonly testId: string;
  readonly dismissable?: boolean;
}) {
  const { error, testId, dismissable = false } = props;
  return (
    <div className="banner" role="alert" data-testid={testId} data-code={error.code}>
      <CircleAlert aria-hidden="true" />
      <div>
        <b>{error.text}</b> {error.remedy}
      </div>
      {dismissable && (
        <CommandButton command={dismissTrouble} subject={null} look="quiet">
          <X aria-hidden="true" />
        </CommandButton>
      )}
    </div>
  );
}

/** The cluster's problem, the lost connection, and why the last command did not work. */
export function Banners() {
  const connection = useConsoleState((state) => state.connection);
  const problem = useConsoleState((state) => state.snapshot?.problem ?? null);
  const trouble = useConsoleState((state) => state.trouble);
  return (
    <div className="banners">
      {connection.kind === 'lost' && <Banner error={connection.error} testId="connection-lost" />}
      {problem && <Banner error={problem} testId="problem" />}
      {trouble && <Banner error={trouble} testId="trouble" dismissable />}
    </div>
  );
}
