import { numberFrom, positiveNumber, setting, settingOrNone, text } from './setting';

const group = 'Training';

/** What a training learns of a trained model beside its labels. */
export const distillationSettings = {
  teacher: settingOrNone(
    text('the path of a model folder or a .pt file, or several with commas between them'),
    'the labels alone are learnt',
    {
      group,
      description:
        'Learn what this trained model gives for the training clips too (distillation, Hinton 2015): a folder stands for its _best.pt. Several, with commas between them, teach the mean of what they give.',
      aliases: ['teacher_model'],
    },
  ),
  teacher_weight: setting(numberFrom(0, 1), 0.5, {
    group,
    description: "The teacher's share of the loss of both heads; the labels have the rest.",
    aliases: ['distillation_weight'],
  }),
  teacher_temperature: setting(positiveNumber(), 2, {
    group,
    description:
      "What the logits of teacher and student are divided by when they are compared: the larger, the more the teacher's unlikely classes count.",
    aliases: ['distillation_temperature'],
  }),
} as const;
