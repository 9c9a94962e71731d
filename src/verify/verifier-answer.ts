import { z } from 'zod';

const evidence = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('lines'),
      before: z
        .string()
        .describe(
          'One run of text of the file in `path` as it was before the change: part of a line (three characters at least), or several whole adjacent lines; removed or unchanged. Copied exactly, without diff marks. Empty when only what is there now matters.',
        ),
      after: z
        .string()
        .describe(
          'The same of the file in `path` as it is after the change, without diff marks or line numbers. Empty when something was only lost.',
        ),
    }),
    z.strictObject({
      kind: z.literal('command'),
      name: z
        .string()
        .describe('Name of the check that you ran with the tool `check` and that failed. It is run again before the finding may block.'),
      output: z.string().describe('The lines of its output that show the failure.'),
    }),
  ])
  .nullable()
  .describe(
    'What proves a blocking finding. Code looks it up; what is missing or cannot be found again makes the finding a note, which blocks nothing. Null is enough for a note.',
  );

const finding = z.strictObject({
  rule: z
    .string()
    .min(1)
    .describe(
      "What is broken: the id of the guide's rule, such as `G2`; `task`, the shard's own task; when it is neither, `unmigrated` (something was left), `behaviour` (also what the migration promises for all shards), `tests` or `scope`.",
    ),
  severity: z
    .enum(['blocking', 'note'])
    .describe(
      '`blocking`: the change must not be delivered like this, and you can prove it. `note`: worth knowing, or you cannot prove it.',
    ),
  path: z
    .string()
    .min(1)
    .describe('Path of a file of this shard, from the root of the repository. What other files prove belongs in the claim.'),
  line: z
    .int()
    .min(1)
    .nullable()
    .describe(
      'Line number: in the file after the change for side RIGHT, before it for side LEFT. Null when the finding is about the file as a whole.',
    ),
  side: z.enum(['LEFT', 'RIGHT']).describe('RIGHT for text that is there after the change, LEFT for text that the change removed.'),
  claim: z
    .string()
    .min(1)
    .describe(
      'One to three sentences for the person who will mend it: what is wrong, what happens because of it (an input and its result, before and after), and what would be right.',
    ),
  evidence,
});

/** What a verifier submits: everything it objects to. An empty list accepts the change. */
export const verifierAnswer = z.strictObject({
  findings: z
    .array(finding)
    .max(50)
    .describe('All that you object to, the gravest first. An empty list means that you looked through all of the diff and found nothing.'),
});

export type VerifierAnswer = z.infer<typeof verifierAnswer>;
