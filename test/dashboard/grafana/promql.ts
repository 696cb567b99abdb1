/** One metric as `/metrics` shows it: its labels with the values seen, and the TYPE of its family. */
export interface ExposedMetric {
  readonly type: string;
  readonly labels: ReadonlyMap<string, ReadonlySet<string>>;
}

/** What a piece of PromQL answers with: the labels of its series, and whether it is a range. */
interface Answer {
  readonly labels: ReadonlySet<string>;
  readonly metrics: readonly string[];
  readonly range: boolean;
}

/** Added by Prometheus to everything it scrapes. */
const SCRAPED_LABELS = ['job', 'instance'];
const AGGREGATIONS = new Set(['sum', 'max', 'min', 'avg', 'topk']);
const OF_RANGES = new Set(['rate', 'increase']);
const BINARY: readonly (readonly string[])[] = [['or'], ['>', '<'], ['+', '-'], ['*', '/']];
const TOKEN = /\s*("(?:[^"\\]|\\.)*"|=~|!~|!=|[a-zA-Z_:][\w:]*|\d+(?:\.\d+)?|[-+*/(){}[\],=<>$]|\S)/gy;
const NONE: Answer = { labels: new Set(), metrics: [], range: false };

/** The metrics of a scrape in the text format, by the name of their samples. */
export function exposedMetrics(text: string): Map<string, ExposedMetric> {
  const found = new Map<string, { type: string; labels: Map<string, Set<string>> }>();
  let type = '';
  for (const line of text.split('\n')) {
    type = /^# TYPE \S+ (\w+)/.exec(line)?.[1] ?? type;
    const [, name, list = ''] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? /.exec(line) ?? [];
    if (name === undefined) continue;
    const metric = found.get(name) ?? { type, labels: new Map<string, Set<string>>() };
    found.set(name, metric);
    for (const [, label = '', value = ''] of list.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      metric.labels.set(label, (metric.labels.get(label) ?? new Set()).add(value));
    }
  }
  return found;
}

/**
 * Reads the part of PromQL that the dashboards speak and holds it against what is exposed.
 *
 * @returns the labels of the series it answers with
 * @throws Error saying what is wrong: syntax, a metric or a label that is not there, a rate of what is no counter
 */
export function checkPromql(
  source: string,
  exposed: ReadonlyMap<string, ExposedMetric>,
): ReadonlySet<string> {
  const plain = source.replaceAll('$__rate_interval', '5m').replaceAll('$__range', '1h');
  const reader = new Reader(plain, exposed);
  const answer = reader.expression(0);
  reader.expectEnd();
  if (answer.range) throw new Error('a range where a value is needed');
  return answer.labels;
}

class Reader {
  readonly #tokens: readonly string[];
  readonly #exposed: ReadonlyMap<string, ExposedMetric>;
  #at = 0;
  #inRate = false;

  constructor(source: string, exposed: ReadonlyMap<string, ExposedMetric>) {
    this.#tokens = [...source.matchAll(TOKEN)].map(([, token = '']) => token);
    this.#exposed = exposed;
    if (this.#tokens.join('') !== source.replaceAll(/\s+(?=(?:[^"]*"[^"]*")*[^"]*$)/g, '')) {
      throw new Error(`unreadable: ${source}`);
    }
  }

  expression(level: number): Answer {
    const operators = BINARY[level];
    if (operators === undefined) return this.#operand();
    let left = this.expression(level + 1);
    while (operators.includes(this.#peek())) {
      const operator = this.#next();
      const right = this.expression(level + 1);
      if (operator === 'or') {
        // A union: nothing has to match.
        const labels = new Set([...left.labels, ...right.labels]);
        left = { labels, metrics: [...left.metrics, ...right.metrics], range: false };
        continue;
      }
      // Vectors match on equal labels; one side without any is a number.
      const isNumber = right.labels.size === 0 || left.labels.size === 0;
      if (!isNumber && [...left.labels].some((label) => !right.labels.has(label))) {
        throw new Error(`${[...left.labels]} does not match ${[...right.labels]}`);
      }
      const labels = left.labels.size === 0 ? right.labels : left.labels;
      left = { labels, metrics: [...left.metrics, ...right.metrics], range: false };
    }
    return left;
  }

  expectEnd(): void {
    if (this.#at < this.#tokens.length) throw new Error(`unexpected "${this.#peek()}"`);
  }

  #operand(): Answer {
    const token = this.#next();
    if (/^\d/.test(token)) return NONE;
    if (token === '(') {
      const inside = this.expression(0);
      this.#expect(')');
      return inside;
    }
    if (AGGREGATIONS.has(token)) return this.#aggregation();
    if (this.#peek() === '(') return this.#call(token);
    return this.#selector(token);
  }

  #aggregation(): Answer {
    const by = this.#peek() === 'by' ? this.#grouping() : null;
    const isTop = this.#tokens[this.#at - 1] === 'topk';
    const answer = this.#arguments().at(-1) ?? NONE;
    const unknown = by?.find((label) => !answer.labels.has(label));
    if (unknown !== undefined) throw new Error(`by (${unknown}), which ${answer.metrics} lacks`);
    return { ...answer, labels: isTop ? answer.labels : new Set(by ?? []) };
  }

  #grouping(): string[] {
    this.#expect('by');
    this.#expect('(');
    const labels: string[] = [];
    for (;;) {
      labels.push(this.#next());
      const separator = this.#next();
      if (separator === ')') return labels;
      if (separator !== ',') throw new Error(`unexpected "${separator}" in by`);
    }
  }

  #call(name: string): Answer {
    const before = this.#inRate;
    this.#inRate = before || OF_RANGES.has(name);
    const last = this.#arguments().at(-1) ?? NONE;
    this.#inRate = before;
    if (OF_RANGES.has(name)) {
      if (!last.range) throw new Error(`${name} of what is no range`);
      return { ...last, range: false };
    }
    if (name === 'histogram_quantile') return quantile(last);
    if (name === 'scalar' || name === 'vector') return { ...NONE, metrics: last.metrics };
    throw new Error(`the function ${name} is not known to this check`);
  }

  #arguments(): Answer[] {
    this.#expect('(');
    const list: Answer[] = [];
    for (;;) {
      list.push(this.expression(0));
      const separator = this.#next();
      if (separator === ')') return list;
      if (separator !== ',') throw new Error(`unexpected "${separator}" between arguments`);
    }
  }

  #selector(name: string): Answer {
    const metric = this.#exposed.get(name);
    if (metric === undefined) throw new Error(`there is no metric ${name}`);
    const counts = metric.type === 'counter' || metric.type === 'histogram';
    if (counts !== this.#inRate)
      throw new Error(`${name}, a ${metric.type}, ${counts ? 'without' : 'in'} a rate`);
    if (this.#peek() === '{') this.#matchers(name, metric);
    const range = this.#peek() === '[';
    if (range) {
      for (const token of ['[', null, null, ']'])
        if (token === null) this.#next();
        else this.#expect(token);
    }
    return { labels: new Set([...metric.labels.keys(), ...SCRAPED_LABELS]), metrics: [name], range };
  }

  #matchers(name: string, { labels }: ExposedMetric): void {
    this.#expect('{');
    for (;;) {
      const [label, operator, quoted] = [this.#next(), this.#next(), this.#next()];
      const values = labels.get(label);
      if (values === undefined && !SCRAPED_LABELS.includes(label))
        throw new Error(`${name} has no label ${label}`);
      const value = quoted.slice(1, -1);
      if (operator === '=' && !values?.has(value)) throw new Error(`${name} has no ${label} "${value}"`);
      if (
        operator === '=~' &&
        !value.startsWith('$') &&
        ![...(values ?? [])].some((one) => new RegExp(`^(${value})$`).test(one))
      ) {
        throw new Error(`no ${label} of ${name} is like "${value}"`);
      }
      const separator = this.#next();
      if (separator === '}') return;
      if (separator !== ',') throw new Error(`unexpected "${separator}" between matchers`);
    }
  }

  #peek(): string {
    return this.#tokens[this.#at] ?? '';
  }

  #next(): string {
    const token = this.#peek();
    if (token === '') throw new Error('ends too early');
    this.#at++;
    return token;
  }

  #expect(token: string): void {
    const next = this.#next();
    if (next !== token) throw new Error(`expected "${token}", got "${next}"`);
  }
}

/** Of classic histograms, which is what is exposed: over buckets, with `le` kept. */
function quantile(buckets: Answer): Answer {
  if (!buckets.labels.has('le')) throw new Error('histogram_quantile without le');
  const other = buckets.metrics.find((metric) => !metric.endsWith('_bucket'));
  if (other !== undefined) throw new Error(`histogram_quantile of ${other}, which is no bucket`);
  return { ...buckets, labels: new Set([...buckets.labels].filter((label) => label !== 'le')) };
}
