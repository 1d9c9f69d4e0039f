import { isTableMetric, type MetricName, type TableMetric } from '../../contract/metrics.js';
import type { Language } from '../../contract/settings.js';

/** What each metric is called in each language of the report. */
export const metricWords: Readonly<Record<Language, Readonly<Record<TableMetric, string>>>> = {
  en: {
    accuracy: 'Accuracy',
    top5: 'Top-5 accuracy',
    macroF1: 'Macro F1',
    auroc: 'AUROC',
    miou: 'Mean IoU',
    pixelAccuracy: 'Pixel accuracy',
    logLoss: 'Log loss',
    ece: 'Calibration error (ECE)',
    rmse: 'Root mean square error',
    mae: 'Mean absolute error',
    r2: 'R²',
    reconstructionError: 'Reconstruction error of normal samples',
  },
  ja: {
    accuracy: '正解率',
    top5: '上位5位正解率',
    macroF1: 'マクロF1',
    auroc: 'AUROC',
    miou: '平均IoU',
    pixelAccuracy: '画素正解率',
    logLoss: '対数損失',
    ece: '較正誤差（ECE）',
    rmse: '二乗平均平方根誤差（RMSE）',
    mae: '平均絶対誤差（MAE）',
    r2: '決定係数（R²）',
    reconstructionError: '正常サンプルの再構成誤差',
  },
};

/** What a metric is called: one of the user's own as its file is, in every language. */
export function metricWord(words: Readonly<Record<TableMetric, string>>, name: MetricName): string {
  return isTableMetric(name) ? words[name] : name;
}
