import { pathTemplate } from '../../core/http/path-template.ts';
import { RouteBound } from '../../core/http/served.ts';
import { WEBSOCKET_PATH } from '../../core/label-bounds.ts';
import type { Agent } from '../instrumentation.ts';

const pathsByAgent = new WeakMap<Agent, RouteBound>();

/** What a session is stored as the path of: without its ids, and bounded as routes are, since a path is anybody's to make up. */
export function boundPath(agent: Agent, path: string): string {
  let paths = pathsByAgent.get(agent);
  if (paths === undefined) {
    const onFolded = () => agent.labelFolded(WEBSOCKET_PATH);
    paths = new RouteBound({ now: () => agent.clock.monotonicMs(), onFolded });
    pathsByAgent.set(agent, paths);
  }
  return paths.bound(pathTemplate(path));
}
