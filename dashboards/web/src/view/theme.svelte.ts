export type ThemeChoice = 'dark' | 'light' | 'system';

const KEY = 'nervecenter.theme';
const CHOICES: readonly ThemeChoice[] = ['dark', 'light', 'system'];

/** Which colours the page has. Chosen once per browser, not per link; dark until somebody chooses. */
export class Theme {
  choice: ThemeChoice;
  #systemIsLight: boolean;
  readonly current: 'dark' | 'light' = $derived.by(() => {
    if (this.choice === 'system') return this.#systemIsLight ? 'light' : 'dark';
    return this.choice;
  });

  constructor() {
    this.choice = $state(storedChoice());
    this.#systemIsLight = $state(matchMedia('(prefers-color-scheme: light)').matches);
  }

  /** Follows the system and other tabs; the function it returns stops that. */
  start(): () => void {
    const system = matchMedia('(prefers-color-scheme: light)');
    const followSystem = () => {
      this.#systemIsLight = system.matches;
    };
    const followTabs = (event: StorageEvent) => {
      if (event.key === KEY) this.choice = storedChoice();
    };
    system.addEventListener('change', followSystem);
    addEventListener('storage', followTabs);
    return () => {
      system.removeEventListener('change', followSystem);
      removeEventListener('storage', followTabs);
    };
  }

  choose(choice: ThemeChoice): void {
    this.choice = choice;
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // A browser that keeps nothing has the choice until it is closed.
    }
  }
}

function storedChoice(): ThemeChoice {
  try {
    const stored = localStorage.getItem(KEY);
    return CHOICES.find((choice) => choice === stored) ?? 'dark';
  } catch {
    return 'dark';
  }
}
