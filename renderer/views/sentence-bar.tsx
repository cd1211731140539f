/** What is going on and why: one sentence, what to do when it is bad, and why a command did not work. */
import { CircleAlert, CircleCheck, LoaderCircle, TriangleAlert, X } from 'lucide-react';
import { useState } from 'react';
import { useShallow } from 'zustand/react/shallow';
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

/** The sentence, and what to do when it is bad news. */
interface Said extends Sentence {
  readonly remedy: string | null;
}

const opening: Said = {
  text: 'Looking for the coordinator …',
  tone: 'busy',
  topic: 'opening',
  remedy: null,
};

const badNews = (error: ErrorView): Said => ({
  text: error.text,
  tone: 'bad',
  topic: error.code,
  remedy: error.remedy,
});

function useSentence(): Said {
  return useConsoleState(
    useShallow(({ snapshot, connection }) => {
      if (connection.kind === 'lost') return badNews(connection.error);
      if (!snapshot) return opening;
      return { ...describeCluster(snapshot), remedy: snapshot.problem?.remedy ?? null };
    }),
  );
}

export function SentenceBar() {
  const { text, tone, topic, remedy } = useSentence();
  const Icon = icons[tone];
  // Told only when the topic changes: a percentage that moves every second is not news.
  const [spoken, setSpoken] = useState({ topic, text });
  if (spoken.topic !== topic) setSpoken({ topic, text });
  return (
    <div className={`sentence tone-${tone}`}>
      <Icon aria-hidden="true" />
      <div>
        <p data-testid="sentence" data-tone={tone} data-topic={topic} title={text}>
          {text}
        </p>
        {remedy !== null && (
          <p className="remedy" data-testid="remedy">
            {remedy}
          </p>
        )}
      </div>
      <span className="sr-only" role="status">
        {spoken.text}
      </span>
    </div>
  );
}

/** Why the last command did not work, until it is dismissed or another one is tried. */
export function Trouble() {
  const trouble = useConsoleState((state) => state.trouble);
  if (!trouble) return null;
  return (
    <div className="banner" role="alert" data-testid="trouble" data-code={trouble.code}>
      <CircleAlert aria-hidden="true" />
      <div>
        <b>{trouble.text}</b> {trouble.remedy}
      </div>
      <CommandButton command={dismissTrouble} subject={null} look="quiet" iconOnly>
        <X aria-hidden="true" />
      </CommandButton>
    </div>
  );
}
