import type { Fetch } from '../history/client.ts';
import {
  afterReload,
  assetsOf,
  isAnother,
  readReloads,
  waitBeforeReload,
  writeReloads,
} from './served-build.ts';

/** A collector that has just come back may not answer yet: asked again after this long, doubled up to the longest. */
const ASK_AGAIN_MS = 5000;
const ASK_LONGEST_MS = 300_000;
const TIMEOUT_MS = 10_000;

export interface RedeploymentOptions {
  readonly fetch: Fetch;
  /** Where the dashboard's page is served. */
  readonly path: string;
  /** The HTML of the page that is shown, before anything else was loaded. */
  readonly html: string;
  /** Whether nobody is there to reload the page: then it does so itself. */
  readonly isUnattended: () => boolean;
}

/** Finds out that a redeployed collector serves another dashboard than the one that is shown. */
export class Redeployment {
  /** There is a newer one: a reload shows it. */
  isNewer = $state(false);
  readonly #options: RedeploymentOptions;
  readonly #own: readonly string[];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking = false;
  #failures = 0;

  constructor(options: RedeploymentOptions) {
    this.#options = options;
    this.#own = assetsOf(options.html);
  }

  /** Asks which dashboard is served: to be called whenever the collector was away. */
  async check(): Promise<void> {
    if (this.#asking || this.#own.length === 0) return;
    clearTimeout(this.#timer);
    this.#asking = true;
    const isNewer = await this.#servesAnother();
    this.#asking = false;
    if (isNewer === null) {
      this.#again(Math.min(ASK_AGAIN_MS * 2 ** Math.min(this.#failures++, 10), ASK_LONGEST_MS));
      return;
    }
    this.#failures = 0;
    this.isNewer = isNewer;
    if (isNewer && this.#options.isUnattended()) this.#reload(() => this.check());
  }

  /** A part of the page could not be fetched, which a reload cures once it can. */
  partMissing(): void {
    if (this.#options.isUnattended()) this.#again(ASK_AGAIN_MS, () => this.#reloadWhenServed());
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /**
   * Reloads the page, unless that was just done: then `later` is called when it may be done again.
   * A browser that keeps nothing over a reload never does it by itself.
   */
  #reload(later: () => void): void {
    const storage = () => sessionStorage;
    const nowMs = Date.now();
    const reloads = readReloads(storage);
    if (reloads === null) return;
    const wait = waitBeforeReload(reloads, nowMs);
    clearTimeout(this.#timer);
    if (wait > 0) this.#timer = setTimeout(later, wait);
    else if (writeReloads(storage, afterReload(reloads, nowMs))) location.reload();
  }

  async #reloadWhenServed(): Promise<void> {
    if ((await this.#servesAnother()) === null) this.partMissing();
    else this.#reload(() => this.#reloadWhenServed());
  }

  #again(delayMs: number, work: () => unknown = () => this.check()): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void work(), delayMs);
  }

  /** `null`: nobody could say, or what is served is not there as a whole. A reload would then lose what is shown. */
  async #servesAnother(): Promise<boolean | null> {
    const html = await this.#text(this.#options.path);
    const served = assetsOf(html ?? '');
    if (served.length === 0) return null;
    if (!isAnother(this.#own, served)) return false;
    const base = this.#options.path.replace(/\/$/, '');
    const files = await Promise.all(served.map((name) => this.#text(`${base}${name}`)));
    return files.every((file) => file !== null) ? true : null;
  }

  async #text(path: string): Promise<string | null> {
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const init: RequestInit = { cache: 'no-store', credentials: 'same-origin', signal };
      const response = await this.#options.fetch(path, init);
      return response.ok ? await response.text() : null;
    } catch {
      return null;
    }
  }
}
