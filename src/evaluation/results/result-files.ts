/** The files of `evaluation_results`, by what they are. */
export const RESULT_FILES = {
  report: 'report.html',
  summary: 'summary_metrics.csv',
  perClass: 'per_class_metrics.csv',
  perCategory: 'per_class_metrics_category.csv',
  predictions: 'predictions.csv',
  confusionTable: 'confusion_matrix.csv',
  confusionPicture: 'confusion_matrix.png',
  categoryConfusionTable: 'confusion_matrix_category.csv',
  confusionPairs: 'confusion_pairs.csv',
  categoryConfusionPairs: 'confusion_pairs_category.csv',
  categoryConfusionPicture: 'confusion_matrix_category.png',
  curves: 'training_curves.png',
  reliability: 'reliability.png',
  /** What a program reads, written last: where it is, all the others are of the same evaluation. */
  document: 'evaluation.json',
} as const;
