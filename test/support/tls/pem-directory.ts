import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { makeCertificate, type TestCertificate } from './certificate.ts';

/** Files of TLS as a secret of Kubernetes has them: links to a link to a directory, which is replaced as a whole. */
export class PemDirectory {
  readonly path: string;
  readonly cert: string;
  readonly key: string;
  #version = 0;

  constructor(identity: Pick<TestCertificate, 'cert' | 'key'> = makeCertificate()) {
    this.path = mkdtempSync(join(tmpdir(), 'nervecenter-tls-'));
    this.cert = join(this.path, 'tls.crt');
    this.key = join(this.path, 'tls.key');
    this.replace(identity);
    symlinkSync(join('..data', 'tls.crt'), this.cert);
    symlinkSync(join('..data', 'tls.key'), this.key);
  }

  /** It is removed with the test. */
  static of(test: TestContext, identity?: Pick<TestCertificate, 'cert' | 'key'>): PemDirectory {
    const directory = new PemDirectory(identity);
    test.onTestFinished(() => directory.remove());
    return directory;
  }

  get env(): Readonly<Record<string, string>> {
    return { NERVECENTER_TLS_CERT: this.cert, NERVECENTER_TLS_KEY: this.key };
  }

  replace({ cert, key }: Pick<TestCertificate, 'cert' | 'key'>): void {
    const version = `..version-${++this.#version}`;
    mkdirSync(join(this.path, version));
    writeFileSync(join(this.path, version, 'tls.crt'), cert);
    writeFileSync(join(this.path, version, 'tls.key'), key);
    symlinkSync(version, join(this.path, '..new'));
    renameSync(join(this.path, '..new'), join(this.path, '..data'));
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
