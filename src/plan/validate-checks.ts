import type { Check, PlanDraft } from '../domain/plan.ts';
import type { Settings } from '../domain/run.ts';
import { type BaseChecks, outputTail } from './base-checks.ts';

/** The repository's checks, which the plan cannot leave out or weaken, then what the planner added. */
export function effectiveChecks(draft: PlanDraft, settings: Settings): readonly Check[] {
  const own = settings.checks.map((check) => {
    const planned = draft.checks.find((other) => other.name === check.name);
    return { ...check, when: planned?.when === 'shard' ? planned.when : check.when };
  });
  const configured = new Set(own.map((check) => check.name));
  return [...own, ...draft.checks.filter((check) => !configured.has(check.name))];
}

/** A script's `check('name', …)` with a literal name; others are refused when they are called. */
const CHECK_CALL = /\bcheck\(\s*(['"`])([^'"`$\n]*)\1/gu;

export async function checkErrors(
  draft: PlanDraft,
  facts: { readonly settings: Settings; readonly script: string; readonly baseChecks: BaseChecks },
): Promise<readonly string[]> {
  const { settings } = facts;
  const names = effectiveChecks(draft, settings).map((check) => check.name);
  const known = names.length === 0 ? 'the plan has no checks' : `the plan's checks are ${[...new Set(names)].join(', ')}`;
  const called = new Set([...facts.script.matchAll(CHECK_CALL)].map((match) => match[2] ?? ''));
  const unknown = [...called].filter((name) => !names.includes(name));
  const twice = draft.checks.filter((check, index) => draft.checks.findIndex((other) => other.name === check.name) < index);
  const trials = await Promise.all(draft.checks.map((check) => trial(check, facts)));
  return [
    ...unknown.map((name) => `The script calls check('${name}'), which is unknown: ${known}. Use one of them, or add it to checks.`),
    ...twice.map((check) => `Found two checks named \`${check.name}\`, expected each name once. Rename one of them.`),
    ...draft.checks.flatMap((check) => configuredErrors(check, settings)),
    ...trials.flat(),
  ];
}

function configuredErrors(check: Check, settings: Settings): readonly string[] {
  const own = settings.checks.find((other) => other.name === check.name);
  if (own === undefined) return [];
  if (own.run !== check.run) {
    return [
      `Found the check \`${check.name}\` with the command \`${check.run}\`, expected \`${own.run}\` as .github/converge.yml has it. ` +
        'Leave it out (it is part of the plan anyway), or give yours another name.',
    ];
  }
  if (own.when === 'shard' && check.when === 'converged') {
    return [
      `Found the check \`${check.name}\` with when: converged, expected shard as .github/converge.yml has it: a plan cannot weaken the repository's checks. ` +
        'Plan so that it holds after each shard, for example with old and new side by side.',
    ];
  }
  return [];
}

/** What the planner added is tried on the base: a command that is not there proves nothing, nor does a shard check that fails before any change. */
async function trial(
  check: Check,
  { settings, baseChecks }: { readonly settings: Settings; readonly baseChecks: BaseChecks },
): Promise<readonly string[]> {
  if (settings.checks.some((own) => own.name === check.name)) return [];
  const { result } = await baseChecks.run(check);
  const missing = result.ended === 'exit' && (result.exitCode === 126 || result.exitCode === 127);
  if (missing) {
    return [
      `The check \`${check.name}\` could not start on the base: \`${check.run}\` gave\n${outputTail(result)}\nExpected a command that this repository has. ` +
        'Use what its manifest offers, or leave the check out.',
    ];
  }
  if (result.ok || check.when === 'converged') return [];
  return [
    `The check \`${check.name}\` (when: shard) fails on the base, before any change: \`${check.run}\` gave\n${outputTail(result)}\n` +
      'Expected a check that passes now and after each shard. Mend it, make it `converged`, or leave it out.',
  ];
}
