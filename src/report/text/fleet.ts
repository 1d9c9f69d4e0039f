import type { FleetReason } from '../../contract/fleet.js';
import type { Language } from '../../contract/settings.js';
import { type Inline, type Rich, rich } from '../document.js';

const en = {
  title: 'FReLU migration of a fleet',
  subtitle: (models: number, units: number) => `${models} models, ${units} units`,
  headline: (upgrades: number, models: number) =>
    upgrades === 0
      ? `None of ${models} models is to be upgraded`
      : `${upgrades} of ${models} models are to be upgraded`,
  open: (units: number) => `${units} units are still to be computed: models that they belong to are not decided yet.`,
  closed: 'All units have ended. Nothing changes until it is committed.',
  done: 'Units with a result',
  open_: 'Units to be computed',
  failed: 'Failed units',
  computing: 'Computing time',
  upgrade: 'To be upgraded:',
  nothing: 'There is nothing to commit.',
  commit: 'Upgrade them, each in place and through its own journal',
  rollback: 'Undo it, byte for byte',
  models: 'Models',
  method:
    'Candidate and seed were chosen on validation data; the chosen unit alone is judged on its test split. Where the rule asks for something established, Holm’s adjustment over all models of the fleet has to leave p at 0.05 or below.',
  table: 'Every model: the unit that was chosen, on its test split',
  p: 'p',
  pHolm: 'p, Holm',
  verdict: 'Verdict of the unit',
  decision: 'Decision',
  decisions: 'What becomes of every model',
  reasons: {
    established: 'upgrade: established',
    'rule-met': 'upgrade: the rule is met',
    'rule-not-met': 'keep: the rule is not met',
    'not-after-holm': 'keep: not established beside all models',
    incomplete: 'open: units are missing',
    failed: 'keep: every unit failed',
  } as Readonly<Record<FleetReason, string>>,
  points: 'improvement over before, percentage points',
  changes: 'Improvement of each model over before, with its 95 % interval',
  candidates: 'Candidates: mean of the judged metric on the validation splits of all seeds',
  chosen: 'Chosen',
  addresses: 'Where the models lie, and which units were chosen',
  address: 'Address',
  unit: 'Unit',
  seeds: 'Seeds',
  seed: 'seed',
  seedsTable: 'Change of the judged metric over the seeds of the chosen candidate, each on its own test split',
  seedsNote:
    'A model that gains with one seed and loses with another gains by chance. Where a test set of its own was given, all seeds are judged on it.',
  adopting: 'Verdict “adopt”',
  least: 'Smallest change',
  most: 'Largest change',
  judgedSeed: 'Judged seed',
  cost: 'Cost',
  costNote: (seconds: Inline, processors: Inline): Rich =>
    rich`The processes that computed ran ${seconds} in all, with attempts that failed or were cut short. Those that gave the results took ${processors} of processor time.`,
  unfinishedNote: (seconds: Inline): Rich => rich`Units that have no result took ${seconds} of the whole.`,
  price: 'At the price that was said',
  costByModel: 'By model',
  costByHost: 'By machine',
  host: 'Machine',
  attempts: 'Attempts',
  why: 'Why',
};

export type FleetText = typeof en;

const ja: FleetText = {
  title: 'モデル群のFReLU移行',
  subtitle: (models, units) => `モデル${models}件、計算単位${units}件`,
  headline: (upgrades, models) =>
    upgrades === 0
      ? `全${models}件のうち、更新すべきモデルはありません`
      : `全${models}件のうち${upgrades}件を更新すべきです`,
  open: (units) => `未完了の計算単位が${units}件あります。該当するモデルの判定はまだ出ていません。`,
  closed: 'すべての計算単位が終了しました。確定（commit）するまで、モデルは変更されません。',
  done: '結果のある計算単位',
  open_: '未完了の計算単位',
  failed: '失敗した計算単位',
  computing: '計算時間',
  upgrade: '更新の対象：',
  nothing: '更新するものはありません。',
  commit: '更新する（各モデルを置き換え、それぞれの履歴に記録）',
  rollback: '元に戻す（バイト単位で復元）',
  models: 'モデル',
  method:
    '候補と乱数シードは検証用データで選び、選ばれた計算単位だけをテスト用データで評価しました。採用条件が統計的な裏付けを求める場合は、全モデルに対するHolm補正後のp値が0.05以下であることを条件とします。',
  table: '各モデルで選ばれた計算単位の、テスト用データでの結果',
  p: 'p値',
  pHolm: 'p値（Holm補正）',
  verdict: '単独での判定',
  decision: '結論',
  decisions: '各モデルの結論',
  reasons: {
    established: '更新する：改善が確認された',
    'rule-met': '更新する：採用条件を満たした',
    'rule-not-met': '維持する：採用条件を満たさない',
    'not-after-holm': '維持する：全モデルで補正すると確認できない',
    incomplete: '保留：未完了の計算単位がある',
    failed: '維持する：すべての計算単位が失敗した',
  },
  points: '移行前からの改善（パーセントポイント）',
  changes: '各モデルの移行前からの改善と95％信頼区間',
  candidates: '候補ごとの評価指標（全シードの検証用データでの平均）',
  chosen: '選択',
  addresses: 'モデルの場所と選ばれた計算単位',
  address: '場所',
  unit: '計算単位',
  seeds: '乱数シード',
  seed: 'シード',
  seedsTable: '選ばれた候補の、シードごとの評価指標の変化（それぞれのテスト用データで測定）',
  seedsNote:
    'あるシードで改善し、別のシードで悪化するモデルの改善は、偶然によるものです。テスト用データが別に指定されている場合は、すべてのシードをそのデータで評価しています。',
  adopting: '「採用」の判定数',
  least: '最小の変化',
  most: '最大の変化',
  judgedSeed: '評価したシード',
  cost: '費用',
  costNote: (seconds, processors) =>
    rich`計算に当たったプロセスの実行時間は、失敗または中断した試行を含めて合計${seconds}です。結果を出した試行のプロセッサ時間は${processors}でした。`,
  unfinishedNote: (seconds) => rich`合計のうち${seconds}は、結果の出ていない計算単位に費やされました。`,
  price: '指定された単価による金額',
  costByModel: 'モデル別',
  costByHost: '計算機別',
  host: '計算機',
  attempts: '試行回数',
  why: '原因',
};

export const fleetTexts: Readonly<Record<Language, FleetText>> = { en, ja };
