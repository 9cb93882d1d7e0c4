import { cosineSchedule, warmupCosineSchedule } from './by-epoch';
import { constantSchedule } from './constant';
import { PlateauSchedule } from './plateau';
import type { LearningRateSchedule } from './schedule';

export interface ScheduleSettings {
  readonly scheduler: 'none' | 'plateau' | 'cosine' | 'warmup_cosine';
  readonly lr: number;
  readonly epochs: number;
  readonly plateau_factor: number;
  readonly plateau_patience: number;
  readonly warmup_epochs: number;
}

/** The schedule that the settings name, before its first epoch. */
export function chooseSchedule(settings: ScheduleSettings): LearningRateSchedule {
  switch (settings.scheduler) {
    case 'none':
      return constantSchedule(settings.lr);
    case 'plateau':
      return new PlateauSchedule(settings.lr, settings.plateau_factor, settings.plateau_patience);
    case 'cosine':
      return cosineSchedule(settings.lr, settings.epochs);
    case 'warmup_cosine':
      return warmupCosineSchedule(settings.lr, settings.epochs, settings.warmup_epochs);
  }
}
