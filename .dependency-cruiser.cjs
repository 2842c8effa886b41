/** The rooms of src/ and the rooms each may use: CONTRIBUTING says why. */
const ROOMS = {
  core: [],
  onnx: [],
  sam: ['onnx', 'core'],
  owl: ['onnx', 'core'],
  checkpoint: ['core'],
  image: ['core'],
  masks: ['core'],
  detections: ['masks', 'core'],
  engine: ['sam', 'owl', 'onnx', 'checkpoint', 'core'],
  models: ['engine', 'core'],
  labels: ['image', 'masks', 'core'],
  evaluate: ['labels', 'image', 'masks', 'sam', 'core'],
  train: [
    ...['evaluate', 'labels', 'store', 'image', 'engine', 'masks'],
    ...['sam', 'onnx', 'checkpoint', 'core'],
  ],
  store: ['core'],
  fleet: ['store', 'core'],
  remote: ['core'],
  lanes: ['image', 'engine', 'masks', 'detections', 'sam', 'owl', 'core'],
  service: ['store', 'image', 'core'],
  http: ['service', 'core'],
  observe: ['core'],
};

/** Packages that live in one room only. */
const PACKAGES = {
  sharp: '^src/(image/|masks/formats/png)',
  'onnxruntime-(node|common)': '^src/(engine/|train/feeds)',
  '(fastify|@fastify/[^/]+)': '^src/http/',
  piscina: '^src/lanes/',
  'lru-cache': '^src/(store/|lanes/|http/hooks/rate-limit)',
  '(prom-client|@opentelemetry/[^/]+)': '^src/observe/',
  'ipaddr\\.js': '^src/(remote/|http/hooks/client-address)',
  'cli-progress': '^src/(models|evaluate|finetune)-cli',
  '(ioredis|bullmq)': '^src/fleet/',
  '@bufbuild/protobuf': '^src/onnx/',
  '@huggingface/tokenizers': '^src/owl/',
};

const directions = Object.entries(ROOMS).map(([room, uses]) => ({
  name: `${room}-uses-${uses.join('-') || 'nothing'}`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: '^src/', pathNot: `^src/(${[room, ...uses].join('|')})/` },
}));

/** The rooms of src/http and what each leaves alone; what lies beside them is for all. */
const HTTP_ROOMS = {
  schemas: 'routes|bodies|answers|hooks',
  bodies: 'routes|answers',
  answers: 'routes|bodies|hooks',
  hooks: 'routes',
};

const httpRooms = Object.entries(HTTP_ROOMS).map(([room, others]) => ({
  name: `http-${room}-leave-${others.replaceAll('|', '-')}`,
  severity: 'error',
  from: { path: `^src/http/${room}/` },
  to: { path: `^src/http/(${others})/` },
}));

const confinements = Object.entries(PACKAGES).map(([name, room]) => ({
  name: `only-in-${room.replace(/[^a-z]+/g, '-')}`,
  severity: 'error',
  from: { path: '^src/', pathNot: room },
  to: { path: `node_modules/${name}/` },
}));

module.exports = {
  forbidden: [
    ...directions,
    ...confinements,
    {
      name: 'service-knows-only-the-format-of-an-image',
      severity: 'error',
      from: { path: '^src/service/' },
      to: {
        path: '^src/image/',
        pathNot: '^src/image/(format|foreign-format|declared-size)\\.ts$',
      },
    },
    {
      name: 'pixels-stay-off-the-main-thread',
      severity: 'error',
      from: { path: '^src/lanes/[^/]*-lane\\.ts$' },
      to: { path: '^src/(image|engine|masks)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'nothing-served-uses-the-paper',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(sam/paper|train)/' },
      to: { path: '^src/sam/paper/' },
    },
    {
      name: 'nothing-served-trains-or-evaluates',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: '^src/(train/|evaluate/|labels/|finetune-cli|evaluate-cli|in-process)',
      },
      to: { path: '^src/(train|evaluate|labels)/' },
    },
    {
      name: 'the-service-knows-no-command',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(finetune|evaluate)-cli' },
      to: { path: '^src/((finetune|evaluate)-cli|in-process)' },
    },
    {
      name: 'an-encoder-knows-no-decoder',
      severity: 'error',
      from: { path: '^src/sam/encoder/' },
      to: { path: '^src/sam/decoder/' },
    },
    {
      name: 'the-decoder-knows-no-encoder',
      severity: 'error',
      from: { path: '^src/sam/decoder/' },
      to: { path: '^src/sam/encoder/' },
    },
    ...httpRooms,
    {
      name: 'the-client-shares-what-runs-anywhere',
      severity: 'error',
      from: { path: '^clients/' },
      to: {
        path: '^src/',
        pathNot:
          '^src/(core|masks)/|^src/sam/(architecture|decoder/prompt-tokens)\\.ts|^src/service/prompt-rules\\.ts',
      },
    },
    {
      name: 'the-service-knows-no-client',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^clients/' },
    },
    {
      name: 'a-browser-has-no-node',
      severity: 'error',
      from: { path: '^clients/', pathNot: '/node-runtime\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: '\\.d\\.ts$' },
      to: {},
    },
    {
      name: 'no-development-packages',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    { name: 'everything-resolves', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};
