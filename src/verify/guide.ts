import type { Plan } from '../domain/plan.ts';

/**
 * The guide as every agent of a run reads it: the same bytes for migrators, revisers and verifiers, so that they are judged by what they were told
 * (and share one cached prefix).
 */
export function guideText(plan: Plan): string {
  const { title, intent, guide } = plan.draft;
  const rules = guide.map((rule) => `## ${rule.id}: ${rule.title.trim()}\n\n${rule.text.trim()}`);
  return [
    '# The guide of this migration',
    `**${title.trim()}**`,
    'What this migration promises, for all shards together (the rules below say what holds for a file):',
    intent.trim(),
    'These are its rules. Those who migrate and those who verify read them word for word alike; findings name them by their ids.',
    ...rules,
  ].join('\n\n');
}
