import type { IncomingMessage } from 'node:http';
import type { Instrumentation } from '../instrumentation.ts';
import { onlyNoticed, onModuleLoad } from '../modules/hook.ts';
import { joinTemplates, matchesTemplate } from './route.ts';
import { addRouteResolver } from './server.ts';

/** What Express leaves on a request: the route that matched, the app that held it, the raw path of its mounts. */
interface ExpressRequest {
  readonly route?: unknown;
  readonly app?: ExpressApp;
  readonly baseUrl?: string;
  readonly originalUrl?: string;
  readonly method?: string;
}

interface ExpressRoute {
  readonly path: unknown;
  readonly stack: readonly unknown[];
  readonly methods?: Readonly<Record<string, boolean>>;
}

interface ExpressApp {
  readonly parent?: ExpressApp;
  readonly mountpath?: unknown;
  readonly _router?: Router;
  readonly router?: Router;
}

interface Router {
  readonly stack?: readonly Layer[];
}

const PATTERN = Symbol('nervecenter.pattern');

/** One entry of a router: a route, a mounted router or app, or a middleware. */
interface Layer {
  readonly route?: unknown;
  readonly handle?: unknown;
  /** Mounted at `/`. */
  readonly slash?: boolean;
  /** The pattern as the app wrote it: from Express 5.3 on. */
  readonly rawPath?: unknown;
  /** Express 4: all that is left of the pattern. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean };
  readonly keys?: readonly { readonly name?: unknown }[];
  /** The pattern as noted by us: Express 5.0 to 5.2. */
  [PATTERN]?: unknown;
}

/** One place in the app's tree of routers where a route can be reached. */
interface Place {
  /** Template of the mounts around it, empty at the top. */
  readonly prefix: string;
  readonly template: string;
}

interface Known {
  readonly places: readonly Place[];
  readonly searches: number;
}

const DEPTH_MAX = 16;
const PLACES_MAX = 64;
const LAYERS_MAX = 20_000;
/** A route found in another place than before (its router was mounted once more) is searched again so many times. */
const SEARCHES_MAX = 4;
/** A mount whose pattern cannot be told. */
const UNKNOWN_MOUNT = '/*';

const known = new WeakMap<object, Known>();

/**
 * The route's template with those of all routers around it. Express itself only tells the raw path of the mounts
 * (`baseUrl`), so the route is looked up, by identity, in the app's tree of routers; once per route, then remembered.
 */
function expressTemplate(request: IncomingMessage): string | undefined {
  const { route, method } = request as ExpressRequest;
  if (!isRoute(route)) return undefined;
  // Express picks a route for HEAD by its path alone; one that does not answer it has served nothing.
  if (method === 'HEAD' && !answersHead(route)) return undefined;
  const entry = known.get(route) ?? search(request as ExpressRequest, route, 0);
  const template = pick(entry.places, request as ExpressRequest);
  if (template !== undefined) return template;
  const again =
    entry.searches < SEARCHES_MAX ? search(request as ExpressRequest, route, entry.searches) : entry;
  return pick(again.places, request as ExpressRequest) ?? closest(again.places, request as ExpressRequest);
}

function isRoute(route: unknown): route is ExpressRoute {
  return (
    typeof route === 'object' &&
    route !== null &&
    'path' in route &&
    'stack' in route &&
    Array.isArray(route.stack)
  );
}

function answersHead({ methods }: ExpressRoute): boolean {
  return methods === undefined || Boolean(methods['_all'] || methods['head'] || methods['get']);
}

/** The place this request came through, when there is no doubt. */
function pick(
  places: readonly Place[],
  { baseUrl = '', originalUrl = '' }: ExpressRequest,
): string | undefined {
  const [first] = places;
  if (first !== undefined && places.length === 1 && first.prefix === baseUrl) return first.template;
  const query = originalUrl.indexOf('?');
  const path = query === -1 ? originalUrl : originalUrl.slice(0, query);
  return places.find((place) => matchesTemplate(place.template, path))?.template;
}

/** Patterns beyond `:name` cannot be compared with a path: the place whose mount agrees, else the first. */
function closest(places: readonly Place[], { baseUrl = '' }: ExpressRequest): string | undefined {
  return (places.find((place) => place.prefix === baseUrl) ?? places[0])?.template;
}

function search(request: ExpressRequest, route: ExpressRoute, searches: number): Known {
  const places: Place[] = [];
  const look = new Search(route, places);
  for (const prefix of mountPrefixes(request.app, 0)) look.through(routerOf(request.app)?.stack, prefix, 0);
  if (places.length === 0) {
    // Not in the tree (an error left a mounted app, or there is no app): what the route itself knows is still true.
    return { places: pathTexts(route.path).map((path) => placeOf('', path)), searches: SEARCHES_MAX };
  }
  const entry = { places, searches: searches + 1 };
  known.set(route, entry);
  return entry;
}

/** Finds every place of one route, within bounds: a tree may be large and may even contain itself. */
class Search {
  readonly #route: ExpressRoute;
  readonly #places: Place[];
  #layersLeft = LAYERS_MAX;

  constructor(route: ExpressRoute, places: Place[]) {
    this.#route = route;
    this.#places = places;
  }

  through(stack: readonly Layer[] | undefined, prefix: string, depth: number): void {
    if (!Array.isArray(stack) || depth > DEPTH_MAX) return;
    for (const layer of stack as readonly Layer[]) {
      if (this.#places.length >= PLACES_MAX || this.#layersLeft-- <= 0) return;
      if (layer.route === this.#route) {
        this.#places.push(...pathTexts(this.#route.path).map((path) => placeOf(prefix, path)));
      } else if (layer.route === undefined) {
        const inner = innerStack(layer.handle);
        if (inner === undefined) continue;
        for (const pattern of mountPatterns(layer)) {
          this.through(inner, joinTemplates(prefix, pattern), depth + 1);
        }
      }
    }
  }
}

function placeOf(prefix: string, path: string): Place {
  return { prefix: prefix === '/' ? '' : prefix, template: joinTemplates(prefix, path) };
}

/** A pattern as text: one per path, a regular expression as it is written. */
function pathTexts(path: unknown): string[] {
  if (Array.isArray(path)) return path.flat(DEPTH_MAX).map(String);
  return [String(path)];
}

/** The layers of a mounted router, or of an app mounted on a router. */
function innerStack(handle: unknown): readonly Layer[] | undefined {
  if (typeof handle !== 'function') return undefined;
  const own = (handle as Router).stack;
  return Array.isArray(own) ? own : routerOf(handle as unknown as ExpressApp)?.stack;
}

function routerOf(app: ExpressApp | undefined): Router | undefined {
  try {
    return app?._router ?? app?.router;
  } catch {
    return undefined; // Express 4 throws on `app.router`.
  }
}

/** Templates of the paths an app is mounted at, the apps around it included. */
function mountPrefixes(app: ExpressApp | undefined, depth: number): string[] {
  if (app?.parent === undefined || depth > DEPTH_MAX) return [''];
  const own = pathTexts(app.mountpath ?? '/');
  return mountPrefixes(app.parent, depth + 1)
    .flatMap((prefix) => own.map((path) => joinTemplates(prefix, path)))
    .slice(0, PLACES_MAX);
}

function mountPatterns(layer: Layer): string[] {
  const { slash, regexp, keys } = layer;
  if (slash === true || regexp?.fast_slash === true) return ['/'];
  const pattern = layer.rawPath ?? layer[PATTERN];
  if (pattern !== undefined) return pathTexts(pattern);
  return regexp instanceof RegExp ? patternsOf(regexp, keys ?? []) : [UNKNOWN_MOUNT];
}

/** What path-to-regexp 0.1 (Express 4) puts after a mount's pattern, and makes of `/:name` and `/:name(\\d+)`. */
const MOUNT_END = /(?:\\\/)?\?\(\?=\\\/\|\$\)$/;
const PARAMETER = /\(\?:(\\\/)?\((?!\?)[^()]*\)\)|\(\[\^\\?\/\]\+\?\)/g;
/** What a pattern of plain text and `:name` leaves no trace of. */
const SYNTAX = /[\\()[\]{}?*+|^$]/;

/** Takes an Express 4 mount's regular expression back to its pattern; any other one is shown as it is. */
function patternsOf(regexp: RegExp, keys: readonly { readonly name?: unknown }[]): string[] {
  let used = 0;
  const parameter = (_group: string, slash?: string) =>
    `${slash === undefined ? '' : '/'}:${String(keys[used++]?.name ?? 'param')}`;
  const patterns = regexp.source.split(/\|(?=\^)/).map((alternative) =>
    alternative
      .replace(/^\^/, '')
      .replace(MOUNT_END, '')
      .replace(PARAMETER, parameter)
      .replace(/\\([/.-])/g, '$1'),
  );
  return patterns.some((pattern) => SYNTAX.test(pattern)) ? [String(regexp)] : patterns;
}

type Use = (this: Router, ...args: unknown[]) => unknown;

/** Express 5.0 to 5.2 keep no pattern of a mount: note it as the mount is made. */
function notePatterns(exports: unknown): (() => void) | undefined {
  const prototype = (exports as { prototype?: { use?: Use } }).prototype;
  const original = prototype?.use;
  if (prototype === undefined || typeof original !== 'function') return undefined;
  prototype.use = function use(...args) {
    const before = this.stack?.length ?? 0;
    const result = original.apply(this, args);
    const [path] = args;
    const first: unknown = Array.isArray(path) ? path.flat(DEPTH_MAX)[0] : path;
    const pattern = typeof first === 'function' ? '/' : path;
    for (const layer of this.stack?.slice(before) ?? []) {
      if (layer.rawPath === undefined) layer[PATTERN] = pattern;
    }
    return result;
  };
  return () => {
    prototype.use = original;
  };
}

/**
 * Route templates of Express 4 and 5. Read from the request when it is over; the tracing channel of Express 5.3 would cost
 * some closures per middleware and request, and Express 4 has none.
 */
export const express: Instrumentation = {
  name: 'express',
  start() {
    const undos = [
      addRouteResolver(expressTemplate),
      onModuleLoad('router/index.js', notePatterns),
      onModuleLoad('express/lib/express.js', onlyNoticed),
    ];
    return () => {
      for (const undo of undos) undo();
    };
  },
};
