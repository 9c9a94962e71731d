import { LIMIT_NAMES, limitOf, limitText, type RunCeilings } from './allowance.ts';
import { EFFORTS, isAbove, ROLES } from './effort.ts';
import type { OperatorPolicy } from './operator-policy.ts';
import type { Plan } from './plan.ts';
import { OPERATOR_DEFAULTS, underPolicy, type OperatorLimits } from './operator-limits.ts';

/** What the operator's policy allows each run now, whatever it was approved with. */
export function runCeilings(policy: OperatorPolicy): RunCeilings {
  const { budget, tokens, turns, hours, concurrency } = underPolicy(
    { ...OPERATOR_DEFAULTS, budget: Infinity, concurrency: Infinity },
    policy,
  );
  return {
    budget,
    concurrency,
    ...(tokens === undefined ? {} : { tokens }),
    ...(turns === undefined ? {} : { turns }),
    ...(hours === undefined ? {} : { hours }),
  };
}

/** What of a plan the operator, as they are now, does not allow any more, each as found and expected; none when all of it is. */
export function aboveOperator(
  { limits, models, protectedPaths }: Pick<Plan, 'limits' | 'models' | 'protectedPaths'>,
  operator: OperatorLimits,
): readonly string[] {
  const raisable = LIMIT_NAMES.flatMap((name) => {
    const [found, most] = [limitOf(limits, name), limitOf(operator, name)];
    if (most === undefined || (found !== undefined && found <= most)) return [];
    return [
      `${found === undefined ? `no limit of ${name}` : `a limit of ${limitText(name, found)}`}, expected at most ${limitText(name, most)}`,
    ];
  });
  const fixed = (
    [
      ['agents at once', limits.concurrency, operator.concurrency],
      ['turns of an agent', limits.turnsPerAgent, operator.turnsPerAgent],
      ['seconds of an agent', limits.secondsPerAgent, operator.secondsPerAgent],
    ] as const
  ).flatMap(([what, found, most]) => (found > most ? [`${found} ${what}, expected at most ${most}`] : []));
  const care = limits.reviewers < operator.reviewers ? [`${limits.reviewers} verifiers, expected at least ${operator.reviewers}`] : [];
  const { allowedModels, maxEffort } = operator;
  const used = [...new Set(ROLES.map((role) => models[role].model))];
  const unknown = used.filter((model) => allowedModels?.includes(model) === false);
  const wrongModels = unknown.map((model) => `the model \`${model}\`, expected one of ${allowedModels?.join(', ') ?? ''}`);
  const efforts = EFFORTS.filter((effort) => isAbove(effort, maxEffort) && ROLES.some((role) => models[role].effort === effort));
  const open = operator.protectedPaths.filter((glob) => !protectedPaths.includes(glob)).map((glob) => `\`${glob}\` not protected`);
  return [
    ...raisable,
    ...fixed,
    ...care,
    ...wrongModels,
    ...efforts.map((one) => `the effort ${one}, expected at most ${maxEffort}`),
    ...open,
  ];
}
