import { z } from 'zod';
import { fence, fenceCode, fenceMarkdown, loadPrompt, renderPrompt } from '../agents/prompt.ts';
import type { Change } from '../domain/change.ts';
import type { Finding } from '../domain/finding.ts';
import { toJson } from '../domain/json.ts';
import type { FileDiff } from '../git/workspace.ts';
import { trusted } from '../journal/trusted.ts';
import { diffText } from '../verify/diff-text.ts';
import { handle, readArguments, shardOf, taskOptions } from './arguments.ts';
import { checksText, filesText, workText } from '../verify/shard-text.ts';
import { handleOf, lay } from './change-of.ts';
import { refuseReplaced } from './handles.ts';
import type { CallContext, Primitive } from './primitive.ts';
import { writeShard } from './shard-agent.ts';
import { phaseOf, toOutcome } from './to-outcome.ts';
import { whileWanted } from './wanted.ts';

const RULES = loadPrompt(import.meta.url, './revise.md');
const BRIEF = loadPrompt(import.meta.url, './revise-brief.md');

const schema = z.tuple([handle, handle, z.strictObject(taskOptions).nullish()]);

/** A fresh agent that answers a verdict's findings; its change replaces the one that was judged. */
export const revise: Primitive = {
  name: 'revise',
  prepare: async (args, context) => {
    const [changeHandle, verdictHandle, given] = readArguments({ form: 'revise(change, verdict, {label, phase})', schema, args });
    const change = await context.handles.change(changeHandle.id);
    const verdict = await context.handles.verdict(verdictHandle.id, change);
    const shard = shardOf(context.plan, change.shard);
    const findings = verdict.findings.filter((finding) => finding.severity === 'blocking');
    const label = given?.label ?? `revise ${shard.id}`;
    const phase = given?.phase ?? '';
    const choice = context.plan.models.reviser;
    return {
      kind: 'revise',
      label,
      phase,
      identity: { change: change.id, tree: change.tree, findings: toJson(findings), ...choice },
      perform: (key) =>
        whileWanted(context, shard.id, (own) =>
          toOutcome(own, async () => {
            await refuseReplaced(own.handles, [change]);
            if (findings.length === 0) {
              const cause = `the verdict on ${shard.id} (${verdict.outcome}) has no blocking finding: there is nothing to revise`;
              return { kind: 'null', cause };
            }
            const { on, under } = await lay(change, own);
            const diff = await own.repository.diff(under, change.tree);
            const brief = briefOf({ change, findings, diff }, own);
            return writeShard(
              { role: 'reviser', rules: RULES, brief, key, label, phase: await phaseOf(key, own), choice, shard, on, replaces: change },
              own,
            );
          }),
        ),
    };
  },
  view: (value) => handleOf(trusted<Change>().parse(value)),
};

interface Revision {
  readonly change: Change;
  readonly findings: readonly Finding[];
  readonly diff: readonly FileDiff[];
}

function briefOf({ change, findings, diff }: Revision, { plan, task }: CallContext): string {
  const shard = shardOf(plan, change.shard);
  return renderPrompt(BRIEF, {
    shard: shard.id,
    files: filesText(plan, shard),
    work: workText(shard, 'author'),
    findings: findings.map(findingText).join('\n\n'),
    diff: fenceCode('diff', diffText(diff)),
    checks: checksText(plan),
    task: fenceMarkdown('what people asked for', task),
  });
}

function findingText(finding: Finding, index: number): string {
  const where =
    finding.line === null ? finding.path : `${finding.path}:${finding.line}${finding.side === 'LEFT' ? ' (line of the old text)' : ''}`;
  return [`### ${index + 1}. ${finding.rule}, ${where}`, finding.claim, evidenceText(finding)].join('\n\n');
}

function evidenceText({ evidence }: Finding): string {
  if (evidence === null) return 'No evidence was given.';
  if (evidence.kind === 'command') return fence(`output of ${evidence.name}`, evidence.output);
  const sides = [
    evidence.before === '' ? '' : fenceCode('before', evidence.before),
    evidence.after === '' ? '' : fenceCode('after', evidence.after),
  ];
  return sides.filter((side) => side !== '').join('\n\n');
}
