import type { Language } from '../../contract/settings.js';
import { code, type Inline, type Rich, rich } from '../document.js';

const en = {
  title: (model: string) => `${model} from scratch: ReLU against FReLU`,
  headline: (better: number, worse: number, starts: number) =>
    better > 0 || worse > 0
      ? `Of ${starts} starts of FReLU, ${better} ${better === 1 ? 'is' : 'are'} established to be better than ReLU, ${worse} to be worse`
      : `None of ${starts} starts of FReLU is established to be better or worse than ReLU`,
  headlineOfOne: (better: number, worse: number, starts: number) =>
    better > 0 || worse > 0
      ? `With this one seed, ${better} of ${starts} starts of FReLU ${better === 1 ? 'is' : 'are'} better than ReLU, and ${worse} worse, by more than the chance of the test samples; another seed may say otherwise`
      : `With this one seed, none of ${starts} starts of FReLU differs from ReLU by more than the chance of the test samples`,
  verdict: (metric: string, seeds: Inline): Rich =>
    rich`Judged by ${metric} on the test split, at 95 % for each start; ${seeds} seeds. The model is untouched.`,
  verdictOfOne: (metric: string): Rich =>
    rich`Judged by ${metric} on the test split, at 95 % for each start; one seed. The model is untouched.`,
  oneSeed: rich`One seed was trained: the intervals hold the chance of the test samples alone, not that of training, which ${code('--seeds 3')} measures.`,
  oneLeft: (arm: string): Rich =>
    rich`${arm}: of one seed alone both arms were trained to their ends. The interval holds the chance of the test samples alone, and establishes nothing.`,
  untouched: 'The model is untouched.',
  before: 'The model as it came, with the weights that it has',
  rate: 'Learning rate',
  found: (rates: string) => `each arm’s own: of ${rates}, that at which its first seed validated best`,
  epochs: 'Epochs',
  arms: 'Arms',
  relu: 'ReLU',
  frelu: (init: Inline): Rich => rich`FReLU, b from ${init}`,
  method:
    'Of one seed, all arms begin with the same fresh weights and see the same batches in the same order. What an arm keeps is the epoch that validated best; the test split took part in no choice.',
  table: (metric: string) => `${metric} on the test split, over the seeds`,
  tableOfOne: (metric: string) => `${metric} on the test split, one seed`,
  arm: 'Arm',
  mean: 'Mean',
  deviation: 'Standard deviation',
  vsRelu: 'Against ReLU',
  interval: '95 % interval',
  samples: 'Samples until ReLU’s loss',
  samplesNote:
    'How many training samples FReLU needed until the validation loss that ReLU ended with, as a multiple of those that ReLU needed: the median over the seeds that came down to it, and how many did.',
  reached: (ratio: Inline, reached: Inline, seeds: Inline): Rich => rich`${ratio} (${reached} of ${seeds})`,
  reachedUntrained: (reached: Inline, seeds: Inline): Rich => rich`there before any training (${reached} of ${seeds})`,
  offsets: 'b learned',
  offsetsCell: (mean: Inline, lowest: Inline, highest: Inline): Rich => rich`${mean} (${lowest} to ${highest})`,
  seedTable: 'Seed by seed',
  seed: (seed: Inline): Rich => rich`seed ${seed}`,
  failed: 'failed',
  why: (arm: string, seed: Inline, why: string): Rich => rich`${arm}, seed ${seed}: ${why}`,
  retreated: (arm: string, seed: Inline, rate: Inline): Rich =>
    rich`${arm}, seed ${seed}: diverged, and went on at the learning rate ${rate}.`,
  curves: 'Learning curves',
  loss: 'Validation loss, mean over the seeds',
  lossOfOne: 'Validation loss, one seed',
  lossAlt: (ends: readonly string[]) => `Line chart of the validation loss. ${ends.join('. ')}.`,
  end: (arm: string, from: string, to: string) => `${arm}: from ${from} to ${to}`,
  trained: 'Training samples seen',
  weights: 'Fresh weights',
  frameworks: {
    pytorch: 'Drawn as the layers of PyTorch draw their weights by default.',
    keras: 'Drawn as the layers of Keras draw their weights by default.',
  },
  rules: {
    'kaiming-uniform': 'Kaiming’s uniform distribution (a = √5), weights',
    'fan-in-uniform': 'Uniform within 1 / √inputs, biases and recurrent weights',
    'glorot-uniform': 'Glorot’s uniform distribution, weights',
    orthogonal: 'Orthogonal, recurrent weights',
    'unit-forget-gate': '0, and 1 for the forget gate',
    normal: 'Normal distribution, embeddings and tokens',
    uniform: 'Uniform within 0.05, embeddings',
    constant: 'One number, slopes',
    ones: '1, scales and variances',
    zeros: '0, biases, shifts and means',
  } as Readonly<Record<string, string>>,
  rule: 'How',
  tensors: 'Tensors',
  elements: 'Numbers',
  kept: (names: string): Rich => rich`Of no known layer, and therefore started as the model has them: ${names}.`,
  unnormalized:
    'The file holds no normalization: exporters fold that by a batch into the convolutions before it. A deep network may learn badly without, with any activation function; export it with its normalization to compare what you train: torch.onnx.export(model.eval(), ..., training=TrainingMode.PRESERVE, do_constant_folding=False, dynamo=False).',
  settings: 'Settings',
  setting: 'Setting',
  value: 'Value',
};

export type ScratchText = typeof en;

const ja: ScratchText = {
  title: (model) => `${model}のゼロからの学習: ReLUとFReLUの比較`,
  headline: (better, worse, starts) =>
    better > 0 || worse > 0
      ? `FReLUの${starts}通りの初期値のうち、ReLUより良いと確認できたのは${better}通り、悪いと確認できたのは${worse}通りです`
      : `FReLUの${starts}通りの初期値のいずれについても、ReLUとの優劣は確認できませんでした`,
  headlineOfOne: (better, worse, starts) =>
    better > 0 || worse > 0
      ? `今回の1つのシードでは、FReLUの${starts}通りの初期値のうち、テストサンプルの偶然を超えてReLUより良かったのは${better}通り、悪かったのは${worse}通りです。別のシードでは異なる可能性があります`
      : `今回の1つのシードでは、FReLUの${starts}通りの初期値のいずれも、ReLUとの差はテストサンプルの偶然の範囲内でした`,
  verdict: (metric, seeds) =>
    rich`テストデータの${metric}による判定で、水準は初期値ごとに95％、乱数シードは${seeds}個です。モデルは変更していません。`,
  verdictOfOne: (metric) =>
    rich`テストデータの${metric}による判定で、水準は初期値ごとに95％、乱数シードは1個です。モデルは変更していません。`,
  oneSeed: rich`学習は1つの乱数シードで行いました。区間が表すのはテストサンプルの偶然だけで、学習の偶然は含みません。後者は ${code('--seeds 3')} で測れます。`,
  oneLeft: (arm) =>
    rich`${arm}: ReLUとともに最後まで学習できたシードは1つだけです。区間が表すのはテストサンプルの偶然だけで、優劣を確認したことにはなりません。`,
  untouched: 'モデルは変更していません。',
  before: '元のモデル（学習済みの重みのまま）',
  rate: '学習率',
  found: (rates) => `系列ごとに選択（${rates}のうち、最初のシードの検証結果が最良のもの）`,
  epochs: 'エポック数',
  arms: '系列',
  relu: 'ReLU',
  frelu: (init) => rich`FReLU（bの初期値 ${init}）`,
  method:
    '同じ乱数シードでは、全系列が同じ初期重みから始まり、同じミニバッチを同じ順に学習します。各系列では検証データで最良だったエポックを採用し、テストデータは選択に一切使っていません。',
  table: (metric) => `テストデータの${metric}（全シード）`,
  tableOfOne: (metric) => `テストデータの${metric}（1シード）`,
  arm: '系列',
  mean: '平均',
  deviation: '標準偏差',
  vsRelu: 'ReLUとの差',
  interval: '95％区間',
  samples: 'ReLUの損失に達するまでのサンプル数',
  samplesNote:
    'ReLUが最終的に採用した時点の検証損失にFReLUが到達するまでに必要だった学習サンプル数を、ReLUに対する倍率で示します。到達したシードの中央値と、到達したシードの数です。',
  reached: (ratio, reached, seeds) => rich`${ratio}倍（${seeds}個中${reached}個）`,
  reachedUntrained: (reached, seeds) => rich`学習前に到達済み（${seeds}個中${reached}個）`,
  offsets: '学習後のb',
  offsetsCell: (mean, lowest, highest) => rich`${mean}（${lowest}から${highest}）`,
  seedTable: 'シードごとの結果',
  seed: (seed) => rich`シード${seed}`,
  failed: '失敗',
  why: (arm, seed, why) => rich`${arm}、シード${seed}: ${why}`,
  retreated: (arm, seed, rate) => rich`${arm}、シード${seed}: 発散したため、学習率${rate}で学習を続けました。`,
  curves: '学習曲線',
  loss: '検証損失（シードの平均）',
  lossOfOne: '検証損失（1シード）',
  lossAlt: (ends) => `検証損失の折れ線グラフ。${ends.join('。')}。`,
  end: (arm, from, to) => `${arm}は${from}から${to}へ`,
  trained: '学習したサンプル数',
  weights: '初期重み',
  frameworks: {
    pytorch: 'PyTorchの各層の既定の方法で初期化しました。',
    keras: 'Kerasの各層の既定の方法で初期化しました。',
  },
  rules: {
    'kaiming-uniform': 'Kaimingの一様分布（a = √5）: 重み',
    'fan-in-uniform': '1 / √入力数 の範囲の一様分布: バイアスと再帰層の重み',
    'glorot-uniform': 'Glorotの一様分布: 重み',
    orthogonal: '直交行列: 再帰の重み',
    'unit-forget-gate': '0（忘却ゲートは1）',
    normal: '正規分布: 埋め込みとトークン',
    uniform: '±0.05の一様分布: 埋め込み',
    constant: '定数: 負側の傾き',
    ones: '1: スケールと分散',
    zeros: '0: バイアス、シフト、平均',
  },
  rule: '方法',
  tensors: 'テンソル数',
  elements: '値の数',
  kept: (names) => rich`どの層のものか判別できないため、元のモデルの値から始めました: ${names}`,
  unnormalized:
    'このファイルには正規化層がありません。バッチ正規化は、出力時に直前の畳み込みへ畳み込まれるためです。深いネットワークは、活性化関数によらず、正規化なしでは学習しにくいことがあります。実際に学習する構成で比べるには、正規化を残して出力してください: torch.onnx.export(model.eval(), ..., training=TrainingMode.PRESERVE, do_constant_folding=False, dynamo=False)。',
  settings: '設定',
  setting: '項目',
  value: '値',
};

export const scratchTexts: Readonly<Record<Language, ScratchText>> = { en, ja };
