// Runs one part in this process, which exists for it alone, and tells its figures to the parent.
import type { Figure, PartOptions } from './figure.ts';

const [name = '', options = '{}'] = process.argv.slice(2);
const { run } = (await import(`./${name}.ts`)) as {
  run: (options: PartOptions) => Promise<Figure[]>;
};
process.send?.(await run(JSON.parse(options) as PartOptions));
process.disconnect?.();
