import { defineConfig } from 'vitepress';

const guide = [
  { text: 'What it is', link: '/' },
  { text: 'Start', link: '/start' },
  { text: 'For those who decide', link: '/decision' },
  { text: 'Installing', link: '/installing' },
  { text: 'When not to use it', link: '/when-not' },
  { text: 'How it works', link: '/how-it-works' },
  { text: 'Coming from other tools', link: '/coming-from' },
  { text: 'Guided use, completion', link: '/guided' },
  { text: 'When it stops', link: '/troubleshooting' },
];

const tutorials = [
  { text: 'PyTorch, an image folder', link: '/tutorials/pytorch-images' },
  { text: 'scikit-learn, a table', link: '/tutorials/scikit-learn' },
  { text: 'TensorFlow.js, in place', link: '/tutorials/tensorflow-js' },
  { text: 'Series and audio', link: '/tutorials/series-and-audio' },
  { text: 'Text', link: '/tutorials/text' },
  { text: 'A gate in CI', link: '/tutorials/ci-gate' },
  { text: 'A fleet', link: '/tutorials/fleet' },
  { text: 'On a GPU', link: '/tutorials/gpu' },
];

const reference = [
  { text: 'The reading', link: '/reading' },
  { text: 'When a model is written', link: '/acceptance' },
  { text: 'Ingredients of a fine-tune', link: '/recipes' },
  { text: 'From scratch', link: '/from-scratch' },
  { text: 'Losses and metrics', link: '/losses' },
  { text: 'Segmentation', link: '/segmentation' },
  { text: 'Distillation', link: '/distillation' },
  { text: 'Guided on a terminal', link: '/guided' },
  { text: 'Settings from a file', link: '/configuration' },
  { text: 'Results kept elsewhere', link: '/logging' },
  { text: 'Upgrade and rollback', link: '/upgrade' },
  { text: 'Continuous integration', link: '/ci' },
  { text: 'A fleet', link: '/fleet' },
  { text: 'Source that builds models', link: '/codemod' },
  { text: 'The library', link: '/library' },
  { text: 'API', link: '/api' },
];

const inside = [
  { text: 'Architecture', link: '/architecture' },
  { text: 'Networks of others', link: '/networks' },
  { text: 'Benchmarks', link: '/benchmarks' },
  { text: 'Reliability', link: '/reliability' },
  { text: 'Fuzzing', link: '/fuzzing' },
  { text: 'Dependencies', link: '/dependencies' },
];

export default defineConfig({
  title: 'frelu-migrate',
  description: 'Would changing only the activation function make your trained network more accurate?',
  // pages of the repository beside the documentation: their links are for readers of the repository
  ignoreDeadLinks: [/\.\.\/README/, /\.\.\/CONTRIBUTING/],
  // <NAME> and {{ }} stand in tables of these pages as they are
  markdown: { html: false },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
  },
  locales: {
    root: {
      label: 'English',
      lang: 'en',
      themeConfig: {
        nav: [
          { text: 'Start', link: '/start' },
          { text: 'Tutorials', link: '/tutorials/pytorch-images' },
          { text: 'Library', link: '/library' },
          { text: 'API', link: '/api' },
        ],
        sidebar: [
          { text: 'Guide', items: guide },
          { text: 'Tutorials', items: tutorials },
          { text: 'Reference', items: reference },
          { text: 'Inside', items: inside },
        ],
      },
    },
    ja: {
      label: '日本語',
      lang: 'ja',
      link: '/ja/',
      themeConfig: {
        nav: [
          { text: 'はじめに', link: '/ja/start' },
          { text: '導入の判断', link: '/ja/decision' },
        ],
        outline: { level: [2, 3], label: '目次' },
        docFooter: { prev: '前へ', next: '次へ' },
        sidebarMenuLabel: 'メニュー',
        returnToTopLabel: '先頭へ',
        darkModeSwitchLabel: '配色',
        sidebar: [
          {
            text: '日本語',
            items: [
              { text: '概要', link: '/ja/' },
              { text: 'はじめに', link: '/ja/start' },
              { text: '導入を判断される方へ', link: '/ja/decision' },
            ],
          },
          { text: '英語のページ', items: [...tutorials, { text: 'Troubleshooting', link: '/troubleshooting' }] },
        ],
      },
    },
  },
});
