import { byId } from './elements';

/** What a page is doing, or why it could not. */
export function say(text: string, kind: 'quiet' | 'problem' | 'working' = 'quiet'): void {
  const status = byId('status', HTMLElement);
  status.textContent = text;
  status.className = `status ${kind}`;
  status.hidden = text === '';
}

/** Why something went wrong, for people. */
export function reasonOf(error: unknown): string {
  if (error instanceof TypeError) return 'The app does not answer: has it been ended? Start it again with npm run app.';
  return error instanceof Error ? error.message : String(error);
}

/** Does something that takes its time; what goes wrong is said where the page says what it is doing. */
export function guarded(work: () => Promise<void>): void {
  work().catch((error: unknown) => {
    say(reasonOf(error), 'problem');
  });
}
