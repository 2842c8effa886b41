import { copyFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openCheckpoint } from '#src/checkpoint/checkpoint.js';
import type { ModelCheckpoint, ModelManifest } from '#src/core/family/model.js';
import { inspectCheckpoint } from '#src/engine/checkpoint-model.js';
import { sha256Of } from '#src/engine/model-files.js';
import { manifests, sizeOf, verify } from '#src/models/catalogue.js';
import { importCheckpoint } from '#src/models/import.js';
import type { HieraVariant } from '#src/sam/architecture.js';
import { decoderParameters } from '#src/sam/decoder/decoder-parameters.js';
import { BACKGROUND, hieraParameters } from '#src/sam/encoder/hiera/hiera-parameters.js';
import { writeRandomSam } from '../checkpoint/fixtures/random-sam.js';
import { sam2Shapes, writeRandomSam2 } from '../checkpoint/fixtures/random-sam2.js';
import { type WrittenTensor, writeSafetensors } from '../checkpoint/fixtures/safetensors-writer.js';
import { TINY } from '../fixtures/models.js';

t.test('a checkpoint becomes a model', async (t) => {
  const folder = t.testdir({ models: {} });
  const models = join(folder, 'models');
  const file = join(folder, 'Our SAM v2.pth');
  writeRandomSam(file, TINY);
  const manifest = await importCheckpoint(models, file, { license: 'MIT' });
  t.match(manifest, {
    name: 'our_sam_v2',
    title: 'Our SAM v2.pth',
    license: 'MIT',
    architecture: 'sam_vit',
    checkpoint: { file: 'our_sam_v2.pth', sha256: await sha256Of(file) },
  });
  t.ok(readFileSync(join(models, 'our_sam_v2.pth')).equals(readFileSync(file)));
  t.same(await manifests(models), [manifest]);
  t.ok(Number(sizeOf(models, manifest)) > 16e6);
  await verify(models, 'our_sam_v2');

  t.test('again, it is known', async (t) => {
    await t.rejects(importCheckpoint(models, file, {}), { message: /pth is there already/ });
    await t.rejects(importCheckpoint(models, file, { name: 'our_sam_v2' }), {
      message: /there is a model our_sam_v2 already/,
    });
    t.match(await importCheckpoint(models, file, { name: 'twin' }), { name: 'twin' });
    await t.rejects(importCheckpoint(models, file, { name: 'a b' }), { message: /--name/ });
  });

  t.test('a file that a manifest waits for', async (t) => {
    const waiting = t.testdir({});
    writeFileSync(join(waiting, 'twin.json'), readFileSync(join(models, 'twin.json')));
    t.match(await importCheckpoint(waiting, file, {}), { name: 'twin' });
    await verify(waiting, 'twin');
  });

  t.test('altered afterwards', async (t) => {
    const path = join(models, 'our_sam_v2.pth');
    const bytes = readFileSync(path);
    bytes[1_000_000] = ~(bytes[1_000_000] as number);
    writeFileSync(path, bytes);
    await t.rejects(verify(models, 'our_sam_v2'), { message: /is not the one its manifest names/ });
    truncateSync(path, 2_000_000);
    await t.rejects(verify(models, 'our_sam_v2'), { message: /is not the one its manifest names/ });
  });
});

t.test('what does not fit is named, and nothing is left behind', async (t) => {
  const folder = t.testdir({ models: {} });
  const models = join(folder, 'models');
  const file = join(folder, 'sam.pth');
  const refused = async (message: RegExp) => {
    await t.rejects(importCheckpoint(models, file, {}), { name: 'OperatorError', message });
    t.same(await manifests(models), []);
    t.notOk(existsSync(join(models, 'sam.pth')));
  };
  const poisoned = 'mask_decoder.transformer.layers.0.mlp.lin1.bias';
  writeRandomSam(file, TINY, { changes: { [poisoned]: (data) => data.fill(Number.NaN, 3, 4) } });
  await refused(
    /tensor "mask_decoder\.transformer\.layers\.0\.mlp\.lin1\.bias": it holds numbers that are not finite/,
  );
  const late = 'image_encoder.neck.2.weight';
  writeRandomSam(file, TINY, { changes: { [late]: (data) => data.fill(Number.NaN, 3, 4) } });
  await refused(/tensor "image_encoder\.neck\.2\.weight": it holds numbers that are not finite/);
  truncateSync(file, 1_000_000);
  await refused(/its end is missing/);
  const data = new Float32Array(4);
  const detector = new Map([['owlv2.text_projection.weight', { shape: [2, 2], data }]]);
  writeSafetensors(file, detector);
  await refused(/it is of a detector: import the folder it is in/);
  copyFileSync(new URL('../../package.json', import.meta.url), file);
  await refused(/not a checkpoint that can be read/);
});

const HIERA_TINY: HieraVariant = {
  ...{ dim: 16, heads: 1, stages: [1, 1, 2, 1], windows: [8, 4, 14, 7] },
  globalAttn: [3],
};
const CONFIG = { num_heads: 1, window_spec: [8, 4, 14, 7], global_att_blocks: [3] };

t.test('a SAM 2 becomes a model, without what it has for videos', async (t) => {
  const folder = t.testdir({ models: {} });
  const models = join(folder, 'models');
  const file = join(folder, 'own.pt');
  writeRandomSam2(file, HIERA_TINY);
  await t.rejects(importCheckpoint(models, file, {}), { message: /--heads 1 --windows/ });
  const manifest = await importCheckpoint(models, file, { hiera: CONFIG });
  t.match(manifest, {
    ...{ name: 'own', architecture: 'sam2_hiera', resize: 'stretch', hiera: CONFIG },
    checkpoint: { file: 'own.pt' },
  });
  await verify(models, 'own');

  // What the manifest says holds: another block that sees the whole image is another model.
  const path = join(models, 'own.json');
  writeFileSync(path, JSON.stringify({ ...manifest, hiera: { ...CONFIG, num_heads: 3 } }));
  await t.rejects(verify(models, 'own'), { message: /16 channels, which 3 heads do not divide/ });
  const { hiera: _, ...untold } = manifest as ModelManifest & ModelCheckpoint;
  writeFileSync(path, JSON.stringify(untold));
  await t.rejects(verify(models, 'own'), { message: /no published SAM 2 has 16 channels/ });

  const shapes = sam2Shapes(HIERA_TINY);
  const refused = async (
    change: (shapes: Map<string, readonly number[]>) => void,
    message: RegExp,
  ) => {
    const changed = new Map(shapes);
    change(changed);
    writeRandomSam2(file, HIERA_TINY, changed);
    const importing = importCheckpoint(models, file, { name: 'other', hiera: CONFIG });
    await t.rejects(importing, { name: 'OperatorError', message });
  };
  const adapter = 'image_encoder.trunk.blocks.0.adapter.weight';
  await refused((all) => all.set(adapter, [4]), /blocks\.0\.adapter\.weight" is none of SAM 2's/);
  const head = 'sam_mask_decoder.pred_obj_score_head.layers.2.bias';
  await refused(
    (all) => all.delete(head),
    /"mask_decoder\.pred_obj_score_head\.layers\.2\.bias" is missing/,
  );
  const norm = 'image_encoder.trunk.blocks.1.norm2.bias';
  await refused((all) => all.set(norm, [16]), /blocks\.1\.norm2\.bias" is \[16\], expected \[32\]/);
});

t.test("Hugging Face's names of a SAM 2, those for videos too", async (t) => {
  const folder = t.testdir({});
  const [ours, theirs] = [join(folder, 'ours.pt'), join(folder, 'theirs.safetensors')];
  writeRandomSam2(ours, HIERA_TINY);
  const meta = openCheckpoint(ours, (tensors) => tensors);
  const points: Float32Array[] = [];
  const renamed = new Map<string, WrittenTensor>();
  for (const [name, tensor] of meta.tensors) {
    const data = tensor.read();
    if (/point_embeddings/.test(name)) points.push(data);
    else renamed.set(inHuggingFace(name), { shape: tensor.shape, data });
  }
  meta.close();
  // Its four embeddings of points are one tensor.
  const data = new Float32Array(points.flatMap((point) => [...point]));
  renamed.set('prompt_encoder.point_embed.weight', { shape: [4, 256], data });
  writeSafetensors(theirs, renamed);

  t.same(inspectCheckpoint(theirs, CONFIG), inspectCheckpoint(ours, CONFIG));
  const [named, own] = [openCheckpoint(theirs), openCheckpoint(ours)];
  t.teardown(() => [named, own].map((checkpoint) => checkpoint.close()));
  const names = [...hieraParameters(HIERA_TINY).keys(), ...decoderParameters('sam2').keys()];
  for (const name of [...names, BACKGROUND]) {
    const [found, right] = [named, own].map(({ tensors }) => tensors.get(name)?.read());
    if (!right || !found || Buffer.compare(bytesOf(found), bytesOf(right)) !== 0) t.fail(name);
  }
  t.ok(names.length > 100);
});

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** What Hugging Face's conversion calls a tensor. */
function inHuggingFace(name: string): string {
  const rules: [RegExp, string][] = [
    [/^image_encoder\.trunk\./, 'vision_encoder.backbone.'],
    [/^image_encoder\.neck\.convs\.(\d)\.conv\./, 'vision_encoder.neck.convs.$1.'],
    [/^sam_/, ''],
    [/patch_embed\.proj/, 'patch_embed.projection'],
    [/\.norm(\d|_final_attn)?\./, '.layer_norm$1.'],
    [/\.out_proj\./, '.o_proj.'],
    [/^no_mem_embed/, 'no_memory_embedding'],
    [/\.mlp\.layers\.0\./, '.mlp.proj_in.'],
    [/\.mlp\.layers\.1\./, '.mlp.proj_out.'],
    [/((?:head|mlps\.\d|obj_ptr_proj))\.layers\.0\./, '$1.proj_in.'],
    [/((?:head|mlps\.\d))\.layers\.1\./, '$1.layers.0.'],
    [/((?:head|mlps\.\d))\.layers\.2\./, '$1.proj_out.'],
    [
      /^prompt_encoder\.pe_layer\.positional_encoding_gaussian_matrix/,
      'shared_image_embedding.positional_embedding',
    ],
    [/mask_downscaling\.0\./, 'mask_embed.conv1.'],
    [/mask_downscaling\.1\./, 'mask_embed.layer_norm1.'],
    [/mask_downscaling\.3\./, 'mask_embed.conv2.'],
    [/mask_downscaling\.4\./, 'mask_embed.layer_norm2.'],
    [/mask_downscaling\.6\./, 'mask_embed.conv3.'],
    [/output_upscaling\.0\./, 'upscale_conv1.'],
    [/output_upscaling\.1\./, 'upscale_layer_norm.'],
    [/output_upscaling\.3\./, 'upscale_conv2.'],
    [/^maskmem_tpos_enc/, 'memory_temporal_positional_encoding'],
    [/^no_mem_pos_enc/, 'no_memory_positional_encoding'],
    [/^no_obj_ptr/, 'no_object_pointer'],
    [/^no_obj_embed_spatial/, 'occlusion_spatial_embedding_parameter'],
    [/^obj_ptr_tpos_proj/, 'temporal_positional_encoding_projection_layer'],
    [/^obj_ptr_proj/, 'object_pointer_proj'],
  ];
  return rules.reduce((text, [pattern, into]) => text.replace(pattern, into), name);
}
