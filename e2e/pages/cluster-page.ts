/** The console's window as a person uses it: verbs that end when their result can be seen. */
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ElectronApplication, expect, type Locator, type Page } from '@playwright/test';
import type { ErrorCode } from '../../app/base/errors.js';
import type { ReplyEnvelope, RequestReply, WindowBridge } from '../../app/contract/window.js';
import type { NodeRole } from '../../app/model/cluster.js';
import type { NodeState, TargetState } from '../../app/model/node-state.js';
import type { PlanState, StepKind } from '../../app/model/plan.js';
import { type PolicyName, policyWords } from '../../app/model/routing.js';
import { projectFolder } from '../../scripts/support/run.js';

declare global {
  interface Window {
    readonly ringmaster: WindowBridge;
  }
}

export type Theme = 'light' | 'dark';

/** Sizes that the design asks for, as the operator's window has them. */
export const windowSizes = {
  small: { width: 1024, height: 640 },
  normal: { width: 1280, height: 800 },
  large: { width: 2560, height: 1440 },
} as const;
export type WindowSize = keyof typeof windowSizes;

const screenshotFolder = join(projectFolder, 'test-results', 'screenshots');

/** "2,841" -> 2841; NaN for anything that is no number. */
const numberIn = (text: string | null): number => Number(text?.replaceAll(',', '') || Number.NaN);

export class ClusterPage {
  readonly sentence: Locator;
  readonly planCard: Locator;
  readonly transactionsChart: Locator;
  readonly cpuChart: Locator;
  readonly events: Locator;
  readonly #app: ElectronApplication;
  readonly #page: Page;

  constructor(app: ElectronApplication, page: Page) {
    this.#app = app;
    this.#page = page;
    this.sentence = page.getByTestId('sentence');
    this.planCard = page.getByTestId('plan-card');
    this.transactionsChart = page.getByTestId('chart-transactions');
    this.cpuChart = page.getByTestId('chart-cpu');
    this.events = page.getByTestId('events');
  }

  /** Glyph of a node. */
  node(name: string): Locator {
    return this.#page.getByTestId(`node-${name}`);
  }

  /** Any node that plays this part in this state now. */
  nodesInRole(role: NodeRole, state: NodeState): Locator {
    return this.#page.locator(`[data-testid^="node-"][data-role="${role}"][data-state="${state}"]`);
  }

  async waitForState(name: string, state: NodeState, timeoutMs: number): Promise<void> {
    await expect(this.node(name), `${name} becomes ${state}`).toHaveAttribute('data-state', state, {
      timeout: timeoutMs,
    });
  }

  async openMenuByControlClick(name: string): Promise<void> {
    await this.node(name).click({ modifiers: ['Control'] });
    await expect(this.#page.getByRole('menu')).toBeVisible();
  }

  async openMenuByRightClick(name: string): Promise<void> {
    await this.node(name).click({ button: 'right' });
    await expect(this.#page.getByRole('menu')).toBeVisible();
  }

  async openMenuByKey(name: string, key: 'Enter' | 'Shift+F10'): Promise<void> {
    await this.node(name).focus();
    await this.#page.keyboard.press(key);
    await expect(this.#page.getByRole('menu')).toBeVisible();
  }

  async closeMenu(): Promise<void> {
    await this.#page.keyboard.press('Escape');
    await expect(this.#page.getByRole('menu')).toHaveCount(0);
  }

  /** Entry of the open menu. */
  target(target: TargetState): Locator {
    return this.#page.getByTestId(`menu-${target}`);
  }

  /** Chooses a target in the open menu; the plan is shown. */
  async chooseTarget(target: TargetState): Promise<void> {
    await this.target(target).click();
    await expect(this.planCard).toHaveAttribute('data-state', 'proposed');
  }

  async confirmPlan(): Promise<void> {
    await this.planConfirm.click();
    await expect(this.planCard).not.toHaveAttribute('data-state', 'proposed');
  }

  /** The form that asks why a node goes into maintenance, on the card of the proposed plan. */
  get maintenanceForm(): Locator {
    return this.#page.getByTestId('maintenance-form');
  }

  get planConfirm(): Locator {
    return this.#page.getByTestId('plan-confirm');
  }

  /** Shows everything that is known of a node. */
  async showNode(name: string): Promise<Locator> {
    await this.node(name).click();
    const detail = this.#page.getByTestId('node-detail');
    await expect(detail.getByRole('heading', { name, exact: true })).toBeVisible();
    return detail;
  }

  async abortPlan(): Promise<void> {
    await this.#page.getByTestId('plan-abort').click();
  }

  async dismissPlan(): Promise<void> {
    await this.#page.getByTestId('plan-dismiss').click();
    await expect(this.planCard).toHaveCount(0);
  }

  async waitForPlan(state: PlanState, timeoutMs: number): Promise<void> {
    await expect(this.planCard, `the plan is ${state}`).toHaveAttribute('data-state', state, {
      timeout: timeoutMs,
    });
  }

  planStep(kind: StepKind): Locator {
    return this.planCard.locator(`[data-testid="plan-step"][data-kind="${kind}"]`);
  }

  /** Menu, target, confirmation, and the new state, as one act. */
  async bring(name: string, target: TargetState, timeoutMs: number): Promise<void> {
    await this.openMenuByControlClick(name);
    await this.chooseTarget(target);
    await this.confirmPlan();
    await this.waitForPlan('done', timeoutMs);
    await this.waitForState(name, target, 5000);
  }

  /** Card of several nodes that take their turns. */
  get seriesCard(): Locator {
    return this.#page.getByTestId('series-card');
  }

  /** Chooses these nodes by Shift and click, and opens the menu that is meant for all of them. */
  async openMenuOfAll(names: readonly string[]): Promise<void> {
    for (const name of names) await this.node(name).click({ modifiers: ['Shift'] });
    await this.#page.getByTestId('chosen-act').click();
    await expect(this.#page.getByRole('menu')).toBeVisible();
  }

  /** Lets nobody be chosen any more. */
  async chooseNobody(): Promise<void> {
    await this.#page.getByTestId('chosen-none').click();
    await expect(this.#page.getByTestId('chosen-bar')).toHaveCount(0);
  }

  /** Entry of the open menu: restarts, as they are or with other options. */
  restartEntry(kind: 'restart' | 'options'): Locator {
    return this.#page.getByTestId(`menu-${kind}`);
  }

  async typeOptions(text: string): Promise<void> {
    await this.#page.getByTestId('options-text').fill(text);
    await this.#page.getByTestId('options-propose').click();
    await expect(this.seriesCard).toHaveAttribute('data-state', 'proposed');
  }

  async confirmSeries(): Promise<void> {
    await this.#page.getByTestId('series-confirm').click();
    await expect(this.seriesCard).not.toHaveAttribute('data-state', 'proposed');
  }

  async waitForSeries(state: PlanState, timeoutMs: number): Promise<void> {
    await expect(this.seriesCard, `the series is ${state}`).toHaveAttribute('data-state', state, {
      timeout: timeoutMs,
    });
  }

  async dismissSeries(): Promise<void> {
    await this.#page.getByTestId('series-dismiss').click();
    await expect(this.seriesCard).toHaveCount(0);
  }

  /** Why the last thing that was asked for was refused. */
  get trouble(): Locator {
    return this.#page.getByTestId('trouble');
  }

  /** Switches automatic recovery. */
  async setRecovery(on: boolean): Promise<void> {
    await this.#page.getByTestId('recovery-pill').click();
    await expect(this.#page.getByTestId('recovery-pill')).toHaveText(`Recovery ${on ? 'on' : 'off'}`);
  }

  /** The sentence on top, while it is about this. */
  sentenceAbout(topic: ErrorCode): Locator {
    return this.#page.locator(`[data-testid="sentence"][data-topic="${topic}"]`);
  }

  async readSentence(): Promise<string> {
    return (await this.sentence.textContent()) ?? '';
  }

  /** The big number in the middle of the ring; null while it is not known. */
  async readTransactionsPerSecond(): Promise<number | null> {
    const value = numberIn(await this.#page.getByTestId('transactions-per-second').textContent());
    return Number.isNaN(value) ? null : value;
  }

  async showLoadPanel(): Promise<void> {
    await this.#page.getByRole('tab', { name: 'Load' }).click();
    await expect(this.#page.getByTestId('load-panel')).toBeVisible();
  }

  /** Transactions of the load generator that failed, as its panel says. */
  async readFailedTransactions(): Promise<number> {
    await this.showLoadPanel();
    return numberIn(await this.#page.getByTestId('load-failed').textContent());
  }

  /** Changes the share of writes as an operator does; the load itself goes on. */
  async setWriteShare(percent: number): Promise<void> {
    await this.showLoadPanel();
    await this.#page.getByTestId('load-writes').fill(String(percent));
    await expect
      .poll(async () => (await this.readCluster()).snapshot.load?.settings.writePercent)
      .toBe(percent);
  }

  async readLoadConnections(): Promise<number> {
    await this.showLoadPanel();
    return Number(await this.#page.getByTestId('load-connections').inputValue());
  }

  /** Opens the policies by the pill in the title bar, and chooses one; the pill then names it. */
  async choosePolicy(name: PolicyName): Promise<void> {
    const { title } = policyWords[name];
    await this.#page.getByTestId('policy-pill').click();
    await this.#page.getByTestId(`policy-${name}`).check();
    await expect(this.#page.getByTestId('policy-pill')).toHaveText(`Policy ${title}`);
  }

  /** Types weights of nodes and sets them, where the policy shows them. */
  async setWeights(weights: Readonly<Record<string, number>>): Promise<void> {
    for (const [node, weight] of Object.entries(weights))
      await this.#page.getByTestId(`weight-${node}`).fill(String(weight));
    await this.#page.getByTestId('weights-set').click();
    await expect
      .poll(async () => (await this.readCluster()).snapshot.frontEnd?.weights)
      .toMatchObject(weights);
  }

  /** The tab with the sessions and the latest decisions. */
  async showSessions(): Promise<void> {
    await this.#page.getByRole('tab', { name: 'Sessions' }).click();
    await expect(this.#page.getByTestId('sessions-panel')).toBeVisible();
  }

  /** The tab that says what is wrong and what is weak. */
  async showHealth(): Promise<void> {
    await this.#page.getByRole('tab', { name: /^Health/ }).click();
    await expect(this.#page.getByTestId('health-panel')).toBeVisible();
  }

  /** Compares all nodes and waits for the outcome in words. */
  async compareNodes(timeoutMs: number): Promise<string> {
    await this.showHealth();
    await this.#page.getByTestId('verify-start').click();
    const card = this.#page.getByTestId('verification');
    await expect(card).toHaveAttribute('data-state', 'running');
    await expect(card).not.toHaveAttribute('data-state', 'running', { timeout: timeoutMs });
    return (await this.#page.getByTestId('verification-outcome').textContent()) ?? '';
  }

  /** Places where nodes differ, as the last comparison found them. */
  get drift(): Locator {
    return this.#page.getByTestId('drift');
  }

  /** Lines of this code in the list of what is wrong or weak. */
  findings(code: string): Locator {
    return this.#page.locator(`[data-testid="finding"][data-code="${code}"]`);
  }

  /** Opens the plan that mends a finding, and confirms it. */
  async mendByPlan(code: string, node: string): Promise<void> {
    await this.#page.getByTestId(`mend-${code}-${node}`).click();
    await expect(this.planCard).toHaveAttribute('data-state', 'proposed');
    await this.confirmPlan();
  }

  /** Brings a part of the panel into sight. */
  async scrollTo(testId: string): Promise<void> {
    await this.#page.getByTestId(testId).scrollIntoViewIfNeeded();
  }

  /** Line of a node in the table of sessions. */
  sessionsOf(node: string): Locator {
    return this.#page.getByTestId(`sessions-${node}`);
  }

  /** Finds a session by its address and asks why it is where it is. */
  async askWhy(session: string): Promise<Locator> {
    await this.showSessions();
    await this.#page.getByTestId('filter-address').fill(session);
    await this.#page.locator(`[data-testid="decision"][data-session="${session}"]`).click();
    const explanation = this.#page.getByTestId('explanation');
    await expect(explanation).toContainText(session);
    return explanation;
  }

  /** Does anything of the side panel stick out to the side? */
  async panelOverflows(): Promise<boolean> {
    return this.#page.locator('.panel .tab[data-state="active"]').evaluate((tab) => {
      const right = tab.getBoundingClientRect().right;
      const wide = [...tab.querySelectorAll('*')].some(
        (part) => part.getBoundingClientRect().right > right + 1,
      );
      return wide || tab.scrollWidth > tab.clientWidth;
    });
  }

  /** The whole snapshot and the metrics, by the way that the window itself gets them. */
  async readCluster(): Promise<RequestReply<'cluster.open'>> {
    const envelope: ReplyEnvelope<RequestReply<'cluster.open'>> = await this.#page.evaluate(() =>
      window.ringmaster.request('cluster.open', {}),
    );
    if (!envelope.ok) throw new Error(envelope.error.text);
    return envelope.reply;
  }

  /**
   * Transactions per second in all, mean over the last `seconds` samples.
   * @param sinceMs wall clock; samples before it do not count
   * @returns null while there are not that many
   */
  async meanTransactionsPerSecond(seconds: number, sinceMs: number): Promise<number | null> {
    const { metrics } = await this.readCluster();
    const rates = metrics
      .filter((point) => point.atMs > sinceMs)
      .slice(-seconds)
      .map((point) =>
        Object.values(point.nodes).reduce((sum, sample) => sum + (sample?.transactionsPerSecond ?? 0), 0),
      );
    return rates.length < seconds ? null : rates.reduce((sum, rate) => sum + rate, 0) / seconds;
  }

  /** Chooses the theme as the View menu does, and waits until the page wears it. */
  async setTheme(theme: Theme): Promise<void> {
    await this.#app.evaluate(({ nativeTheme }, wanted) => {
      nativeTheme.themeSource = wanted;
    }, theme);
    await this.#page.waitForFunction(
      (wanted) => matchMedia(`(prefers-color-scheme: ${wanted})`).matches,
      theme,
    );
  }

  /** Makes the window this large inside, and waits until the page is. */
  async setSize(size: WindowSize): Promise<void> {
    const wanted = windowSizes[size];
    await this.#app.evaluate(({ BrowserWindow }, { width, height }) => {
      const window = BrowserWindow.getAllWindows()[0];
      window?.setMinimumSize(0, 0);
      window?.setContentSize(width, height);
    }, wanted);
    await this.#page.waitForFunction(
      ({ width, height }) => innerWidth === width && innerHeight === height,
      wanted,
    );
  }

  /** Saves what the window shows as `<name>-<theme>-<size>.png`, in both themes. The window keeps the last. */
  async screenshot(name: string, sizes: readonly WindowSize[] = ['normal']): Promise<void> {
    for (const size of sizes) {
      await this.setSize(size);
      for (const theme of ['dark', 'light'] as const) {
        await this.setTheme(theme);
        // Two frames: the first lays the new size out, the second is painted with it.
        await this.#page.evaluate(
          () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
        );
        const path = join(screenshotFolder, `${name}-${theme}-${size}.png`);
        await mkdir(dirname(path), { recursive: true });
        await this.#page.screenshot({ path });
      }
    }
    if (sizes.length !== 1 || sizes[0] !== 'normal') await this.setSize('normal');
  }

  /** Copies a screenshot into assets/, where the README shows it. Only when asked: it changes files of the project. */
  async keepAsset(name: string): Promise<void> {
    if (process.env.RINGMASTER_UPDATE_ASSETS !== '1') return;
    for (const theme of ['light', 'dark']) {
      await copyFile(
        join(screenshotFolder, `${name}-${theme}-normal.png`),
        join(projectFolder, 'assets', `console-${theme}.png`),
      );
    }
  }
}
