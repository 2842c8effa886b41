/**
 * What a fleet takes, by arithmetic: `npm run capacity` for the table of docs/scale.md, `npm run capacity clicks=500
 * images=20 encode=15` for figures of your own, which `npm run bench:fleet` measures.
 */
const TIMES = {
  /** Milliseconds of a core for an image at an encode worker, and for a click: bench/README.md, MobileSAM on one thread. */
  encode: 600,
  click: 35,
  /** Of a click that is the first at its replica: the decoder's context, and reading the embedding. */
  first: 14,
  /** At the replica that takes an image: an estimate. */
  upload: 30,
  /** Of Redis, for an embedding that is read: redis-benchmark with values of 2 MiB. */
  redisRead: 1,
  /** And for an image: it and its embedding written and read, and its job. An estimate from the same. */
  redisImage: 3,
};

/** What somebody may have. */
const ASSUMED = {
  clicks: 0,
  images: 0,
  /** MiB of a file. */
  file: 0.5,
  /** MiB of an embedding in float16: SAM 1; 8 of SAM 2. */
  embedding: 2,
  /** Seconds for which an image is clicked on. */
  used: 300,
  /** Of each node: cores, Gbit/s of a Redis, GiB of a Redis, GiB of a replica's SAM_CACHE_BYTES. */
  cores: 16,
  network: 10,
  memory: 64,
  cache: 4,
  /** Images a second of one GPU. */
  gpu: 60,
  /** Share of anything that is used when all is well. */
  load: 0.7,
};

type Figures = typeof TIMES & typeof ASSUMED;

const GIB_PER_MIB = 1 / 1024;
const MIB_PER_GBIT = 1e9 / 8 / 2 ** 20;

/**
 * Replicas, besides the one that took the upload, that read an image's embedding: the one its clicks go to by hash, or
 * all those that clicks sent in turn come to.
 */
function reads(replicas: number, clicksPerImage: number, hashing: boolean): number {
  if (hashing) return 1 - 1 / replicas;
  return (replicas - 1) * (1 - (1 - 1 / replicas) ** clicksPerImage);
}

function capacity(figures: Figures, hashing: boolean) {
  const { clicks, images, file, embedding, used, load } = figures;
  let replicas = 1;
  let read = 0;
  let apiCores = 0;
  // More replicas read more, which takes more replicas: it settles at once.
  for (let round = 0; round < 10; round++) {
    read = reads(replicas, clicks / images, hashing);
    const ms = clicks * figures.click + images * (figures.upload + read * figures.first);
    apiCores = ms / 1000 / load;
    replicas = Math.max(1, Math.ceil(apiCores / figures.cores));
  }
  const encoderCores = (images * figures.encode) / 1000 / load;
  // The file goes in and out, and so does the embedding, which then is read again.
  const wire = images * (2 * file + 2 * embedding + read * embedding);
  const inUse = images * used * embedding * GIB_PER_MIB;
  const redisMs = images * (figures.redisImage + read * figures.redisRead);
  const redis = {
    network: wire / (figures.network * MIB_PER_GBIT * load),
    'one core': redisMs / 1000 / load,
    memory: inUse / (figures.memory * load),
  };
  const [bound = ''] = Object.entries(redis).sort(([, a], [, b]) => b - a)[0] ?? [];
  return {
    apiCores,
    replicas,
    encoderCores,
    gpus: images / figures.gpu / load,
    wire,
    inUse,
    redisNodes: Math.max(...Object.values(redis)),
    bound,
    /** Of embeddings in use, how much the memory of the replicas holds: once each by hash, everywhere in turn. */
    held: Math.min(1, ((hashing ? replicas : 1) * figures.cache) / inUse),
  };
}

const given = Object.fromEntries(
  process.argv.slice(2).map((argument) => {
    const [name = '', value] = argument.split('=');
    if (!(name in TIMES || name in ASSUMED)) throw new Error(`${name} is no figure of it`);
    if (!(Number(value) > 0)) throw new Error(`${name} is to be a number above 0, not "${value}"`);
    return [name, Number(value)];
  }),
);
const loads = [
  [10, 0.5],
  [100, 10],
  [1000, 100],
  [10_000, 1000],
].map(([clicks, images]) => ({ clicks, images }));
const whole = (value: number) => Math.ceil(value).toLocaleString('en');

console.log(
  '| Clicks and images a second | api cores | replicas | encoder cores | or GPUs | Redis, MiB/s | in use, GiB | held by replicas | Redis nodes, bound by |',
);
console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |');
for (const load of 'clicks' in given || 'images' in given ? [{}] : loads) {
  for (const hashing of [true, false]) {
    const figures = { ...TIMES, ...ASSUMED, ...load, ...given } as Figures;
    const need = capacity(figures, hashing);
    const cells = [
      `${figures.clicks.toLocaleString('en')}, ${figures.images.toLocaleString('en')}${hashing ? '' : ', in turn'}`,
      whole(need.apiCores),
      whole(need.replicas),
      whole(need.encoderCores),
      whole(need.gpus),
      whole(need.wire),
      whole(need.inUse),
      `${Math.floor(100 * need.held)} %`,
      `${whole(need.redisNodes)}, ${need.bound}`,
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}
