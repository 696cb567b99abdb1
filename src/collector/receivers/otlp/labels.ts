import { RouteBound } from '../../../core/http/served.ts';
import { CallLabels } from '../../../core/llm/call-labels.ts';
import { CALL_OPERATION, OTHER } from '../../../core/llm/labels.ts';
import { BoundedNames } from '../../../core/names/bounded-names.ts';
import { ROUTE, WEBSOCKET_PATH } from '../../../core/names/label-bounds.ts';
import { StageNames } from '../../../core/rag/stage-names.ts';
import { STAGE_ATTRIBUTE } from '../../../core/signals/rag-query.ts';

/** Of all senders together; of one of them an agent lets 200 routes through. */
const ROUTES_MAX = 1000;
/** Operations are few by convention; what else is sent as one becomes `other`. */
const OPERATIONS_MAX = 50;

/** The bounds of names that come from anybody: one for everything that is received by OTLP. */
export interface OtlpLabels {
  readonly routes: RouteBound;
  /** Of WebSocket sessions. */
  readonly paths: RouteBound;
  readonly calls: CallLabels;
  readonly operations: Operations;
  readonly stages: StageNames;
}

export interface OtlpLabelsOptions {
  /** Called with the attribute for every name that gave up its place, and every use of one that found none. */
  readonly onFolded?: (attribute: string) => void;
  /** In milliseconds, of a clock that does not go back. @default it stands still */
  readonly now?: () => number;
}

export function otlpLabels({ onFolded = () => {}, now = () => 0 }: OtlpLabelsOptions = {}): OtlpLabels {
  const bounded = (attribute: string) => ({ now, onFolded: () => onFolded(attribute) });
  return {
    routes: new RouteBound({ max: ROUTES_MAX, ...bounded(ROUTE) }),
    paths: new RouteBound({ max: ROUTES_MAX, ...bounded(WEBSOCKET_PATH) }),
    calls: new CallLabels(onFolded, now),
    operations: new Operations(bounded(CALL_OPERATION)),
    stages: new StageNames(bounded(STAGE_ATTRIBUTE)),
  };
}

class Operations {
  readonly #names: BoundedNames;
  readonly #now: () => number;

  constructor({ now, onFolded }: { readonly now: () => number; readonly onFolded: () => void }) {
    this.#now = now;
    this.#names = new BoundedNames({ max: OPERATIONS_MAX, other: OTHER, turnover: OPERATIONS_MAX, onFolded });
  }

  of(operation: string): string {
    return this.#names.of(operation, this.#now());
  }
}
