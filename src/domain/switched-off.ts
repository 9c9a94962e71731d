/** The operator's word that nothing more is spent, until they take it back. */
export interface SwitchedOff {
  /** In the operator's words; empty when they gave none. */
  readonly reason: string;
}

/** Where turns of the switch are kept, and nothing else. */
export const SWITCH_SCOPE = 'operator/switch';

/** `where` of a turn that all processes on the same journal obey. */
export const EVERYWHERE = '';

/** Longest reason that is told. */
const MOST = 300;

/** One line, however it was written down. */
export function reasonIn(text: string): string {
  return text.replaceAll(/\s+/gu, ' ').trim().slice(0, MOST);
}

/** What people read of it. */
export function switchedOffText({ reason }: SwitchedOff): string {
  return `The operator has switched Converge off${reason === '' ? '' : ` (${reason})`}. No agent asks the model anything and nothing is pushed; what is finished is kept. Runs go on by themselves when it is switched on again.`;
}

/** For whoever asks for its health, who may be anybody: without the reason. */
export const SWITCHED_OFF_HEALTH = 'switched off by the operator: nothing is spent until it is switched on again';
