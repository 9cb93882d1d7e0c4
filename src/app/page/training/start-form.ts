import type { Field, TrainingChoices } from '../../training-answers';
import { element } from '../shared/elements';
import { Refused, type Request } from './api';
import { required } from '../../../foundation/required';

/** What fields are called in plain words. */
const LABELS: Readonly<Record<string, string>> = {
  description: 'Name',
  epochs: 'Epochs',
  batch_size: 'Batch size',
  lr: 'Learning rate',
  seed: 'Seed',
  optimizer: 'Optimizer',
  weight_decay: 'Weight decay',
  scheduler: 'Learning rate schedule',
  warmup_epochs: 'Warm-up epochs',
  early_stop: 'Stop early after epochs without a gain',
  grad_clip: 'Gradient clipping',
  accumulation_steps: 'Batches per update',
  label_smoothing: 'Label smoothing',
  class_weights: 'Class weights',
  dropout: 'Dropout',
  augment: 'Augmentation',
  normalize: 'Normalisation',
  emb_dim: 'Width of the model',
  num_heads: 'Attention heads',
  num_layers: 'Layers',
  max_len: 'Longest clip, in frames',
  num_buckets: 'Groups of clips by length',
};

/** What a training is started with: a model, a preset, data, and settings, each of which may be left as it is. */
export class StartForm {
  readonly root: HTMLFormElement;
  private readonly model: HTMLSelectElement;
  private readonly preset = element('select', { id: 'field-preset' });
  private readonly data: HTMLSelectElement;
  private readonly common = element('div', { class: 'fields' });
  private readonly further = element('div', { class: 'fields' });
  private readonly furtherBox = element('details', {}, element('summary', {}, 'More settings'), this.further);
  private readonly problem = element('p', { class: 'problem', role: 'alert' });
  private readonly button = element('button', { class: 'button primary' }, 'Start');
  private readonly inputs = new Map<string, HTMLInputElement | HTMLSelectElement>();

  /** @param start starts one, and refuses with a {@link Refused}. */
  constructor(
    private readonly choices: TrainingChoices,
    private readonly start: (request: Request) => Promise<void>,
  ) {
    this.model = element('select', { id: 'field-model' }, ...choices.models.map(({ name }) => element('option', { value: name }, name)));
    this.data = element('select', { id: 'field-data' }, ...choices.data.map(({ value, title }) => element('option', { value }, title)));
    const chosen = element(
      'div',
      { class: 'fields' },
      field('model', 'Model', this.model),
      field('data', 'Data', this.data),
      field('preset', 'Recipe', this.preset),
    );
    const intro = element('p', { class: 'quiet' }, 'Everything may stay as it is: what is grey is used where nothing is filled in.');
    const end = element('div', { class: 'controls' }, this.button, this.problem);
    this.root = element('form', { class: 'card start-form', novalidate: true, 'aria-labelledby': 'form-title' });
    this.root.append(element('h2', { id: 'form-title' }, 'Start a training'), intro, chosen, this.common, this.furtherBox, end);
    this.model.addEventListener('change', () => {
      this.showFields();
    });
    for (const select of [this.preset, this.data])
      select.addEventListener('change', () => {
        this.showDefaults();
      });
    this.root.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.submit();
    });
    this.showFields();
  }

  private chosenModel(): TrainingChoices['models'][number] {
    return required(
      this.choices.models.find(({ name }) => name === this.model.value),
      'the chosen model',
    );
  }

  private showFields(): void {
    const { name, presets, fields } = this.chosenModel();
    const titleOf = (preset: string): string => (preset === '' ? 'the usual one' : preset.replace(`${name}-`, ''));
    this.preset.replaceChildren(...presets.map((preset) => element('option', { value: preset.name }, titleOf(preset.name))));
    this.inputs.clear();
    const made = fields.map((described) => ({ described, input: this.inputFor(described) }));
    const shown = (isFurther: boolean): HTMLElement[] =>
      made
        .filter(({ described }) => described.is_further === isFurther)
        .map(({ described: { key, description }, input }) => field(key, LABELS[key] ?? key, input, description));
    this.common.replaceChildren(...shown(false));
    this.further.replaceChildren(...shown(true));
    this.showDefaults();
  }

  private inputFor({ key, choices }: Field): HTMLInputElement | HTMLSelectElement {
    const input =
      choices === null
        ? element('input', { type: 'text', id: `field-${key}`, autocomplete: 'off' })
        : element(
            'select',
            { id: `field-${key}` },
            element('option', { value: '' }),
            ...choices.map((word) => element('option', { value: word }, word)),
          );
    this.inputs.set(key, input);
    return input;
  }

  /** Shows what is used where nothing is filled in. */
  private showDefaults(): void {
    const { presets } = this.chosenModel();
    const { defaults } = required(
      presets.find(({ name }) => name === this.preset.value),
      'the chosen recipe',
    );
    const values = this.data.value === 'demo' ? defaults.demo : defaults.data;
    for (const [key, input] of this.inputs) {
      const value = values[key] ?? '';
      if (input instanceof HTMLInputElement) input.placeholder = value;
      else required(input.options[0], 'the option that leaves it').textContent = `as it is: ${value}`;
    }
  }

  private async submit(): Promise<void> {
    for (const [key, input] of this.fieldsShown()) mark(key, input, '');
    this.problem.textContent = '';
    this.button.disabled = true;
    const typed = [...this.inputs].map(([key, { value }]): [string, string] => [key, value.trim()]);
    const settings = Object.fromEntries(typed.filter(([, value]) => value !== ''));
    const preset = this.preset.value;
    try {
      await this.start({ model: this.model.value, data: this.data.value, settings, ...(preset === '' ? {} : { preset }) });
    } catch (error) {
      this.refuse(error);
    } finally {
      this.button.disabled = false;
    }
  }

  private refuse(error: unknown): void {
    if (!(error instanceof Refused)) {
      this.problem.textContent = 'The app does not answer: does it still run?';
      return;
    }
    const shown = new Map(this.fieldsShown());
    const elsewhere: string[] = [];
    let first: HTMLElement | undefined;
    for (const [key, said] of Object.entries(error.fields)) {
      const input = shown.get(key);
      if (input === undefined) elsewhere.push(said);
      else {
        mark(key, input, said);
        first ??= input;
        if (this.further.contains(input)) this.furtherBox.open = true;
      }
    }
    const some = first === undefined ? error.message : 'Something is not as it must be: see above.';
    this.problem.textContent = elsewhere.length > 0 ? elsewhere.join(' ') : some;
    first?.focus();
  }

  private fieldsShown(): (readonly [string, HTMLInputElement | HTMLSelectElement])[] {
    return [...this.inputs, ['model', this.model], ['data', this.data], ['preset', this.preset]];
  }
}

function field(key: string, label: string, input: HTMLElement, hint = ''): HTMLElement {
  const said = [...(hint === '' ? [] : [`hint-${key}`]), `problem-${key}`];
  input.setAttribute('aria-describedby', said.join(' '));
  return element(
    'div',
    { class: 'field' },
    element('label', { for: `field-${key}` }, label),
    input,
    element('p', { class: 'problem', id: `problem-${key}` }),
    ...(hint === '' ? [] : [element('p', { class: 'quiet hint', id: `hint-${key}` }, hint)]),
  );
}

/** Says what is wrong with a field; nothing where it is empty. */
function mark(key: string, input: HTMLElement, said: string): void {
  const place = document.getElementById(`problem-${key}`);
  if (place !== null) place.textContent = said;
  if (said === '') input.removeAttribute('aria-invalid');
  else input.setAttribute('aria-invalid', 'true');
}
