import { code, rich, strong } from '../document.js';
import type { Texts } from './en.js';
import { metricWords } from './metrics.js';
import { japanesePhrases } from './phrases-ja.js';
import { translatePhrases } from './translate.js';

export const ja: Texts = {
  noValue: '値なし',
  range: (low, high) => rich`${low} ～ ${high}`,
  points: 'ポイント',
  time: { milliseconds: 'ミリ秒', seconds: '秒', minutes: '分', hours: '時間' },
  metrics: metricWords.ja,
  verdicts: {
    adopt: '採用を推奨',
    reject: '採用を見送り',
    inconclusive: 'このデータでは判断できません',
  },
  reasons: {
    'better-than-before': '移行後のモデルは元のモデルより優れています（95％信頼区間の全体が改善側にあります）。',
    'worse-than-before': '移行後のモデルは元のモデルより劣っています（95％信頼区間の全体が悪化側にあります）。',
    'undecided-against-before':
      '元のモデルとの差の95％信頼区間がゼロをまたいでおり、このテストデータでは両者の優劣を判断できません。',
    'better-than-control':
      'FReLUを使わずに同じだけ追加学習した対照モデルと比べても優れており、改善は学習を延長した効果だけでは説明できません。',
    'worse-than-control':
      'FReLUを使わずに同じだけ追加学習した対照モデルのほうが優れています（差の95％信頼区間の全体が悪化側にあります）。',
    'undecided-against-control':
      'FReLUを使わずに同じだけ追加学習した対照モデルとの差の信頼区間がゼロをまたいでおり、変化をFReLUの効果とは断定できません。',
    'no-control': '対照モデルを学習していないため、変化がFReLUによるものか追加学習によるものかを区別できません。',
    'training-brought-nothing':
      '検証データで元のモデルを上回るエポックがなかったため、元のままのモデルを採っています。追加学習の効果は認められません。',
    'identical-predictions': '両モデルの正誤は、テストデータのすべてのサンプルで一致しています。',
    'not-measurable': '評価指標またはその信頼区間が計算できないため、結論は出せません。',
    'effect-too-small': '改善は確認できましたが、採用に値する最小の大きさに届いていません。',
    'undecided-on-unseen': '学習に使っていないテストサンプルだけでは、改善を確認できません。',
    'one-class': 'テストデータに1つのクラスしかないため、ほかのクラスを正しく扱えるかどうかは分かりません。',
    'guarded-worse': '判定指標のほかに監視している項目が、許容幅を超えて悪化していることが確認されました。',
    'rule-not-met': '採用条件を満たしていません。',
  },
  sentenceGap: '',
  said: (sentence) => translatePhrases(sentence, japanesePhrases, ''),
  listGap: '、',
  title: (model) => `${model} のFReLU移行 報告書`,
  subtitle: (date, run) => `${date}　実行ID ${run}`,
  contents: '目次',
  footer: rich`本報告書のFReLUはFlexible ReLU、すなわち relu(x + a) + b（aとbは学習で決まる値）を指します（Qiu, Xu, Cai: arXiv 1706.08098）。同じ略称のFunnel activation（ECCV 2020）とは別のものです。`,
  notMeasured: '未測定',
  arms: { before: '移行前', control: '対照', frelu: 'FReLU' },
  comparisons: { vsBefore: 'FReLUと移行前の差', vsControl: 'FReLUと対照の差' },
  samples: { images: 'テスト画像', other: 'テストサンプル' },
  better: '改善',
  worse: '悪化',

  headlines: {
    further: (adopt) => `${adopt}（追加学習の効果。FReLU自体の効果は確認できていません）`,
    written: (verdict, rule) => `${verdict}（ただし採用条件 ${rule} に従って書き込み済み）`,
  },

  goals: {
    title: '採用条件の内訳',
    table: '採用条件の各項目（テスト用データ）',
    goal: '項目',
    value: '測定値',
    bound: '基準',
    met: '判定',
    yes: '達成',
    no: '未達',
    note: rich`確認が必要な項目では、95％信頼区間の端を基準と比べています。偶然だけでモデルが採用されたり、差し止められたりすることはありません。`,
    subjects: { latency: '推論時間', size: 'ファイルの大きさ', classes: 'テストデータのクラス' },
    ofClass: (name) => `クラス「${name}」の再現率`,
    ofSlice: (name) => `区分「${name}」`,
    texts: {
      established: (name) => `${name}の改善が確認できる（信頼区間の下限が0より大きい）`,
      unseen: (name) => `${name}の改善が、学習に使っていないテストサンプルだけでも確認できる`,
      classes: (name) => `${name}が2つ以上あり、クラスの区別を確かめられる`,
      effect: (name) => `${name}の改善が、採用に値する最小の大きさ以上である`,
      control: (name) => `${name}で、対照モデルのほうが優れているとは確認されない`,
      guard: (name) => `${name}が、許容幅を超えて悪化しているとは確認されない（測定値は悪化幅の下限）`,
      said: (name) => name,
    },
  },

  outputs: {
    title: '出力ごとの結果',
    lead: (first) =>
      rich`このモデルには複数の出力があり、まとめて学習しました。採否の判定とルールの対象は ${first} だけです。ほかの出力は、一方の改善が他方の悪化と引き換えになっていないかを確かめるために示しています。`,
    table: (name) => `出力 ${name}（テスト用データ）`,
    differences: '出力ごとの差（対応のある比較）',
    output: '出力',
    trained: '出力ごとの学習の設定',
    task: 'タスク',
    loss: '損失',
    weight: '重み',
  },

  summary: {
    effect: '何が変わったか',
    peoplesTerms: (count, noun, net, fixed, broken, more) =>
      more === 'same'
        ? rich`${noun}${count}件のうち、正解の数は移行前と同じです（新たに正解 ${fixed}件、新たに不正解 ${broken}件）。`
        : rich`${noun}${count}件のうち、正解が${net}件${more === 'more' ? '増えました' : '減りました'}（新たに正解 ${fixed}件、新たに不正解 ${broken}件）。`,
    meanOfSeeds: (seeds, count, noun, written) =>
      rich`${seeds}個の乱数シードの平均で、いずれも${noun}${count}件で測定しました。書き込みの対象はシード${String(written)}のモデルです。`,
    samplesCompared: (count, noun) => rich`${noun}${count}件で測定しました。`,
    sure: 'どのくらい確かか',
    interval: (p) => rich`真の差の95％信頼区間（${p}）`,
    noInterval: rich`サンプル数が足りないか、評価指標が計算できないため、信頼区間を示せません。`,
    due: 'そのうちFReLUによる分',
    split: (total, training, frelu, interval) =>
      rich`差${total}の内訳は、追加学習だけの効果が${training}、FReLUの効果が${frelu}（95％信頼区間 ${interval}）です。`,
    splitWithoutInterval: (total, training, frelu) =>
      rich`差${total}の内訳は、追加学習だけの効果が${training}、FReLUの効果が${frelu}です。`,
    adds: (able, sites) =>
      rich`期待できる効果：${sites}か所のうち${able}か所では、ネットワークのバイアスでは表せないことをFReLUが表せます。それ以外では、同じ関数を別の経路で学習するにとどまります。`,
    addsNothing: rich`期待できる効果：このネットワークでは、バイアスで表せないことをFReLUが表せる箇所はありません。同じ関数を別の経路で学習するにとどまります。`,
    noControl: rich`不明です。対照モデルを学習していない（--no-control）ため、学習を延長した効果にすぎない可能性があります。`,
    latency: '1回の推論時間',
    size: 'ファイルの大きさ',
    memory: 'テンソルのメモリ',
    operations: '1サンプルあたりの積和演算数',
    fromTo: (before, after) => rich`${before} → ${after}`,
    latencyNote: (change, batch, runs) => rich`${change}（バッチ${batch}件、${runs}回の中央値）`,
    rule: (rule, met) =>
      met ? rich`採用条件 ${code(rule)} は満たされました。` : rich`採用条件 ${code(rule)} は満たされませんでした。`,
    written: rich`移行後のモデルを書き込みました。`,
    notWritten: rich`何も書き込んでいません。モデルは元のままです。`,
    next: '次に行うこと',
    rollback: '元に戻すコマンド（1バイトも違わず復元します）',
    nextAdopt: (paired) => [
      rich`後述の運用手順に従い、置き換えテスト、A/Bテストの順に確認してください。両モデルに同じサンプルを約${paired}件解かせれば、5回のうち4回はこの差を確認できる見込みです。`,
      rich`全面的に切り替える前に、運用手順の監視項目を設定してください。`,
      rich`元に戻すコマンドを控えておいてください。元のファイルは ${code('.frelu/')} に保管されています。`,
    ],
    exported: (command) => rich`書き出すには ${code(command)} を実行します。`,
    kept: (path) => rich`対照モデルは ${code(path)} に保存されています。`,
    nextAttribution: (model) =>
      rich`対照モデルの採用も検討してください。FReLUとの差は確認できず、変更はより小さくて済みます。${model}`,
    nextReject: [rich`元のモデルを使い続けてください。`],
    nextRejectControl: (model) =>
      rich`FReLUを使わずに追加学習した対照モデルを採用してください。今回はそのほうが良い結果でした。${model}`,
    nextRejectWritten: rich`採用条件により移行後のモデルが書き込まれています。下のコマンドで元に戻してください。`,
    nextRejectRule: rich`元のモデルより優れていますが、採用条件が求める水準には届いていません。条件が妥当かどうかをご検討ください。`,
    nextInconclusive: (paired, count) =>
      rich`データを増やして再度判断してください。差が今回の測定どおりであれば、テストサンプルが約${paired}件あれば、5回のうち4回は差を確認できる見込みです（今回は${count}件）。`,
    nextInconclusiveEqual: rich`差がまったく測定されなかったため、何件あれば差を確認できるかは示せません。`,
    nextSeeds: rich`${code('--seeds 5')} を付けて学習を繰り返し、差のうちどこまでが偶然かを確かめてください。`,
    nextInconclusiveWritten: rich`差は確認されていませんが、採用条件により移行後のモデルが書き込まれています。監視を続けるか、元に戻してください。`,
    nextNoControl: rich`対照モデルを含めて再実行し、FReLUによる分がどれだけかを確かめてください。`,
    nextUnseen: rich`学習に使っていないサンプルで判定してください。${code('--test')} で指定するか、重複するサンプルをデータから除いてください。`,
    nextClasses: rich`すべてのクラスを含むテストデータで判定してください。${code('--test')} で指定するか、テストデータの分割を実行に任せてください。`,
    nextUnmeasurable: rich`モデルの出力とテストデータを確認してください。指標が計算できないのは、出力に数値でない値がある、サンプルがない、目的変数が一定である、のいずれかの場合です。`,
  },

  armsSection: {
    leadSearched: rich`「移行前」は元のモデル、「対照」は元のモデルをReLUのまま追加学習したもの、「FReLU」は移行後に追加学習したものです。対照とFReLUは、同じデータを同じ予算で使い、同じ候補の中からそれぞれ検証データで学習方法を選びました。数値は実際に書き出したファイルを、学習中のどの判断にも使っていないテストデータで評価したものです。`,
    retreats: (arm, count, rate) =>
      rich`${arm}は学習中に${count}回発散し、そのつど最良の状態に戻して学習率を半分にしました（最終値 ${rate}）。`,
    budget: ({ budget, evaluation, arms, arm, steps, taken }) =>
      rich`実行全体の時間の予算は${budget}で、学習を始める前に配分しました。内訳は評価に約${evaluation}、学習に${arm}を${arms}回分（各${steps}ステップ）です。実際の所要時間は${taken}でした。`,
    budgetOpen: (epochs) =>
      rich`エポック数の指定がないため、採用した設定の学習に残りの時間を充てました（合計で最大${epochs}エポック）。`,
    budgetFits: (epochs) => rich`指定した${epochs}エポックはすべて予算に収まりました。`,
    budgetCuts: (epochs, asked) =>
      rich`指定した${asked}エポックのうち、予算に収まったのは${epochs}エポックです。さらに学習した場合の結果は、この実行からはわかりません。`,
    title: '3条件の比較',
    lead: rich`「移行前」は元のモデル、「対照」は元のモデルをReLUのまま追加学習したもの、「FReLU」は移行後に同じ追加学習をしたものです。対照とFReLUは、同じデータ、同じ順序、同じ乱数シード、同じ予算とスケジュールで学習しました。数値は実際に書き出したファイルを、学習中のどの判断にも使っていないテストデータで評価したものです。`,
    table: 'テストデータでの評価指標（かっこ内は検証データ）',
    metric: '評価指標',
    lowerIsBetter: (name) => `${name}（小さいほど良い）`,
    withValidation: (test, validation) => rich`${test}（${validation}）`,
    epochs: '学習エポック数（採用したエポック）',
    epochsKept: (epochs, best) => rich`${epochs}（${best}）`,
    seconds: '学習時間',
    noArm: '実施せず',
    deltas: 'テストデータでの差（対応のある比較）',
    comparison: '比較',
    difference: '差',
    interval: '95％信頼区間',
    p: 'p値',
    test: '検定',
    changes: '新たに正解 / 新たに不正解',
    tests: {
      'mcnemar-exact': 'マクネマー正確検定、区間はNewcombe法（対応あり）',
      'bootstrap-bca': '対応のあるブートストラップ（BCa法）',
      'bootstrap-seeds': 'シードとサンプルのブートストラップ',
    },
    pair: (fixed, broken) => rich`${fixed} / ${broken}`,
    chart: '差とその95％信頼区間。ゼロの線をまたぐ区間からは優劣を判断できません。',
    chartAlt: (rows) => `信頼区間の図。${rows.join('。')}。`,
    chartRow: (label, value, low, high) => `${label}は${value}、区間は${low}から${high}`,
    axis: (metric) => `${metric}の差`,
    oneSeed: rich`学習は1つの乱数シードで行いました。これらの区間が表すのは、テストサンプルの偶然だけです。`,
    overSeeds: (seeds, written) =>
      rich`これらの差は${seeds}個の乱数シードの平均です。区間は、学習の偶然とテストサンプルの偶然の両方を含みます（シードとサンプルを互いに独立に再抽出しています）。上の評価指標は検証データで最良だった系列のもので、書き込みの対象はシード${written}のモデルです。`,
    spread: 'シードごとの結果（区間が表すのはテストサンプルの偶然だけです）',
    seed: 'シード',
    seedWritten: (seed) => rich`${seed}（書き込みの対象）`,
    mean: '平均',
    deviation: '標準偏差',
  },

  curves: {
    title: '学習曲線',
    loss: '検証損失',
    trainLoss: '学習損失',
    samples: '学習したサンプル数',
    caption: (what) => `${what}の推移（対照とFReLU）`,
    alt: (what, ends) => `${what}の折れ線グラフ。${ends.join('。')}。`,
    end: (arm, from, to) => `${arm}は${from}から${to}へ`,
    reached: (loss, control, frelu, ratio) =>
      rich`対照モデルは、最終的に採用した時点の検証損失（${loss}）に${control}で到達しました。FReLUは${frelu}で到達し、必要なサンプル数は対照の${ratio}倍でした。`,
    never: (loss, control) =>
      rich`対照モデルは、最終的に採用した時点の検証損失（${loss}）に${control}で到達しました。FReLUは到達しませんでした。`,
    overSeeds: (reached, seeds, ratio) =>
      rich`対照モデルが最終的に採用した時点の検証損失に、FReLUは${seeds}個のシードのうち${reached}個で到達しました。必要なサンプル数は、対照の${ratio}倍（中央値）でした。`,
    neverInSeeds: (seeds) =>
      rich`対照モデルが最終的に採用した時点の検証損失に、FReLUは${seeds}個のシードのいずれでも到達しませんでした。`,
    amount: (samples, epochs) => rich`${samples}サンプル（${epochs}エポック）`,
    straight: rich`検証と検証の間の損失は、2点を結ぶ直線上にあるものとして求めています。`,
    convergence: '対照モデルの最終的な検証損失に到達するまでの学習量',
    ratio: 'FReLU / 対照',
    neverCell: '到達せず',
    neverBelow: rich`対照モデルの検証損失は学習開始時を下回らなかったため、学習の速さは比較できません。`,
    none: rich`学習曲線は記録されていません。`,
    single: rich`対照モデルがないため、学習の速さは比較できません。`,
  },

  classes: {
    title: 'クラス別の結果',
    table: 'クラスごとの正解の割合（悪化の大きい順）',
    name: 'クラス',
    count: 'サンプル数',
    change: '変化',
    p: 'p値（Holm補正）',
    changes: '新たに正解 / 不正解',
    worst: (name, change) => rich`最も悪化したクラスは「${strong(name)}」で、変化は${change}です。`,
    noneWorse: rich`悪化したクラスはありません。`,
    significant: (count, classes) =>
      rich`サンプルのある${classes}クラスについてHolmの方法で多重性を補正すると、変化を確認できた（p < 0.05）のは${count}クラスです。`,
    omitted: (shown, total) =>
      rich`全${total}クラスのうち、悪化と改善の大きい${shown}クラスを示します。全件はJSONにあります。`,
    chart: 'クラスごとの正解の割合の変化',
    chartAlt: (rows) => `クラスごとの変化（ポイント）の棒グラフ。${rows.join('、')}。`,
    axis: '変化（ポイント）',
    one: rich`テストデータには1クラスしか含まれていません。この正解率はそのクラスだけの割合であり、クラスを見分ける能力については何も示しません。`,
  },

  slices: {
    title: '区分別の結果',
    table: 'テストデータの区分ごとの判定指標（悪化の大きい順）',
    lead: (metric) =>
      rich`${metric}を区分ごとに集計しました。サンプルの少ない区分では信頼区間が広くなるため、割合ではなく区間で判断してください。`,
    name: '区分',
    count: 'サンプル数',
    interval: 'FReLUの95％信頼区間',
    change: 'FReLUと移行前の差',
    changeInterval: '差の95％信頼区間',
    p: 'p値（Holm補正）',
    significant: (count, slices) =>
      rich`${slices}区分についてHolmの方法で多重性を補正すると、変化を確認できた（p < 0.05）のは${count}区分です。`,
    omitted: (shown, total) =>
      rich`全${total}区分のうち、悪化と改善の大きい${shown}区分を示します。全件はJSONにあります。`,
  },

  confusion: {
    title: '取り違えの変化',
    table: 'どのクラスをどのクラスと答えたか（変化の大きい順）',
    actual: '正解のクラス',
    predicted: '予測したクラス',
    before: '移行前',
    frelu: 'FReLU',
    change: '変化',
    none: rich`混同行列に変化はありません。`,
    chart: '混同行列の変化。対角線上が正解です。青は改善、橙は悪化を表します。',
    chartAlt: (changed) =>
      `混同行列の各セルの変化を示すヒートマップ。${changed}セルが変化しました。大きなものは表に示します。`,
    notMeasured: rich`混同行列は保存されていません。`,
  },

  calibration: {
    title: '確信度の信頼性',
    lead: rich`確信度80％と答えたもののうち実際に80％が正解であるとき、モデルの確信度は信頼できます。`,
    chart: '確信度（15区間）と実際の正解率。破線上であれば、確信度どおりに正解しています。',
    ideal: '理想',
    x: '平均確信度',
    y: '正解率',
    alt: (before, frelu) => `信頼性図。較正誤差は移行前 ${before}、FReLU ${frelu}。`,
    error: (before, frelu) => rich`較正誤差（ECE）は、移行前が${before}、FReLUが${frelu}です。`,
    table: '図の各区間の値',
    bin: '確信度',
    count: 'サンプル数',
    accuracy: '正解率',
    notMeasured: rich`確信度の信頼性は測定していません。`,
  },

  examples: {
    title: '答えが変わった例',
    fixed: (count) => rich`${strong('新たに正解。')}移行前は不正解、FReLUでは正解となったもの（全${count}件）。`,
    broken: (count) => rich`${strong('新たに不正解。')}移行前は正解、FReLUでは不正解となったもの（全${count}件）。`,
    none: rich`正誤が変わった例はありません。`,
    notKept: rich`例は保存されていません。`,
    picture: (index, actual) => `テストサンプル${index}、${actual}`,
    text: (actual, before, frelu) => rich`正解「${actual}」、予測 ${before} → ${frelu}`,
    withConfidence: (name, confidence) => `${name}（${confidence}）`,
    table: '答えが変わった行',
    index: 'サンプル',
    actual: '正解',
    before: '移行前',
    frelu: 'FReLU',
    row: '値',
  },

  segmentation: {
    classes: {
      table: 'クラスごとの画素のIoU（悪化の大きい順）',
      count: '画像数',
      significant: (count, classes) =>
        rich`出現する${classes}クラスについてHolmの方法で多重性を補正すると、変化を確認できた（p < 0.05、画像単位のブートストラップ）のは${count}クラスです。`,
      chart: 'クラスごとのIoUの変化',
      one: rich`テストデータでは、マスクにも答えにも1クラスしか現れません。クラスを見分ける能力については何も示しません。`,
    },
    confusion: 'どのクラスをどのクラスと答えたか（画素数、変化の大きい順）',
    examples: {
      title: 'マスクが変わった例',
      lead: rich`平均IoUの改善が大きいテスト画像、続いて悪化が大きいテスト画像です。クラスごとに色が異なり、クラス0は黒、どのクラスにも属さない画素は白です。`,
      none: rich`マスクに変化はありません。`,
      image: '画像',
      actual: '正解マスク',
      before: '移行前',
      frelu: 'FReLU',
      picture: (what, index) => `テスト画像${index}、${what}`,
      text: (index, before, frelu) => rich`#${String(index)}: ${before} → ${frelu}`,
    },
    limits: rich`区間と検定は画素ではなく画像を単位としています。同じ画像の画素の正誤は互いに関連するためです。`,
    predicted: '画素の予測クラスの分布（PSI）',
    noAttribution: rich`測定していません。帰属マップはサンプルごとに1つの答えを説明するもので、セグメンテーションは画素ごとに答えを出します。`,
  },

  diagram: {
    title: 'ネットワークと活性化関数の位置',
    lead: rich`各ReLUがどうなったかを、その位置に示しています。色が濃いほどオフセットbが大きいことを表します。実線の枠では、ネットワークのバイアスでは表せないこと（ゼロ埋めの境界、元々バイアスのない箇所、積などの関数に入る値の水準）をシフトやオフセットが表せます。破線の枠では、FReLUは同じ関数を別の形で表すにとどまります。点線の枠は変更しなかったReLUです。`,
    byBlock: rich`ネットワークをブロックに分けて示します。ReLUを含むブロックは、下で開いて確認できます。`,
    caption: '移行後のネットワーク',
    overview: 'ネットワークのブロック構成',
    alt: (boxes, sites) => `${boxes}層、ReLU ${sites}か所のネットワーク図。値は活性化関数の表にあります。`,
    overviewAlt: (blocks) => `ネットワークを構成する${blocks}ブロックの図。`,
    block: (number, name) => `ブロック${number}${name === null ? '' : `: ${name}`}`,
    omitted: (blocks) => rich`ReLUを含むブロックはほかに${blocks}個あります。全件はJSONにあります。`,
    counts: (layers, sites) => `${layers}層、ReLU ${sites}か所`,
    kept: (operator) => `${operator}（変更なし）`,
  },

  sites: {
    title: '活性化関数ごとの結果',
    lead: (migrated, relu, skipped) =>
      rich`ReLU ${relu}か所のうち、${migrated}か所をFReLUに置き換え、${skipped}か所は対象外としました。`,
    parity: (difference, samples) =>
      rich`学習前の時点で、書き換えたモデルは元のモデルと同じ計算をしていました。${samples}サンプルでの出力の差は最大で${difference}です。`,
    start: (start) =>
      rich`すべてのbを${start.init}から始め、その影響を後続の層の定数で打ち消しました。内訳は、${start.sites}です。学習前の出力の元のモデルとの差は平均${start.mean}、最大${start.most}で、検証データの${start.metric}は元のモデルで${start.before}、学習開始時点で${start.after}でした。`,
    startWhole: (count) => rich`完全に打ち消せたのが${count}か所`,
    startBorders: (count) => rich`ゼロパディングの縁を除いて打ち消せたのが${count}か所`,
    startRest: (count) => rich`一部しか、またはまったく打ち消せなかったのが${count}か所`,
    tfjs: (backend, before, after, samples) =>
      rich`TensorFlow.js本体（${backend}）で${samples}件のランダムな入力を計算し、本レポートの評価に用いた出力と比べました。差は元のファイルで最大${before}、移行後のファイルで最大${after}です。`,
    tfjsUnverified: rich`移行を実行した環境ではTensorFlow.jsでこのモデルを動かせなかったため、TensorFlow.jsの出力との比較は行っていません。`,
    requantized: (weights, difference, exact, stored) =>
      rich`変更された重みのうち${weights}個は、元の量子化形式で保存し直しました。学習後の値との差は最大${difference}です。テストデータでの成績は、保存された値で${stored}、量子化前の値で${exact}です。`,
    table: '学習されたシフトaとオフセットb、および下限値になった入力の割合',
    site: '箇所',
    form: '形式',
    shift: 'シフト a',
    offset: 'オフセット b',
    flooredBefore: '下限の割合（移行前）',
    flooredAfter: '下限の割合（FReLU）',
    channels: (low, high, count) => rich`${low} ～ ${high}（${count}チャネル）`,
    none: '–',
    omitted: (shown, total) =>
      rich`全${total}か所のうち、オフセットの大きい${shown}か所を示します。全件はJSONにあります。`,
    chart: (site) => `${site} の入力`,
    chartAlt: (site, before, after) =>
      `${site} への入力のヒストグラム。下限値になった割合は、移行前 ${before}、FReLU ${after}。`,
    chartNote: rich`縦線より左の入力は下限値になります。下限値はReLUでは0、FReLUではbです。FReLUの入力はシフトaを加えた値です。`,
    axis: '活性化関数への入力',
    share: '割合',
    skipped: '対象外とした箇所とその理由',
    reason: '理由',
    sites: '箇所数',
    noReason: '理由の記録なし',
    andMore: (names, more) => `${names}、ほか${more}か所`,
    notMeasured: rich`活性化関数への入力の分布は、今回は測定していません。If・Loop・Scanやローカル関数の内部の値は外部に出ないため、常に測定の対象外です。`,
    unobserved: (names) =>
      rich`${names} では測定していません。If・Loop・Scanやローカル関数の内部の値は外部に出ないため測定せず、それ以外の箇所は先頭から順に測定しています。`,
    noneMigrated: rich`置き換えた箇所はありません。`,
  },

  attribution: {
    title: '判断根拠の説明は変わるか',
    lead: rich`寄与マップは、答えが入力のどこに基づくかを示します。答えの説明に使っている場合、移行によって知らないうちに変わっていては困ります。`,
    methods: { 'integrated-gradients': '積分勾配', 'input-x-gradient': '入力×勾配' },
    howMeasured: (samples) =>
      rich`テストデータから等間隔に選んだ${samples}件について、移行前のモデルが予測したクラス（回帰では出力値）への寄与を計算しました。積分勾配の基準点は、すべて0の入力（画像なら黒）です。`,
    colours:
      '：青はそのクラスを支持する部分、橙は否定する部分です。同じサンプルの図はすべて同じ濃淡尺度で描いています。',
    table: '移行前のモデルの寄与マップとの一致度（サンプルごと）',
    method: '手法',
    model: 'モデル',
    samples: 'サンプル数',
    spearman: '順位相関（Spearman）の中央値',
    overlap: '上位の重なりの中央値',
    range: '5％点～95％点',
    withRange: (median, low, high) => rich`${median}（${low} ～ ${high}）`,
    overlapOf: (median, k) => rich`上位${k}の${median}`,
    input: '入力',
    before: '移行前',
    control: '対照',
    frelu: 'FReLU',
    picture: (what, index, actual) => `${what}: サンプル${index}、${actual}`,
    example: (actual, correlation) => rich`${actual}、相関 ${correlation}`,
    rows: '個々の行の寄与',
    feature: '特徴量',
    high: rich`寄与マップはよく一致しています（相関の中央値が0.9以上）。移行前の説明は、おおむねそのまま使えます。`,
    middle: rich`寄与マップに目立つ違いがあります（相関の中央値が0.6以上0.9未満）。業務で使っている説明は確認が必要です。`,
    low: rich`寄与マップは大きく異なります（相関の中央値が0.6未満）。移行前の説明を使い回さないでください。`,
    movedMore: (method, difference, range) =>
      rich`${method}：FReLUによる寄与マップの変化は、FReLUを使わない同じ追加学習による変化よりも大きいことが確認されました（移行前との相関の、対照モデルとの差は平均 ${difference}、95％信頼区間 ${range}）。`,
    movedLess: (method, difference, range) =>
      rich`${method}：FReLUによる寄与マップの変化は、FReLUを使わない同じ追加学習による変化よりも小さいことが確認されました（移行前との相関の、対照モデルとの差は平均 ${difference}、95％信頼区間 ${range}）。`,
    movedAlike: (method, difference, range) =>
      rich`${method}：FReLUを使わない同じ追加学習と比べて、寄与マップの変化に差があるとは確認できません（移行前との相関の、対照モデルとの差は平均 ${difference}、95％信頼区間 ${range}）。`,
    tooFew: (method, difference, samples) =>
      rich`${method}：サンプルが${samples}件と少ないため、FReLUを使わない同じ追加学習より寄与マップの変化が大きいかどうかは判断できません（移行前との相関の、対照モデルとの差は平均 ${difference}）。`,
    noControl: rich`比較できる対照モデルの寄与マップがありません。追加学習だけでも説明は変わるため、この変化のうちFReLUによる分は分かりません。`,
    notMeasured: rich`今回は測定していません。寄与マップによる説明が変わったかどうかは分かりません。`,
  },

  costs: {
    title: 'コスト',
    table: '移行前後の比較（推論時間は実測値、その他は計算値）',
    elementwise: '1サンプルあたりの要素単位の演算数',
    memoryNote: rich`テンソルのメモリは実測ではなく計算値です。1回の推論で同時に必要になる、重みと中間の値の合計を表します。実行環境が別に使う作業領域は含みません。`,
    what: '項目',
    before: '移行前',
    after: '移行後',
    change: '変化',
  },

  reading: {
    title: 'モデルの読み取り方',
    fine: (sentence) => rich`学習を始める前に、正解付きの学習サンプルで確認しました：${sentence}`,
    noSanity: rich`正解がないため、読み取り方の確認はしていません。`,
    trusted: '読み取り方を信頼する指定があったため、そのまま続行しました。',
    inputs: 'モデルへの入力',
    outputs: 'モデルの出力',
    name: '名前',
    type: '型',
    range: '値の範囲',
    preprocessing: '保存されたサンプルの変換',
    source: '根拠',
    width: '1サンプルの値の数',
    meaning: '解釈',
    evidence: '判断材料',
    aside: '対象外',
    sources: {
      option: 'オプション指定',
      'preprocessor-config': 'preprocessor_config.json',
      model: 'モデル',
      data: 'データ',
      dtype: '入力の型',
      default: '既定値',
    },
    meanings: {
      logits: 'ロジット',
      probabilities: '確率',
      'log-probabilities': '確率の対数',
      values: '値',
      label: 'ラベル',
    },
    untrained: (count, names, more) =>
      rich`学習の対象にしない定数が${count}個あります：${names}${more ? '…' : ''}。理由はJSONにあります。`,
    classes: (names, more, origin) => rich`クラス（出力の順）：${names}${more ? '…' : ''}（${origin}）。`,
  },

  data: {
    title: 'データ',
    table: 'データの分割',
    split: '用途',
    names: { train: '学習', validation: '検証', test: 'テスト' },
    path: '出所',
    count: 'サンプル数',
    classes: 'クラス数',
    hash: 'SHA-256',
    duplicates: ({ testInTraining }, within, across) =>
      testInTraining === 0
        ? rich`重複は、テストデータ内に${within}件、学習・検証データとの間に${across}件です。`
        : rich`重複は、テストデータ内に${within}件です。学習または検証データにも含まれるテストサンプルが${across}件あり、それらを学習に使った対照モデルとFReLUモデルの値は実力より高めに出ます（移行前のモデルは学習に使っていません）。`,
    noDuplicates: rich`重複の有無は調べていません。`,
  },

  runbook: {
    title: '運用手順',
    swapTitle: '1. 置き換えテスト',
    swap: (metric, value) => [
      rich`本番と同じ環境に、前処理も含めて、移行後のモデルを元のモデルと並べて読み込みます（上書き移行の場合、元のモデルは ${code('.frelu/')} にあります）。`,
      value === null
        ? rich`両モデルでテストデータを評価します。今回は、移行後のモデルが示すべき値は得られていません。`
        : rich`両モデルでテストデータを評価します。移行後のモデルの${metric}は${value}になるはずです。異なる場合は、前処理か実行環境に違いがあります。`,
      rich`推論時間を「コスト」の表と照らし合わせます。`,
    ],
    swapOwnSplit: (path) =>
      rich`テストデータは独立したファイルではなく、${path} から取り分けたものです。評価には、取り分けたサンプルだけを使ってください（同じシードで同じサンプルが取り分けられます）。残りは学習に使われています。`,
    swapCommand: 'テストデータで両モデルを比較するコマンド',
    abTitle: '2. A/Bテスト',
    ab: (difference) =>
      rich`差が測定値${difference}のとおりである場合に、検出力80％、有意水準5％（両側）で確認するために必要なサンプル数です。`,
    abPaired: '全サンプルを両モデルに解かせる（シャドーテスト）',
    abUnpaired: 'サンプルを片方のモデルに割り当てる（1群あたり）',
    abTable: '必要なサンプル数と日数（正解の付いたサンプルの1日あたり件数別。割り当て方式では2群に等分）',
    abDesign: '方式',
    abSamples: 'サンプル数',
    abDays: (perDay) => `1日${perDay}件`,
    abEqual: rich`差が測定されなかったため、必要なサンプル数は求められません。意味のある最小の差を先に決め、それをもとに計画してください。`,
    abUnmeasured: rich`評価指標を計算できないモデルがあるため、今回の結果からA/Bテストを計画することはできません。`,
    days: (days) => rich`${days}日`,
    monitoringTitle: '3. 監視',
    monitoring: (count) =>
      rich`移行後のモデルについて、テストデータ${count}件から求めた基準値です。1,000件以上の単位で比較してください。`,
    monitoringTable: '監視項目、基準値、対応の目安',
    quantity: '監視項目',
    baseline: '基準値',
    warning: '要確認',
    alarm: '要対応',
    input: (name) => `${name} の入力分布（PSI）`,
    predicted: '予測クラスの分布（PSI）',
    confidence: '平均確信度',
    floorRate: (site) => `${site} の下限の割合`,
    zero: '0（定義による）',
    above: (level) => rich`${level}超`,
    below: (level) => rich`${level}未満`,
    outside: (low, high) => rich`${low} ～ ${high}の範囲外`,
    bins: 'PSIの基準となる分布',
    bin: '区間',
    shareOf: '割合',
    openBelow: (high) => `${high}未満`,
    openAbove: (low) => `${low}以上`,
    between: (low, high) => `${low}以上${high}未満`,
    psi: rich`PSI（母集団安定性指標）は、各区間の（新しい割合 − 基準の割合）× ln（新しい割合 ÷ 基準の割合）の合計です。空の区間は0.0001として扱います。`,
    monitorCommand: '新しいデータを基準値と照合（警報時の終了コードは4）',
    noMonitoring: rich`今回は監視の基準値を取得していません。本番投入の前に、入力の分布、予測クラス、確信度、下限の割合をテストデータから取得してください。`,
    rollbackTitle: '4. 元に戻す手順',
    rollback: [
      rich`「要対応」が2期間続き、同じサンプルで元のモデルには異常が見られないときは、元に戻します。`,
      rich`モデルのフォルダへの書き込みを止め、下のコマンドを実行し、推論サーバーでモデルを読み込み直します。`,
      rich`コマンドは元のファイルを1バイトも違わず復元します。ファイルが記録と異なる場合は、何もせずに終了します。`,
    ],
    rollbackCommand: '元に戻すコマンド',
    noRollback: rich`元のモデルは書き換えていないため、戻す操作は不要です。元のファイルを使い続けてください。`,
    omitted: (shown, total) => rich`全${total}件のうち${shown}件を示します。全件はJSONにあります。`,
  },

  settings: {
    title: '設定と実行環境',
    table: '実行時の設定',
    environment: '実行環境',
    name: '項目',
    value: '値',
    device: 'デバイス',
    threads: 'スレッド数',
    requested: (device) => `（指定: ${device}）`,
    elsewhere: '別のデバイスで計算した項目',
    activations: '活性化関数の入力',
    attribution: '寄与マップ',
    model: 'モデル',
    modelHash: '元のモデルのSHA-256',
    format: '形式',
    opset: '演算子セット',
    parameters: 'パラメータ数',
    files: '書き込んだファイル',
    file: 'ファイル',
    on: 'はい',
    off: 'いいえ',
  },

  search: {
    title: '学習方法の探索',
    lead: (count) =>
      rich`${count}通りの学習方法を、対照とFReLUの両方で同じように試し、検証データで比べました。各段階の後、良いほうの半分だけが、その続きから学習を進めています。最初の段階の後には、最も良かった2つを組み合わせた方法も加えました。FReLUだけを変える方法は、対照ではサンプルの順序を変えた学習とし、どちらも同じ数の中から選びました。テストデータは使っていません。`,
    chosen: (arms) => rich`${arms.map(([arm, recipe]) => `${arm}は「${recipe}」`).join('、')}を選びました。`,
    loss: '検証損失',
    metric: '検証データでの指標',
    table: (figure) =>
      `試した学習方法（終了時の${figure}、かっこ内はエポック数。全エポックを終えたものは、採用したエポックの値）`,
    recipe: '学習方法',
    options: 'オプション',
    after: (figure, epochs) => rich`${figure}（${epochs}）`,
    wordGap: ' ',
    outcomes: { chosen: '採用', stopped: '打ち切り', failed: '失敗' },
    failed: (recipe, why) => rich`「${recipe}」は失敗しました：${why}`,
    leftOut: (recipes) => rich`予算の時間内に試せなかったもの：${recipes}。`,
  },
  ablation: {
    title: '適用箇所ごとの効果',
    lead: rich`学習の後、各モデルが適用箇所で学習した値を1か所ずつ元に戻し、検証データで測り直しました。FReLUではシフトとオフセットを0に、対照ではその箇所に対応するバイアスを元のモデルの値に戻しています。戻したほうが良いと確認された箇所（対応のある検定、Holm補正後 p < 0.05）は、最も悪影響の大きいものから順に戻したままとし、残りを測り直しました。テストデータは使っていません。`,
    leftOut: rich`予算の時間内には実施できませんでした。`,
    nothing: (arm) => rich`${arm}：学習で値が変わった適用箇所はありません。`,
    table: (arm) => `${arm}：学習した値がある場合とない場合の検証結果（効果の大きい順）`,
    kept: 'あり',
    without: 'なし',
    p: 'p',
    needed: '戻しても改善せず',
    outcome: '結果',
    reverted: '元に戻した',
    stays: '維持',
  },
  risks: {
    title: 'リスクと、この結果だけでは分からないこと',
    missed: (goal, value, bound) => rich`未達の項目：${goal}（測定値 ${value}、基準 ${bound}）。`,
    worseClasses: (count, worst, change) =>
      rich`悪化が確認されたクラス（Holm補正後 p < 0.05）が${count}クラスあります。最も悪化したのは「${strong(worst)}」（${change}）です。`,
    worseSlices: (count, worst, change) =>
      rich`悪化が確認された区分（Holm補正後 p < 0.05）が${count}件あります。最も悪化したのは「${strong(worst)}」（${change}）です。`,
    paidFor: (name, least, margin) =>
      rich`${name}の悪化が確認されています（悪化幅は少なくとも${least}、採用条件の許容幅は${margin}）。`,
    leak: (seen, count) =>
      rich`テストサンプル${count}件のうち${seen}件は、学習または検証データにも含まれています。追加学習したモデルは正解を見ているため、元のモデルに対する改善は実力より大きく出ます。`,
    unseen: (count, value, interval) => rich`それ以外の${count}件での差は${value}（95％信頼区間 ${interval}）です。`,
    knownValidation: (validation, test) =>
      rich`元のモデルの正解率は、検証データで${validation}、テストデータで${test}です。検証データで学習済みのモデルと考えられます。採用するエポックは検証データで選ぶため、元のモデルに有利になり、追加学習の効果を十分に引き出せていない可能性があります。${code('--data')} には、学習に使っていないデータを指定してください。`,
    repeats: (repeats, count) =>
      rich`テストサンプル${count}件のうち${repeats}件は、ほかのサンプルの繰り返しです。信頼区間は、すべて異なるサンプルの場合より狭く出ます。`,
    resolution: (count, half) =>
      rich`テストサンプルは${count}件で、およそ${half}に満たない差は、増減どちらの向きでも見分けられません。`,
    oneClass: rich`テストデータには1つのクラスのサンプルしかありません。`,
    absent: (count, names) =>
      rich`テストサンプルが1件もなく、結果が分からないクラスが${count}クラスあります（${names}）。`,
    explanations: rich`判断根拠の説明（寄与マップ）が、FReLUを使わない同じ追加学習よりも大きく変わりました。説明を利用者に示している場合は、確認し直してください。`,
    slower: (change) =>
      rich`1回の推論時間が少なくとも${change}長くなることが確認されています（採用条件の許容範囲内）。`,
    oneSeed: rich`学習は1つの乱数シードで行いました。信頼区間に含まれるのはテストサンプルの偶然で、学習の偶然は含まれません。後者は ${code('--seeds 3')} で測定できます。`,
  },
  limits: {
    title: '結論の適用範囲',
    samples: (count) =>
      rich`比較はテストサンプル${count}件に基づきます。これと同じように集めたデータについてのみ成り立ちます。`,
    few: rich`サンプルが30件に満たないため、極端な差以外は確認できません。`,
    manyLooks: (look) =>
      rich`このテストデータでの判定は、今回で${look}回目です。判定を繰り返すほど、偶然の差を「確認できた」とする誤りが増えます。${code('--looks')} で回数をあらかじめ見込むか、新しいテストデータで判定してください。`,
    plannedLooks: (look, planned) =>
      rich`このテストデータでの判定は、予定した${planned}回のうち${look}回目です。採用条件では、全回数を見込んだ広い信頼区間を用いています。`,
    looks: rich`判定は、1つの指標を1回見た結果です。多くの指標やクラス、実行結果の中から良いものを選ぶと、確かさを過大に評価することになります。この点を補正しているのはクラス別のp値だけです。`,
    oneSeed: rich`学習は1つの乱数シードで行いました。信頼区間が表すのはテストサンプルの偶然であり、学習の偶然ではありません。後者は ${code('--seeds')} で測定できます。`,
    seeds: (count) =>
      rich`学習は${count}個の乱数シードで行いました。差の信頼区間は、学習の偶然とテストサンプルの偶然の両方を含みます。クラス、区分、保護指標、サンプル例についての記述は書き込み対象のモデルだけのもので、含まれるのはサンプルの偶然だけです。`,
    noControl: rich`対照モデルがないため、変化をFReLUの効果とみなす根拠はありません。`,
    duplicates: rich`テストデータと学習データの重複は調べていません。`,
    leak: rich`テストサンプルの一部が学習または検証データにも含まれており、学習したモデルの値は実力より高めに出ています。`,
    untested: (what) => rich`検証していない項目: ${what}。`,
    untestedItems: {
      latency: '推論時間',
      memory: 'メモリ使用量',
      attribution: '判断根拠の説明',
      monitoring: '監視の基準値',
      robustness: '攻撃や入力の劣化に対する頑健性',
      fairness: '人の属性による公平性',
      production: 'テストデータ以降の本番データ',
    },
  },

  history: {
    title: 'FReLU移行の履歴',
    subtitle: (count) => `全${count}件`,
    table: '移行したモデルとその効果',
    sortBy: '並べ替え',
    orders: { date: '日付', model: 'モデル', gain: '改善幅', verdict: '判定' },
    date: '日付',
    model: 'モデル',
    metric: '評価指標',
    before: '移行前',
    after: 'FReLU',
    difference: '差',
    interval: '95％信頼区間',
    control: '対照との差',
    verdict: '判定',
    written: '書き込み',
    yes: 'あり',
    no: 'なし',
    empty: rich`実行結果はまだありません。`,
  },

  pullRequest: {
    title: (model) => `${model} のFReLU移行`,
    table: 'テスト用データでの結果',
    metric: '評価指標',
    unmet: '満たしていない採用条件',
    lost: '悪化が確認された区分（Holm補正後 p < 0.05）',
    details: '採用条件のすべての項目',
    repeat: '同じ結果を再現する（書き込みなし）',
    repeatNote: (version) =>
      rich`バージョン${version}、同じファイルでの再現です。モデルとデータの読み取りに関する指定は含みません。読み取りの結果は報告書の該当する節にあります。`,
    undo: '元に戻す（1バイトも違わず復元）',
    notInPlace: rich`元のモデルは書き換えていないため、戻す操作は不要です。`,
  },

  card: {
    what: (model, relu, migrated) =>
      rich`${model} のReLU ${relu}か所のうち${migrated}か所をFReLU（Flexible ReLU）、すなわち relu(x + a) + b（aとbは学習で決まる値）に置き換え、短い追加学習を行ったモデルです。入力、出力、前処理は元のモデルと同じです。`,
    notWritten: rich`採用条件を満たさなかったか、書き込まない設定で実行したため、このモデルは元のモデルを置き換えていません。数値は評価したモデルのものです。`,
    original: (sha256) => rich`元のファイルのSHA-256: ${code(sha256)}`,
    changed: '変更点',
    evaluation: '評価',
    undo: '元に戻す方法',
    undoElsewhere: rich`元のファイルは置き換えていません。元のファイルを再び使ってください。`,
  },

  junit: {
    goals: (rule) => `採用条件 ${rule}`,
    asksNothing: (rule) => `採用条件 ${rule} に判定項目はありません`,
    slices: '区分',
    guarded: '監視している指標',
    slice: (name) => `区分「${name}」が、許容幅を超えて悪化しているとは確認されない`,
    measured: (goal, value, bound) => `${goal}。測定値 ${value}、基準 ${bound}。`,
  },

  terminal: {
    recipe: (recipe, tried) => `「${recipe}」を採用（${tried}通りのうち）`,
    ablation: (reverted, count, most) =>
      `元に戻した箇所：${reverted === '' ? 'なし' : reverted}（${count}か所のうち）。効果が最も大きい箇所：${most}`,
    oneSeed: '学習したシードは1つです。区間が表すのはテストサンプルの偶然で、学習の偶然は含みません。',
    overSeeds: (seeds) => `差は${seeds}個のシードの平均で、区間は学習の偶然とテストサンプルの偶然の両方を含みます。`,
    budget: '予算',
    convergence: '収束',
    interval: '95％',
    noInterval: '区間なし',
    epochs: 'エポック',
    time: '時間',
    best: (epochs, best) => `${epochs}（採用 ${best}）`,
    changes: (fixed, broken) => `新たに正解 ${fixed}、新たに不正解 ${broken}`,
    worstSlice: (name, samples) => `最も悪化した区分 ${name}（${samples}件）`,
    files: '書き込み',
    report: '報告書',
    rollback: '元に戻す',
    seed: (seed, isJudged) => `シード ${seed}${isJudged ? '（書き込みの対象、検証で最良）' : ''}`,
    missed: (goal) => `未達: ${goal}`,
    accepted: (rule, met) => `採用条件 ${rule}: ${met ? '達成' : '未達'}`,
  },
};
