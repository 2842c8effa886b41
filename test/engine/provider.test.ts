import t from 'tap';
import { cannotOpen, lacksHalves, unavailable } from '#src/engine/provider.js';
import { openSession } from '#src/engine/session.js';

t.test('what an operator is told of a GPU', async (t) => {
  t.match(unavailable('webgpu', new Error('Failed to get a WebGPU adapter.')), {
    name: 'OperatorError',
    message: /Vulkan driver/,
  });
  t.match(unavailable('cuda', new Error('no such file')), { message: /DEVICE=cuda/ });

  const gone = new Error(
    'buffer_manager.cc:641 void Download() map_async_result.status == Success was false. Failed to download data from buffer. [Device] is lost.',
  );
  t.match(unavailable('webgpu', gone), {
    name: 'DeviceLost',
    message:
      'the GPU of "webgpu" is lost to this process (Failed to download data from buffer. [Device] is lost.): restart it',
  });

  const status =
    "Non-zero status code returned while running MatMul node. Name:'/blocks.0/qkv' Status Message: ";
  const half = `${status}shader_helper.cc:401 GenerateSourceCode Program MatMul requires f16 but the device does not support it.`;
  const said = lacksHalves('webgpu', new Error(half));
  t.match(said, /Program MatMul requires f16 .*SAM_ENCODER_PRECISION=auto/);
  t.notMatch(said, /Vulkan|install/);

  const large = cannotOpen('cuda', new Error('onnxruntime::BFCArena: Failed to allocate memory'));
  t.match(large, { name: 'OperatorError', message: /"cuda" does not take .*Failed to allocate/ });
  t.notMatch(large.message, /driver/);
});

t.test('a network that is none is not blamed on the device', async (t) => {
  const options = { device: 'cpu', threads: 1, gpuTurn: new SharedArrayBuffer(4) } as const;
  await t.rejects(openSession(Buffer.from('no graph'), options), {
    name: 'OperatorError',
    message: /"cpu" does not take the network \(/,
  });
});
