import { z } from 'zod';
import type { PlanDraft } from '../domain/plan.ts';

/*
 * What the planner submits. The descriptions are prompts: the planner reads them beside the field. What a schema cannot ask is asked by validate.ts.
 */

const glob = (description: string): z.ZodString => z.string().min(1).max(300).describe(description);
const path = z.string().min(1).max(1_000).describe('Path from the root of the repository, such as src/config.ts.');

const predicate = z
  .discriminatedUnion('kind', [
    z
      .strictObject({
        kind: z.literal('regex'),
        pattern: z
          .string()
          .min(1)
          .max(2_000)
          .describe(
            "A JavaScript regular expression, tried on a file's whole text. Its form is not examined, but one that takes more than 2 seconds on a file is an error: no (a+)+, no .*.*",
          ),
        flags: z.string().max(5).describe('Some of i, s, u, v; usually empty. m is always on: ^ and $ match at lines.'),
      })
      .describe('The file still has something to migrate when the expression matches anywhere in it.'),
    z
      .strictObject({
        kind: z.literal('ast-grep'),
        language: z.string().describe('One of javascript, typescript, tsx, html, css. Files of other languages never match.'),
        rule: z
          .record(z.string(), z.unknown())
          .describe('The object that stands below `rule:` in ast-grep\'s YAML, such as {"pattern": "require($PATH)"} or {"any": [...]}.'),
      })
      .describe(
        'The file still has something to migrate when the rule matches anywhere in its syntax tree. Comments and strings cannot deceive it.',
      ),
    z
      .strictObject({
        kind: z.literal('command'),
        run: z
          .string()
          .min(1)
          .max(4_000)
          .describe(
            'Text for sh; the path of the file is $1. Exit 0: still to migrate. Exit 1: done. Anything else, or more than 60 seconds, is an error.',
          ),
      })
      .describe(
        'A command, run once for each file in scope, in a sandbox without network. Slow: only when neither of the others can tell.',
      ),
  ])
  .describe('One question per file: is there still something to migrate here? True for every file of the work before, false after.');

const fixedShard = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/u)
    .max(40)
    .describe('Lower-case letters, digits and dashes; it becomes part of a branch name, such as test-setup.'),
  files: z
    .array(path)
    .min(1)
    .max(50)
    .describe(
      'Every file that this shard may create, change or delete, one by one. None may be in the inventory: exclude those that would be.',
    ),
  task: z
    .string()
    .min(1)
    .max(8_000)
    .describe(
      'What the agent of this shard is to do, complete: it sees the guide, these files and the repository, and nothing of your survey. Its verifiers read it too.',
    ),
});

/** `PlanDraft`, and no field more. */
export const PLAN_DRAFT: z.ZodType<PlanDraft> = z.strictObject({
  title: z
    .string()
    .min(1)
    .max(90)
    .describe(
      'At most 90 characters, imperative: becomes the title of the pull request, such as "Migrate tests from tally-bdd to node:test".',
    ),
  intent: z
    .string()
    .min(1)
    .max(1_500)
    .describe(
      'Two to six sentences: what is different afterwards, what must stay the same, which differences are accepted, what is deliberately not done. People approve this, and every agent reads it.',
    ),
  predicate,
  scope: z.strictObject({
    include: z
      .array(glob('A glob from the root, such as src/**/*.ts.'))
      .min(1)
      .max(50)
      .describe('Where the predicate is asked. The inventory is the files here for which it holds.'),
    exclude: z
      .array(
        z.strictObject({
          glob: glob('A glob from the root.'),
          why: z.string().min(1).max(500).describe('Shown to people beside each skipped file.'),
        }),
      )
      .max(50)
      .describe(
        'Files of the scope for which the predicate holds but which no migrator shall touch: generated, vendored, or given to a foundation or closing shard.',
      ),
  }),
  sharding: z.strictObject({
    by: z
      .enum(['directory', 'owner', 'size'])
      .describe('directory: the files of one directory (usual). owner: by CODEOWNERS. size: in path order, whatever the directories.'),
    maxFiles: z
      .int()
      .min(1)
      .max(40)
      .describe(
        'Files that one agent migrates at the most. 3 to 8 for ordinary files; 1 or 2 where each file needs thought; more where the change is tiny.',
      ),
  }),
  order: z
    .array(
      z.strictObject({
        files: glob('A glob from the root, as in scope: shards with such files …'),
        after: glob('… start when all shards with files that match this glob are accepted.'),
      }),
    )
    .max(20)
    .describe('Only where a shard cannot be right before another is done. Each rule costs parallelism. Usually empty.'),
  foundation: z
    .array(fixedShard)
    .max(20)
    .describe('Work outside of the inventory that must be there before any file is migrated. Usually empty or one.'),
  closing: z
    .array(fixedShard)
    .max(20)
    .describe(
      'Work outside of the inventory that is right only when all files are migrated. Not done when any file is left over. Usually empty or one.',
    ),
  guide: z
    .array(
      z.strictObject({
        id: z
          .string()
          .regex(/^G[1-9]\d?$/u)
          .describe('G1, G2, … in order.'),
        title: z.string().min(1).max(120).describe('A name for the rule that a reviewer would cite.'),
        text: z
          .string()
          .min(1)
          .max(6_000)
          .describe(
            'Markdown, as GitHub shows it: one decision, before and after in fenced code where there is code, and the case in which it does not apply.',
          ),
      }),
    )
    .min(1)
    .max(40)
    .describe('The named rules of this migration. Migrators follow them and verifiers judge by them, word for word the same.'),
  checks: z
    .array(
      z.strictObject({
        name: z
          .string()
          .regex(/^[a-z0-9][a-z0-9-]*$/u)
          .max(40)
          .describe('Lower-case letters, digits and dashes.'),
        run: z
          .string()
          .min(1)
          .max(4_000)
          .describe(
            'Text for sh, run at the root of a copy of the repository, without network, for 10 minutes at most. It may write there and to /tmp; nothing is kept. Success is exit 0.',
          ),
        when: z
          .enum(['shard', 'converged'])
          .describe(
            'shard: passes on the base, with any one shard migrated, and at the end. converged: can pass only when all shards are done.',
          ),
      }),
    )
    .max(20)
    .describe(
      "Commands that prove what the repository's own checks do not. Those are part of the plan already: leave them out, unless to raise one from converged to shard (same name, same command).",
    ),
  renames: z
    .array(
      z.strictObject({
        from: z.string().min(1).max(500).describe('A regular expression (flag u) for a whole path, such as src/(.*)\\.js'),
        to: z.string().min(1).max(500).describe('What the path becomes, with $1 …, such as src/$1.ts'),
      }),
    )
    .max(20)
    .describe('What files of shards may be renamed to. Agents may write no other new path. Empty when no file moves.'),
  touchesProtected: z.array(path).max(50).describe('Protected paths that this migration must change, one by one. Usually empty.'),
  risks: z
    .array(z.string().min(1).max(500))
    .max(20)
    .describe('What could go wrong that no check would show, one sentence each, most serious first: people look there.'),
  script: z
    .string()
    .min(1)
    .max(524_288)
    .describe('The word default, or a whole script in the dialect. The default is right for nearly every migration.'),
});
