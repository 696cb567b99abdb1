import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOtlpExporter, type OtlpExporter } from '../../../../src/collector/sinks/otlp/exporter.ts';
import { readConfig } from '../../../../src/config/config.ts';
import type { NervecenterEvent } from '../../../../src/core/signals/index.ts';

export const SENDER = { instanceId: randomUUID(), service: 'rag-app' };

export interface Exporting {
  readonly exporter: OtlpExporter;
  readonly lines: string[];
  readonly dataDir: string;
}

const directories: string[] = [];

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
  directories.push(directory);
  return directory;
}

export function removeDirectories(): void {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
}

/** A running exporter as the environment configures it. */
export async function exporting(
  env: Record<string, string>,
  dataDir = temporaryDirectory(),
): Promise<Exporting> {
  const lines: string[] = [];
  const config = readConfig(
    { NERVECENTER_DATA_DIR: dataDir, OTEL_SERVICE_NAME: 'collector', ...env },
    dataDir,
  );
  const log = (component: string, line: string) => lines.push(`${component}: ${line}`);
  const exporter = await createOtlpExporter({ config, log, host: null });
  await exporter.start();
  return { exporter, lines, dataDir };
}

/** As the receiver of agents hands them on. */
export function sent(events: readonly NervecenterEvent[], sender = SENDER): NervecenterEvent[] {
  return events.map((event) => ({ ...event, sender }));
}

/** accepted = exported + waiting + dropped, for every target. */
export function balances(exporter: OtlpExporter): boolean {
  return exporter.counts().every(({ accepted, exported, waiting, dropped }) => {
    const lost = [...dropped.values()].reduce((sum, count) => sum + count, 0);
    return accepted === exported + waiting + lost;
  });
}
