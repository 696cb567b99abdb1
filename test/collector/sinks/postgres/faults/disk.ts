import type { FileHandle } from 'node:fs/promises';
import { NODE_FILES, type SpoolFiles } from '../../../../../src/collector/sinks/postgres/spool/files.ts';

/** A disk that can be told to fail, and where. */
export class Disk {
  /** What a synchronisation waits for. */
  synchronising: Promise<void> = Promise.resolve();
  fails: { readonly code: string; readonly at: 'open' | 'writev' | 'datasync' } | null = null;

  readonly files: SpoolFiles = {
    ...NODE_FILES,
    open: async (path, flags, mode) => {
      if (flags === 'ax') this.#maybeFail('open');
      const handle = await NODE_FILES.open(path, flags, mode);
      return new Proxy(handle, { get: (target, name) => this.#member(target, name) });
    },
  };

  #member(handle: FileHandle, name: string | symbol): unknown {
    const member: unknown = Reflect.get(handle, name, handle);
    if (typeof member !== 'function') return member;
    if (name === 'writev') {
      return async (parts: Buffer[], position: number) => {
        if (this.fails?.at !== 'writev') return handle.writev(parts, position);
        await handle.writev(parts.slice(0, 1), position); // A part of it still fitted.
        return this.#maybeFail('writev');
      };
    }
    if (name === 'datasync') {
      return async () => {
        await this.synchronising;
        this.#maybeFail('datasync');
        await handle.datasync();
      };
    }
    return member.bind(handle);
  }

  #maybeFail(at: string): void {
    const { fails } = this;
    if (fails?.at === at) throw Object.assign(new Error(`${fails.code}: injected`), { code: fails.code });
  }
}
