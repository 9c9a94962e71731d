import { dollars } from '../domain/budget.ts';
import type { PilotFigure, Projection, Spread } from '../domain/pilot.ts';
import { count, duration } from '../domain/amounts.ts';
import { code, line, paragraphs, table } from './markdown.ts';

export interface PilotFacts {
  /** Of the pilot's inventory shards. */
  readonly figures: readonly PilotFigure[];
  readonly rest: Projection;
  /** Micro-dollars of the run. */
  readonly spent: number;
  readonly limit: number;
  /** What people type after `approve`. */
  readonly gate: string;
}

/** What the pilot came to, what that means for the others, and what a person can do; short first. */
export function pilotComment({ figures, rest, spent, limit, gate }: PilotFacts): string {
  return paragraphs(
    `## ${pilotQuestion({ figures, rest })}`,
    [
      '> **The other shards wait for a person:**',
      `> \`/workflow approve ${gate}\` migrates them · \`/workflow revise ${gate} <why>\` leaves them over, and what the pilot made is delivered · \`/workflow stop\` ends the run`,
    ].join('\n'),
    table(['Shard', 'Why it was chosen', 'Files', 'Cost', 'Time', 'Reviews', 'Came to'], figures.map(row)),
    outlook(rest),
    budget(rest, { spent, limit }),
  );
}

/** The same in one sentence: the question that the status comment shows. */
export function pilotQuestion({ figures, rest }: Pick<PilotFacts, 'figures' | 'rest'>): string {
  const accepted = figures.filter((figure) => figure.accepted).length;
  return `Pilot: ${accepted} of ${count(figures.length, 'shard')} accepted. The other ${count(rest.shards, 'shard')}: about ${dollars(Math.round(rest.cost.expected))} more`;
}

function row({ shard, why, files, cost, minutes, rounds, accepted }: PilotFigure): readonly string[] {
  return [
    code(shard),
    line(why),
    String(files),
    dollars(cost),
    duration(minutes * 60),
    String(rounds),
    accepted ? '✅ accepted' : '⛔ not accepted',
  ];
}

function outlook({ shards, files, cost, minutes, accepted, measured }: Projection): string {
  const range = ({ low, expected, high }: Spread, show: (value: number) => string): string =>
    `**${show(expected)}** (${show(low)} to ${show(high)})`;
  const money = (value: number): string => dollars(Math.round(value));
  const time = (value: number): string => duration(value * 60);
  const basis =
    measured < 2
      ? 'One shard was measured, so there is no spread: the range is a guess, half to double.'
      : `The range is the cheapest and the dearest of ${count(measured, 'shard')}, by file.`;
  return `The other ${count(shards, 'shard')} (${count(files, 'file')}): ${range(cost, money)}, ${range(minutes, time)}; at the pilot’s rate ${accepted} of them are accepted. ${basis}`;
}

function budget({ cost }: Projection, { spent, limit }: { readonly spent: number; readonly limit: number }): string {
  const left = Math.max(0, limit - spent);
  const told = `${dollars(spent)} of ${dollars(limit)} are spent.`;
  if (cost.high <= left) return told;
  const when = cost.expected > left ? 'That is likely not enough' : 'At the dear end that is not enough';
  return `${told} ${when}: the run would pause with its work, and \`/workflow budget +$N\` goes on.`;
}
