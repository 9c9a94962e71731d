import type { Agents } from './agents/agent.ts';
import type { Person } from './domain/events.ts';
import type { Plan } from './domain/plan.ts';
import type { Place, Settings } from './domain/run.ts';
import type { Repository } from './git/workspace.ts';
import type { Hub } from './github/hub.ts';
import type { Journal } from './journal/journal.ts';
import type { Step } from './journal/step.ts';
import type { OpenPredicate } from './plan/predicate.ts';
import type { Commands } from './sandbox/commands.ts';

/** What the migration of one run is given: what was asked, and every port, opened. */
export interface House {
  readonly run: string;
  readonly place: Place;
  readonly requester: Person;
  /** What people asked for; untrusted text. */
  readonly task: string;
  readonly settings: Settings;
  readonly journal: Journal;
  /** Which replay of the script this is, from 1. What is done anew in each carries its number (domain/generation.ts). */
  readonly generation: number;
  readonly step: Step;
  readonly hub: Hub;
  readonly repository: Repository;
  readonly agents: Agents;
  readonly commands: Commands;
  readonly planner: Planner;
  readonly scripts: Scripts;
  readonly predicates: Predicates;
  /** Whether people are waited for in this process; else the run is let go, and driven again when somebody has said something. */
  readonly patient: boolean;
  /** The run's page, for links; null when people cannot reach it. */
  readonly pageUrl: string | null;
  /** Who stopped the run so that what is accepted is delivered first: no agent starts any more; null while it goes on. */
  readonly stoppedBy: string | null;
  /** Aborts when the run is stopped or this process ends. */
  readonly signal: AbortSignal;
}

export interface PlanRequest {
  /** 1 for the first plan of the run. */
  readonly round: number;
  readonly base: Plan['base'];
  /** The plan before, and what a person wants to be different. */
  readonly revision: {
    readonly previous: Plan;
    readonly text: string;
    /** Who made it necessary: a person who asked for something else, or a base that moved. */
    readonly by: 'person' | 'base';
  } | null;
}

export type Planned = { readonly kind: 'planned'; readonly plan: Plan } | { readonly kind: 'refused'; readonly reason: string };

export interface Planner {
  plan(house: House, request: PlanRequest): Promise<Planned>;
}

export type Executed =
  | { readonly kind: 'returned'; readonly divergences: number }
  /** A person stopped the run before the script had ended. */
  | { readonly kind: 'stopped'; readonly by: string }
  | { readonly kind: 'failed'; readonly message: string; readonly site: string | null };

/** The plan's question, ready to be asked; whoever opens it closes it. */
export interface Predicates {
  open(plan: Plan): Promise<OpenPredicate>;
}

export interface Scripts {
  /** The default script's text. */
  readonly standard: string;
  run(house: House, plan: Plan): Promise<Executed>;
}

/** Structured: facts first, then a sentence. */
export interface Log {
  info(facts: object, text: string): void;
  warn(facts: object, text: string): void;
  error(facts: object, text: string): void;
}
