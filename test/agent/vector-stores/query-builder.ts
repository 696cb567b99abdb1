import { currentContext } from '../../../src/agent/context/context.ts';

/** Builds a query, which runs whenever its `then` is called. */
export class Builder {
  rows = 0;
  seen: unknown;
  limit(rows: number) {
    this.rows = rows;
    return this;
  }
  // biome-ignore lint/suspicious/noThenProperty: query builders such as knex are just that.
  then(resolve: (rows: string) => unknown) {
    this.seen = currentContext();
    return Promise.resolve(`limit ${this.rows}`).then(resolve);
  }
}
