import { z } from 'zod';

const evidence = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('lines'),
      before: z
        .string()
        .describe(
          'The line or lines before the change that prove it, copied exactly from the diff without its leading mark; empty when only the new text matters.',
        ),
      after: z
        .string()
        .describe(
          'The line or lines after the change that prove it, copied exactly from the diff or the file without marks or line numbers; empty when something was only lost.',
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
    'What proves the claim. Code looks it up; a finding whose evidence is missing or cannot be found again is kept as a note and blocks nothing.',
  );

const finding = z.strictObject({
  rule: z
    .string()
    .min(1)
    .describe("Id of the guide's rule that is broken, such as `G2`; or `behaviour`, `tests` or `scope` when it is none of the rules."),
  severity: z
    .enum(['blocking', 'note'])
    .describe(
      '`blocking`: the change must not be delivered like this, and you can prove it. `note`: worth knowing, or you cannot prove it.',
    ),
  path: z.string().min(1).describe('Path of the file, from the root of the repository, as the diff names it.'),
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
    .describe(
      'All that you object to, the gravest first; each thing once. An empty list means that you looked through all of the diff and found nothing.',
    ),
});

export type VerifierAnswer = z.infer<typeof verifierAnswer>;
