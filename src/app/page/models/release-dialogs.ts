import { element } from '../shared/elements';
import { fetchFindings, promoteModel, releaseModel, type Bump, type ModelView } from '../shared/registry';
import { reasonOf } from '../shared/status';

/** Asks whether a model is to be promoted, says what that does, and does it. */
export function openPromotion({ model, evaluation, production }: ModelView, onDone: () => void): void {
  const half = element('input', { type: 'checkbox' });
  open({
    title: `Promote ${model.name}?`,
    consequences: [
      'Its best checkpoint is written anew as one for use: the weights alone, with the names of the signs.',
      `Both are evaluated on its ${evaluation?.data.clips ?? ''} validation clips, and must say the same. That takes as long as two evaluations.`,
      'Its stage becomes “production”.',
      ...(production === null ? [] : [`${production.file}, which is there already, is replaced.`]),
    ],
    fields: [element('label', {}, half, ' Half the size: weights as float16; how much that changes is measured')],
    action: 'Promote',
    working: 'Evaluating both checkpoints …',
    work: async () => {
      const { warnings } = await promoteModel(model.name, half.checked ? 'float16' : 'float32');
      return { said: `${model.name} is in production.`, warnings };
    },
    onDone,
  });
}

const BUMPS: readonly { readonly bump: Bump; readonly said: string }[] = [
  { bump: 'minor', said: 'a better model' },
  { bump: 'patch', said: 'a mended one' },
  { bump: 'major', said: 'whoever uses it must change too: other signs, another architecture' },
];

/** Asks how a model is to be released, says what that does, and does it. */
export function openRelease({ model, baseline, next_versions: next }: ModelView, onDone: () => void): void {
  const radios = BUMPS.map(({ bump, said }) => {
    const radio = element('input', { type: 'radio', name: 'bump', value: bump, checked: bump === (baseline === null ? 'major' : 'minor') });
    return { bump, radio, label: element('label', {}, radio, ` v${next?.[bump] ?? '?'} (${bump}): ${said}`) };
  });
  const notes = element('textarea', { id: 'notes', rows: 3, required: true, placeholder: 'A line each: fewer confusions among numbers' });
  const regression = element('input', { type: 'checkbox' });
  const tag = element('input', { type: 'checkbox' });
  open({
    title: `Release ${model.name}?`,
    consequences: [
      'It gets the next version; its checkpoint for use and its evaluation are kept under that version, and nothing writes over them any more.',
      baseline === null
        ? 'It is its first release: there is nothing to set it against.'
        : `It is set against ${baseline} on the same clips. Where it is less accurate, nothing is released unless you say so below.`,
      'Its changelog gets an entry, and its stage becomes “production”.',
    ],
    fields: [
      findingsOf(model.name),
      element('fieldset', {}, element('legend', {}, 'Version'), ...radios.map(({ label }) => label)),
      element('label', { for: 'notes' }, 'What changed, and why'),
      notes,
      element('label', {}, regression, ' Release it even if it is less accurate'),
      element('label', {}, tag, ' Make a git tag of it'),
    ],
    action: 'Release',
    working: 'Evaluating it, and the release before …',
    work: async () => {
      const bump = radios.find(({ radio }) => radio.checked)?.bump ?? 'minor';
      const lines = notes.value.split('\n').filter((line) => line.trim() !== '');
      if (lines.length === 0) throw new Error('What changed? A line or two, for whoever reads the changelog.');
      const { version, warnings } = await releaseModel(model.name, {
        bump,
        notes: lines,
        allow_regression: regression.checked,
        tag: tag.checked,
      });
      return { said: `${model.name} v${version} is released.`, warnings };
    },
    onDone,
  });
}

/** What of the model's folder is not as it should be: better known before it is released than after. */
function findingsOf(name: string): HTMLElement {
  const place = element('div', { 'aria-live': 'polite' }, element('p', { class: 'quiet' }, 'Looking its folder over …'));
  fetchFindings(name)
    .then((findings) => {
      const lines = findings.map(({ place: file, what, todo }) => element('li', {}, `${file === '' ? '' : `${file}: `}${what}; ${todo}`));
      place.replaceChildren(
        lines.length === 0
          ? element('p', { class: 'good' }, '✓ Its folder is as it should be.')
          : element('div', { class: 'doubts' }, element('strong', {}, 'To look at first:'), element('ul', {}, ...lines)),
      );
    })
    .catch((error: unknown) => {
      place.replaceChildren(element('p', { class: 'problem' }, reasonOf(error)));
    });
  return place;
}

interface Asked {
  readonly title: string;
  /** What it will do, a sentence each. */
  readonly consequences: readonly string[];
  readonly fields: readonly HTMLElement[];
  /** What the button is called. */
  readonly action: string;
  readonly working: string;
  readonly work: () => Promise<{ readonly said: string; readonly warnings: readonly string[] }>;
  readonly onDone: () => void;
}

/** A dialog that says what will happen, and does it once one agrees. What goes wrong is listed in it. */
function open({ title, consequences, fields, action, working, work, onDone }: Asked): void {
  const outcome = element('div', { 'aria-live': 'polite' });
  const agree = element('button', { type: 'submit', class: 'primary' }, action);
  const cancel = element('button', { type: 'button' }, 'Cancel');
  const form = element(
    'form',
    { method: 'dialog' },
    element('h2', { id: 'dialog-title' }, title),
    element('ul', {}, ...consequences.map((text) => element('li', {}, text))),
    ...fields,
    outcome,
    element('div', { class: 'actions' }, cancel, agree),
  );
  const dialog = element('dialog', { 'aria-labelledby': 'dialog-title' }, form);
  let [isWorking, isDone] = [false, false];
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (isDone) {
      dialog.close();
      return;
    }
    if (isWorking) return;
    isWorking = true;
    agree.disabled = true;
    cancel.disabled = true;
    outcome.replaceChildren(element('p', { class: 'status working' }, working));
    work()
      .then(({ said, warnings }) => {
        isDone = true;
        outcome.replaceChildren(element('p', { class: 'good' }, said), ...listed(warnings));
        cancel.hidden = true;
        agree.textContent = 'Close';
      })
      .catch((error: unknown) => {
        const [first = '', ...more] = reasonOf(error).split('\n');
        outcome.replaceChildren(element('p', { class: 'problem' }, 'Nothing was changed. ', first), ...listed(more));
      })
      .finally(() => {
        isWorking = false;
        agree.disabled = false;
        cancel.disabled = false;
        agree.focus();
      });
  });
  cancel.addEventListener('click', () => {
    dialog.close();
  });
  dialog.addEventListener('cancel', (event) => {
    if (isWorking) event.preventDefault();
  });
  dialog.addEventListener('close', () => {
    dialog.remove();
    if (isDone) onDone();
  });
  document.body.append(dialog);
  dialog.showModal();
}

function listed(lines: readonly string[]): HTMLElement[] {
  return lines.length === 0 ? [] : [element('ul', {}, ...lines.map((line) => element('li', {}, line)))];
}
