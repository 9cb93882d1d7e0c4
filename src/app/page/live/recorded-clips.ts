import type { KeypointClip } from '../../../data/keypoint-clip';
import { CLIP_RATE } from '../../../extraction/clip-of-landmarks';
import { counted } from '../../../foundation/text';
import type { Prediction } from '../shared/api';
import { byId, element, percent } from '../shared/elements';
import { npzOfClip, zipOfClips, type LabelledClip } from './clip-files';

/** A clip in the list, with the field that names its sign. */
interface RecordedClip {
  readonly name: string;
  readonly clip: KeypointClip;
  readonly label: HTMLInputElement;
  readonly row: HTMLElement;
}

/** The clips that were recorded, each with its sign, to download one by one or as a folder to train on. */
export class RecordedClips {
  private readonly list = byId('clips', HTMLElement);
  private readonly all = byId('all-clips', HTMLElement);
  private readonly note = byId('all-clips-note', HTMLElement);
  private readonly signs = byId('known-signs', HTMLElement);
  private readonly downloadAll = byId('download-all', HTMLAnchorElement);
  private clips: RecordedClip[] = [];

  constructor() {
    offer(this.downloadAll, () => new Blob([zipOfClips(this.labelled())], { type: 'application/zip' }));
    addEventListener('beforeunload', (event) => {
      if (this.clips.length > 0) event.preventDefault(); // They are nowhere else.
    });
  }

  /** Adds a clip of a sign; what the model sees in it comes later. */
  add(clip: KeypointClip, sign: string, seen: Promise<Prediction | undefined>): void {
    const name = nameNow();
    const label = element('input', { type: 'text', maxlength: 100, value: sign, autocomplete: 'off', list: 'known-signs' });
    const download = element('a', { class: 'button', download: `${name}.npz` }, 'Download');
    const remove = element('button', { type: 'button', 'aria-label': `Remove ${name}` }, 'Remove');
    const verdict = element('span', { class: 'quiet' }, 'The model looks at it …');
    const row = element(
      'li',
      {},
      element('label', {}, 'Sign ', label),
      element('span', { class: 'quiet' }, `${(clip.frames / CLIP_RATE).toFixed(1)} s`),
      verdict,
      download,
      remove,
    );
    const recorded: RecordedClip = { name, clip, label, row };
    offer(download, () => new Blob([npzOfClip({ name, clip, sign: signOf(recorded) })], { type: 'application/octet-stream' }));
    label.addEventListener('input', () => {
      this.refresh();
    });
    remove.addEventListener('click', () => {
      this.clips = this.clips.filter((one) => one !== recorded);
      row.remove();
      this.refresh();
    });
    void seen.then((prediction) => {
      const best = prediction?.gloss[0];
      verdict.textContent = best === undefined ? '' : `The model sees ${best.label}, ${percent(best.probability)}`;
    });
    this.clips.push(recorded);
    this.list.prepend(row);
    this.refresh();
  }

  private labelled(): LabelledClip[] {
    return this.clips.map((one) => ({ name: one.name, clip: one.clip, sign: signOf(one) })).filter(({ sign }) => sign !== '');
  }

  private refresh(): void {
    const ready = this.labelled();
    const signs = [...new Set(ready.map(({ sign }) => sign))].sort();
    const unnamed = this.clips.length - ready.length;
    this.all.hidden = this.clips.length === 0;
    this.downloadAll.hidden = ready.length === 0;
    this.note.textContent = [
      `${counted(ready.length, 'clip')} of ${counted(signs.length, 'sign')}`,
      ...(unnamed === 0 ? [] : [`${counted(unnamed, 'clip has', 'clips have')} no sign yet and would stay out`]),
    ].join('; ');
    this.signs.replaceChildren(...signs.map((sign) => element('option', { value: sign })));
  }
}

function signOf({ label }: RecordedClip): string {
  return label.value.trim().replaceAll(/\s+/gu, ' ');
}

/** `2026-11-26_14-45-03-120`: clips of several days go into one folder. */
function nameNow(): string {
  const now = new Date();
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join('-');
  return `${day}_${[now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join('-')}-${String(now.getMilliseconds()).padStart(3, '0')}`;
}

/** Makes a link give a file that is made when it is asked for. */
function offer(link: HTMLAnchorElement, make: () => Blob): void {
  link.href = '#';
  link.addEventListener('click', () => {
    const address = URL.createObjectURL(make());
    link.href = address;
    setTimeout(() => {
      URL.revokeObjectURL(address);
    }, 60_000);
  });
}
