import { RouteBound } from '../../core/http/served.ts';
import { ROUTE } from '../../core/names/label-bounds.ts';
import { type Agent, rootOf } from '../instrumentation.ts';

const routesByAgent = new WeakMap<Agent, RouteBound>();

/** The one bound of an agent, whether requests are seen or recorded. */
export function routesOf(variant: Agent): RouteBound {
  const agent = rootOf(variant);
  const known = routesByAgent.get(agent);
  if (known !== undefined) return known;
  const onFolded = () => agent.labelFolded(ROUTE);
  const routes = new RouteBound({ now: () => agent.clock.monotonicMs(), onFolded });
  routesByAgent.set(agent, routes);
  return routes;
}
