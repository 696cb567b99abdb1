import { type Verdict, verdictOf, verdictReasons } from '../client/verdict.ts';
import { columnsOf, type Layout, stack } from './drawing/layout.ts';
import { fitted, joined, type Line, lineWidth, pad, paragraph, span, type Tone } from './drawing/text.ts';
import { uptime } from './figures.ts';
import { KEYS, PAGES } from './keyboard.ts';
import { attemptWords, connectionWords, notices } from './notices.ts';
import type { Picture, Scene, Section } from './picture.ts';
import { apiBlock } from './sections/api.ts';
import { llmBlock, llmDetailBlock } from './sections/llm.ts';
import { cacheBlock, ragBlock } from './sections/rag.ts';
import { alertsBlock, instancesBlock, pipelineBlock } from './sections/state.ts';
import { systemBlock, systemDetailBlock, webSocketBlock } from './sections/system.ts';

export interface Size {
  readonly columns: number;
  /** `null`: as many as there is to say. */
  readonly rows: number | null;
}

export interface Screen {
  /** Exactly `rows` lines of exactly `columns` cells; without a number of rows as many as needed. */
  readonly lines: readonly Line[];
  /** How far the page can be scrolled. */
  readonly scrollMax: number;
}

/** Smaller terminals are drawn for this size and cut. */
const COLUMNS_MIN = 40;
const WIDE = 132;
const KEY_WIDTH = 18;

const VERDICTS: Readonly<Record<Verdict, { readonly sign: string; readonly tone: Tone }>> = {
  unknown: { sign: '○', tone: 'muted' },
  healthy: { sign: '●', tone: 'good' },
  warning: { sign: '▲', tone: 'warning' },
  degraded: { sign: '◆', tone: 'degraded' },
  critical: { sign: '■', tone: 'critical' },
};

/** The sections of every page after the overview. */
const PAGE_SECTIONS: readonly (readonly Section[])[] = [
  [],
  [apiBlock],
  [ragBlock, cacheBlock],
  [llmDetailBlock],
  [systemDetailBlock, alertsBlock, webSocketBlock, instancesBlock, pipelineBlock],
];

/** What the terminal shows. Pure: the same picture and size give the same lines. */
export function renderScreen(picture: Picture, size: Size): Screen {
  const columns = Math.max(size.columns, COLUMNS_MIN);
  const top = header(picture, columns);
  const bottom = size.rows === null ? [] : [footer(picture)];
  const height = size.rows === null ? null : Math.max(size.rows - top.length - bottom.length, 0);
  const { lines: body, scrollMax } = bodyOf(picture, { width: columns, height });
  const filled = height === null ? body : [...body, ...blank(height - body.length)];
  const lines = [...top, ...filled, ...bottom].slice(0, size.rows ?? undefined);
  return { lines: lines.map((line) => fitted(line, size.columns)), scrollMax };
}

function bodyOf(picture: Picture, layout: Layout): Screen {
  if (picture.view.help) return scrolled(helpLines(layout.width), 0, layout.height);
  const { snapshot } = picture.metrics;
  if (snapshot === null) return scrolled(waitingLines(picture, layout.width), 0, layout.height);
  const scene: Scene = { ...picture, snapshot };
  const overview = picture.view.page === 0;
  if (overview && layout.width >= WIDE)
    return scrolled(columnsOf(scene, wideOverview(scene), layout), 0, layout.height);
  const sections = overview ? narrowOverview(scene) : (PAGE_SECTIONS[picture.view.page] ?? []);
  const blocks = sections.map((section) => section(scene, layout.width));
  if (overview) return scrolled(stack(blocks, layout), 0, layout.height);
  return scrolled(stack(blocks, { ...layout, height: null }), picture.view.scroll, layout.height);
}

function isFiring({ alerts }: Picture): boolean {
  return alerts.active.some(({ state }) => state === 'firing');
}

/** What fires comes first, so that a small terminal shows it. */
function narrowOverview(scene: Scene): readonly Section[] {
  const rest = [systemBlock, apiBlock, ragBlock, llmBlock, cacheBlock, webSocketBlock];
  return isFiring(scene) ? [alertsBlock, ...rest] : [...rest, alertsBlock];
}

function wideOverview(scene: Scene): readonly [left: readonly Section[], right: readonly Section[]] {
  const left = [systemBlock, apiBlock, webSocketBlock];
  return [
    isFiring(scene) ? [alertsBlock, ...left] : [...left, alertsBlock],
    [ragBlock, llmBlock, cacheBlock],
  ];
}

function scrolled(lines: readonly Line[], scroll: number, height: number | null): Screen {
  if (height === null) return { lines, scrollMax: 0 };
  const scrollMax = Math.max(lines.length - height, 0);
  const from = Math.min(scroll, scrollMax);
  return { lines: lines.slice(from, from + height), scrollMax };
}

function blank(lines: number): readonly Line[] {
  return Array.from({ length: Math.max(lines, 0) }, () => []);
}

function header(picture: Picture, width: number): readonly Line[] {
  const { snapshot } = picture.metrics;
  const title: Line = [
    span('nervecenter', 'title'),
    ...(snapshot === null
      ? [span(` ${picture.target}`, 'muted')]
      : [span(` ${snapshot.service}`, 'strong'), span(` up ${uptime(snapshot.uptime_seconds)}`, 'muted')]),
  ];
  const { text, tone } = connectionWords(picture);
  const time = snapshot === null ? '' : `${snapshot.timestamp.slice(11, 19)} UTC  `;
  const lines = [
    bothEnds(title, [span(time, 'muted'), span(text, tone)], width),
    verdictLine(picture, width),
  ];
  if (snapshot !== null) lines.push(...notices(picture, snapshot, width));
  return [...lines, tabs(picture, width)];
}

function bothEnds(left: Line, right: Line, width: number): Line {
  const room = width - lineWidth(right) - 2;
  return room < 10 ? fitted(left, width) : [...fitted(left, room), span('  '), ...right];
}

function verdictLine({ metrics, alerts }: Picture, width: number): Line {
  const { snapshot, stale } = metrics;
  const verdict = verdictOf(snapshot);
  const { sign, tone } = VERDICTS[verdict];
  const firing = alerts.active.filter(({ state }) => state === 'firing').length;
  const words = `${sign} ${stale ? 'was ' : ''}${verdict.toUpperCase()}`;
  const facts = [
    [span(words, stale ? 'muted' : tone)],
    ...verdictReasons(snapshot).map((reason) => [span(reason)]),
    ...(firing > 0 ? [[span(`${firing} ${firing === 1 ? 'alert' : 'alerts'} firing`, 'critical')]] : []),
  ];
  return joined(facts, width);
}

function tabs({ view }: Picture, width: number): Line {
  const parts = PAGES.flatMap((page, index) => {
    const label = ` ${index + 1} ${page} `;
    return [span(label, index === view.page ? 'inverse' : 'muted')];
  });
  const rest = Math.max(width - lineWidth(parts), 0);
  return [...parts, span('─'.repeat(rest), 'muted')];
}

function footer({ view }: Picture): Line {
  const scroll = view.page === 0 ? [] : ['↑↓ scroll'];
  const keys = ['q quit', 'Tab/1-5 page', ...scroll, 's sort', view.paused ? 'p go on' : 'p pause', '? help'];
  return [span(keys.join('   '), 'muted')];
}

function helpLines(width: number): readonly Line[] {
  const meaningWidth = width - KEY_WIDTH;
  return [
    [],
    ...KEYS.flatMap(([keys, meaning]) =>
      paragraph(meaning, meaningWidth).map((line, i) => [
        pad(span(i === 0 ? keys : '', 'strong'), KEY_WIDTH, 'left'),
        ...line,
      ]),
    ),
  ];
}

/** What stands there before the first snapshot. */
function waitingLines({ metrics, target, nowMs }: Picture, width: number): readonly Line[] {
  if (metrics.loginNeeded) {
    return [
      [],
      ...paragraph(`The collector at ${target} asks for a token, or refuses the one it was given.`, width),
      [],
      ...paragraph(
        'Set NERVECENTER_ADMIN_TOKEN (a token of the role viewer will do), or start in the directory where its data directory is.',
        width,
        'muted',
      ),
    ];
  }
  if (metrics.error === null) return [[], [span(`Connecting to ${target} …`, 'muted')]];
  return [
    [],
    ...paragraph(`No figures from ${target}: ${metrics.error}`, width),
    ...paragraph(`${attemptWords(metrics, nowMs)}; r tries at once`, width),
    [],
    ...paragraph(
      'Start a collector with `nervecenter collector`, or give its address with --url.',
      width,
      'muted',
    ),
  ];
}
