import { writeSync } from 'node:fs';
import type { Size } from './screen.ts';

/** The parts of `process.stdin` and `process.stdout` that are used. */
export interface TerminalInput {
  readonly isTTY?: boolean;
  setRawMode?(on: boolean): unknown;
  setEncoding(encoding: 'utf8'): unknown;
  resume(): unknown;
  pause(): unknown;
  on(event: 'data', listener: (text: string) => void): unknown;
  off(event: 'data', listener: (text: string) => void): unknown;
}

export interface TerminalOutput {
  readonly columns?: number;
  readonly rows?: number;
  readonly fd?: number;
  write(text: string): boolean;
  on(event: 'resize' | 'error' | 'drain', listener: () => void): unknown;
  off(event: 'resize' | 'error' | 'drain', listener: () => void): unknown;
}

export interface TerminalListener {
  typed(text: string): void;
  resized(): void;
  /** The terminal is gone. */
  lost(): void;
}

const COLUMNS_DEFAULT = 80;
const ROWS_DEFAULT = 24;
const ESC = '\x1b[';
/** Alternate screen, no cursor, no wrapping: a line that is too wide after all must not push the others down. */
const ENTER = `${ESC}?1049h${ESC}?25l${ESC}?7l${ESC}2J`;
const LEAVE = `${ESC}?2026l${ESC}0m${ESC}?7h${ESC}?25h${ESC}?1049l`;
/** Terminals that know synchronised updates show a frame at once; the others ignore it. */
const BEGIN_UPDATE = `${ESC}?2026h`;
const END_UPDATE = `${ESC}?2026l`;

/** A terminal taken over for full-screen frames, and given back as it was. */
export class Terminal {
  readonly #input: TerminalInput;
  readonly #output: TerminalOutput;
  readonly #listener: TerminalListener;
  #active = false;
  #busy = false;
  #shown: readonly string[] = [];
  readonly #typed = (text: string) => this.#listener.typed(text);
  readonly #lost = () => this.#listener.lost();
  readonly #resized = () => {
    this.#shown = [];
    this.#listener.resized();
  };
  readonly #drained = () => {
    this.#busy = false;
  };

  constructor(input: TerminalInput, output: TerminalOutput, listener: TerminalListener) {
    this.#input = input;
    this.#output = output;
    this.#listener = listener;
  }

  get size(): Size {
    // A terminal that does not know its size says 0.
    return { columns: this.#output.columns || COLUMNS_DEFAULT, rows: this.#output.rows || ROWS_DEFAULT };
  }

  enter(): void {
    if (this.#active) return;
    this.#active = true;
    this.#shown = [];
    this.#busy = false;
    if (this.#input.isTTY) {
      this.#input.setRawMode?.(true);
      this.#input.setEncoding('utf8');
      this.#input.on('data', this.#typed);
      this.#input.resume();
    }
    this.#output.on('resize', this.#resized);
    this.#output.on('error', this.#lost);
    this.#output.on('drain', this.#drained);
    this.#output.write(ENTER);
  }

  /** Draws what differs from the frame before. While the terminal lags behind, frames are left out: the next one is newer. */
  draw(lines: readonly string[]): void {
    if (!this.#active || this.#busy) return;
    const changed = lines.flatMap((line, i) =>
      this.#shown[i] === line ? [] : [`${ESC}${i + 1};1H${ESC}2K${line}`],
    );
    const below =
      this.#shown.length > lines.length || this.#shown.length === 0
        ? `${ESC}${lines.length + 1};1H${ESC}J`
        : '';
    this.#shown = lines;
    if (changed.length === 0 && below === '') return;
    const isAll = changed.length === lines.length;
    this.#busy = !this.#output.write(
      `${BEGIN_UPDATE}${isAll ? `${ESC}2J` : below}${changed.join('')}${END_UPDATE}`,
    );
  }

  /** Gives the terminal back. Safe at any time, more than once, and while the process ends. */
  leave(): void {
    if (!this.#active) return;
    this.#active = false;
    this.#output.off('resize', this.#resized);
    this.#output.off('drain', this.#drained);
    this.#writeNow(LEAVE);
    if (!this.#input.isTTY) return;
    this.#input.off('data', this.#typed);
    this.#input.pause();
    try {
      this.#input.setRawMode?.(false);
    } catch {
      // The terminal is gone; there is nothing to give back.
    }
  }

  /** Synchronous, because the process may be about to end. */
  #writeNow(text: string): void {
    const { fd } = this.#output;
    try {
      if (fd === undefined) this.#output.write(text);
      else writeSync(fd, text);
    } catch {
      // The terminal is gone, or so far behind that it takes nothing.
    }
  }
}
