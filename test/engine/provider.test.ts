import t from 'tap';
import { unavailable } from '#src/engine/provider.js';

t.test('what an operator is told of a GPU', async (t) => {
  const status =
    "Non-zero status code returned while running MatMul node. Name:'/blocks.0/qkv' Status Message: ";
  const half = `${status}shader_helper.cc:401 GenerateSourceCode Program MatMul requires f16 but the device does not support it.`;
  const shader = "Error while parsing WGSL: 'f16' type used without 'f16' extension enabled";
  for (const reason of [half, shader]) {
    const said = unavailable('webgpu', new Error(reason));
    t.match(said, /no 16-bit shaders .*SAM_DEVICE=cpu or cuda, or the model mobile_sam/);
    t.notMatch(said, /Vulkan/);
  }
  t.match(unavailable('webgpu', new Error('Failed to get a WebGPU adapter.')), /Vulkan driver/);
  t.match(unavailable('cuda', new Error('no such file')), /DEVICE=cuda/);
});
