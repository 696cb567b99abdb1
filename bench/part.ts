// Runs one part in this process, which exists for it alone, and tells its figures to the parent.
import type { Figure } from './figure.ts';

const [name = ''] = process.argv.slice(2);
const { run } = (await import(`./${name}.ts`)) as { run: () => Promise<Figure[]> };
process.send?.(await run());
process.disconnect?.();
