import { expect, test } from 'vitest';
import { pause as pauseCommand } from '../../src/control/pause.ts';
import { resume as resumeCommand } from '../../src/control/resume.ts';
import { agentsText } from '../../src/domain/allowance.ts';
import { heldBy } from '../../src/domain/hold.ts';
import { foldRun } from '../../src/domain/run-state.ts';
import { comment, openOffice, RUN, plain } from './support.ts';

const pause = plain(pauseCommand);
const resume = plain(resumeCommand);

test('the last word counts: pause holds, resume and stop let go', () => {
  const said = (...names: readonly string[]) => heldBy(names.map((name) => ({ name, by: name })));
  expect(said()).toBeNull();
  expect(said('approve', 'pause', 'approve')).toEqual({ by: 'pause' });
  expect(said('pause', 'resume')).toBeNull();
  expect(said('pause', 'resume', 'pause')).toEqual({ by: 'pause' });
  expect(said('pause', 'stop')).toBeNull();
});

test('a comment that is carried out again pauses and resumes once', async () => {
  const { desk, journal, driven } = await openOffice();
  const first = await pause(desk, comment(1));
  expect(await pause(desk, comment(1))).toBe(first);
  expect(await pause(desk, comment(2))).toContain('It is paused already, by mona');
  const going = await resume(desk, comment(3));
  expect(await resume(desk, comment(3))).toBe(going);
  expect((await journal.signals(RUN)).map(({ id, name }) => [id, name])).toEqual([
    ['1', 'pause'],
    ['3', 'resume'],
  ]);
  expect(foldRun(await journal.events(RUN)).held).toBeNull();
  expect(driven).toEqual([RUN, RUN, RUN, RUN]);
});

test('a run that paused by itself is tried at once; at a limit it is told what raises it', async () => {
  const { desk, journal, driven } = await openOffice();
  expect(await resume(desk, comment(1))).toContain('It is not paused');
  await journal.append(RUN, [{ type: 'run.paused', reason: 'model-down', message: 'The model service does not answer.' }]);
  expect(await resume(desk, comment(2))).toBe('Trying again now. It had paused because of this: The model service does not answer.');
  expect(driven).toEqual([RUN]);
  const message = agentsText(100);
  await journal.append(RUN, [{ type: 'run.paused', reason: 'budget', message }]);
  const reply = await resume(desk, comment(3));
  expect(reply).toBe(`Trying again now. While that limit stands, it pauses again. It had paused because of this: ${message}`);
  expect(reply).toContain('/workflow budget +');
});
