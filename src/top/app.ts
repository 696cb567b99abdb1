import { initialState, type MetricsState } from '../client/metrics-state.ts';
import type { MetricsStore } from '../client/metrics-store.ts';
import { type Access, createStore, fetchAlerts } from './access.ts';
import { type Alerts, NO_ALERTS } from './alerts.ts';
import { type ColorDepth, createPainter } from './drawing/palette.ts';
import type { Line } from './drawing/text.ts';
import { FIRST_VIEW, keysIn, pressed, type View } from './keyboard.ts';
import type { Picture } from './picture.ts';
import { renderScreen } from './screen.ts';
import { Terminal, type TerminalInput, type TerminalOutput } from './terminal.ts';
import { NO_TRENDS, type Trends, withTrend } from './trends.ts';

export interface TopOptions {
  readonly access: Access;
  readonly input: TerminalInput;
  readonly output: TerminalOutput;
  readonly depth: ColorDepth;
}

/** Ages and countdowns are written in seconds. */
const REDRAW_MS = 1000;
const ALERTS_INTERVAL_MS = 10_000;
const INTERVAL_GUESS_MS = 5000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The live figures in a terminal, until somebody quits or a signal ends it. */
export function runTop(options: TopOptions): Promise<void> {
  return new Promise((resolve) => new Top(options, resolve).start());
}

type Seen = Pick<Picture, 'metrics' | 'alerts' | 'trends'>;

class Top {
  readonly #access: Access;
  readonly #store: MetricsStore;
  readonly #terminal: Terminal;
  readonly #paint: (line: Line) => string;
  readonly #ended: () => void;
  readonly #end = () => this.#stop();
  readonly #restore = () => this.#terminal.leave();
  #metrics: MetricsState = initialState(INTERVAL_GUESS_MS);
  #alerts: Alerts = NO_ALERTS;
  #trends: Trends = NO_TRENDS;
  #view: View = FIRST_VIEW;
  /** What is held while the picture is. */
  #held: Seen | null = null;
  #scrollMax = 0;
  #redraw: NodeJS.Timeout | undefined;
  #nextAlerts: NodeJS.Timeout | undefined;
  #unsubscribe: () => void = () => {};
  #stopped = false;

  constructor({ access, input, output, depth }: TopOptions, ended: () => void) {
    this.#access = access;
    this.#ended = ended;
    this.#paint = createPainter(depth);
    this.#store = createStore(access);
    this.#terminal = new Terminal(input, output, {
      typed: (text) => this.#typed(text),
      resized: () => this.#draw(),
      lost: this.#end,
    });
  }

  start(): void {
    for (const signal of SIGNALS) process.once(signal, this.#end);
    // Whatever ends the process, an error nobody caught included.
    process.once('exit', this.#restore);
    this.#terminal.enter();
    this.#unsubscribe = this.#store.subscribe((state) => this.#take(state));
    this.#store.connect();
    this.#redraw = setInterval(() => this.#draw(), REDRAW_MS);
    void this.#askForAlerts();
  }

  #stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#unsubscribe();
    this.#store.disconnect();
    clearInterval(this.#redraw);
    clearTimeout(this.#nextAlerts);
    this.#terminal.leave();
    process.off('exit', this.#restore);
    for (const signal of SIGNALS) process.off(signal, this.#end);
    this.#ended();
  }

  #take(metrics: MetricsState): void {
    const { snapshot } = metrics;
    if (snapshot !== null && snapshot !== this.#metrics.snapshot)
      this.#trends = withTrend(this.#trends, snapshot);
    this.#metrics = metrics;
    this.#draw();
  }

  async #askForAlerts(): Promise<void> {
    this.#alerts = await fetchAlerts(this.#access);
    if (this.#stopped) return;
    this.#draw();
    this.#nextAlerts = setTimeout(() => void this.#askForAlerts(), ALERTS_INTERVAL_MS);
  }

  #typed(text: string): void {
    for (const key of keysIn(text)) {
      const effect = pressed(this.#view, key, this.#scrollMax);
      if (effect.kind === 'quit') {
        this.#stop();
        return;
      }
      if (effect.kind === 'suspend') this.#suspend();
      if (effect.kind === 'reconnect') this.#reconnect();
      if (effect.kind === 'view') this.#look(effect.view);
    }
    this.#draw();
  }

  #reconnect(): void {
    this.#access.forgive();
    this.#store.connect();
  }

  #look(view: View): void {
    if (view.paused && !this.#view.paused) this.#held = this.#seen();
    if (!view.paused) this.#held = null;
    this.#view = view;
  }

  /** As the shell's Ctrl-Z does with any program; on systems that know no such thing, nothing. */
  #suspend(): void {
    if (process.platform === 'win32') return;
    this.#terminal.leave();
    process.once('SIGCONT', () => {
      if (this.#stopped) return;
      this.#terminal.enter();
      this.#draw();
    });
    process.kill(process.pid, 'SIGTSTP');
  }

  #seen(): Seen {
    return { metrics: this.#metrics, alerts: this.#alerts, trends: this.#trends };
  }

  #draw(): void {
    const picture: Picture = {
      ...(this.#held ?? this.#seen()),
      view: this.#view,
      target: this.#access.url,
      nowMs: Date.now(),
    };
    const { lines, scrollMax } = renderScreen(picture, this.#terminal.size);
    this.#scrollMax = scrollMax;
    this.#terminal.draw(lines.map(this.#paint));
  }
}
