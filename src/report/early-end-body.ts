import { dollars, type MicroDollars } from '../domain/budget.ts';
import type { Ledger } from '../domain/ledger.ts';
import type { Plan } from '../domain/plan.ts';
import type { Place } from '../domain/run.ts';
import { ledgerTable, STATUS_WORDS } from './ledger.ts';
import { code, line, paragraphs, prose } from './markdown.ts';
import { origin } from './pull-request.ts';

export interface EarlyEnd {
  readonly run: string;
  readonly place: Place;
  readonly plan: Plan;
  readonly status: 'stopped' | 'failed';
  readonly why: string;
  readonly ledger: Ledger;
  readonly spent: MicroDollars;
}

/** What all else leaves of a body. */
const LEDGER_ROOM = 45_000;

/** The pull request's body of a run that ended before its report: what is in it, and what is not. */
export function earlyEndBody({ run, place, plan, status, why, ledger, spent }: EarlyEnd): string {
  const delivered = ledger.some(({ ending }) => ending === 'migrated');
  return paragraphs(
    `## ${STATUS_WORDS[status]}`,
    line(why, 1000),
    delivered
      ? 'Commits were delivered, each with its gates passed and its reviewers’ acceptance; **the whole was not proved**: neither the checks nor CI were waited for.'
      : 'Nothing was delivered: this draft holds an empty commit. It can be closed.',
    prose(plan.draft.intent),
    origin(place),
    `### Ledger\n\n${ledgerTable(ledger, { characters: LEDGER_ROOM, pageUrl: null })}`,
    `It cost ${dollars(spent)}.`,
    `<sub>Converge run ${code(run)}</sub>`,
  );
}
