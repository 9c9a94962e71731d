import { html } from './html.ts';
import type { Html } from './html.ts';
import type { Account, View } from './view.ts';
import { profileUrl } from './view.ts';

/** No picture comes from anywhere: an initial on a colour that is the login's own. */
export function avatar(account: Pick<Account, 'login' | 'type'>, size = 40): Html {
  const hue = account.login.split('').reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 360, 7);
  const shape = account.type === 'User' ? 'round' : 'angular';
  return html`<span class="avatar ${shape}" style="--hue:${hue};--size:${size}px" aria-hidden="true"
    >${account.login.slice(0, 1).toUpperCase()}</span
  >`;
}

/** Login with a link, and the badge of Apps. */
export function author(view: View, account: Account): Html {
  const bot = account.type === 'Bot';
  const name = bot ? account.login.replace(/\[bot\]$/u, '') : account.login;
  return html`<a class="author" href="${profileUrl(view.hub.url, account)}">${name}</a>${bot && html`<span class="badge">bot</span>`}`;
}

const STEPS = [
  [60, 1, 'second'],
  [3600, 60, 'minute'],
  [86_400, 3600, 'hour'],
  [2_592_000, 86_400, 'day'],
] as const;

const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const DAY = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeZone: 'UTC' });

/** `3 minutes ago`, with the exact time on hovering. */
export function moment(view: View, at: number): Html {
  const seconds = Math.max(0, Math.round((view.now - at) / 1000));
  const step = STEPS.find(([below]) => seconds < below);
  const text = step ? RELATIVE.format(-Math.floor(seconds / step[1]), step[2]) : `on ${DAY.format(at)}`;
  const exact = new Date(at).toISOString();
  return html`<time datetime="${exact}" title="${exact.slice(0, 19).replace('T', ' ')} UTC">${text}</time>`;
}

/** `8 s`, `2 m 5 s`. */
export function lasted(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
}
