import { Type } from 'typebox';
import { FAMILIES, RESIZES } from '../../core/family/family.js';
import { PRECISION_CHOICES } from '../../core/family/model.js';
import { choice, strict } from './schema.js';

const Network = Type.Object({ provider: Type.String(), sha256: Type.String() }, strict);

const GraphTensor = Type.Object(
  {
    name: Type.String(),
    dtype: choice(['float32', 'bool']),
    shape: Type.Array(Type.Union([Type.Integer(), Type.String()]), {
      description: 'Lengths, or names of those that differ from run to run.',
    }),
  },
  strict,
);

const Graph = Type.Object(
  { inputs: Type.Array(GraphTensor), outputs: Type.Array(GraphTensor) },
  strict,
);

/** What clients have to know that decode by themselves, and what holds where a request leaves it open. */
const BY_FAMILY = {
  family: choice(FAMILIES),
  resize: choice(RESIZES, {
    description:
      "How images get into the square of `image_size`, and points with them: `longest_side` becomes the square's, or both " +
      'axes are stretched to it.',
  }),
  prompt: Type.Object(
    {
      box: choice(['first', 'last'], {
        description: 'Where the corners of a box stand among the points of `decoder.onnx`.',
      }),
      padding: choice(['without_box', 'with_points_or_box'], {
        description: 'When a last point with the label -1 is added.',
      }),
    },
    strict,
  ),
  logits_limit: Type.Optional(
    Type.Number({
      description:
        'Logits are cut off at this, both ways, when they are handed out; masks are made of them before. Absent where they ' +
        'are not.',
    }),
  ),
  graphs: Type.Object(
    { context: Graph, decoder: Graph },
    {
      ...strict,
      description:
        'What context.onnx and decoder.onnx take and give. The inputs of the first are the tensors of an embedding, its ' +
        'outputs are inputs of the second. `mask_input` is an input of decoder.onnx?mask_input=1 alone.',
    },
  ),
  everything: Type.Record(Type.String(), Type.Number(), {
    description: 'The defaults of `/everything`.',
  }),
};

export const ModelList = Type.Object(
  {
    models: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          title: Type.String(),
          license: Type.String(),
          source: Type.String(),
          architecture: Type.String(),
          image_size: Type.Integer(),
          fingerprint: Type.String(),
          memory_bytes: Type.Integer({
            description: 'By how much the process grew as the model was loaded; 0 while it is not.',
          }),
          encoder: Type.Object(
            {
              ...Network.properties,
              precision: choice(PRECISION_CHOICES, {
                description:
                  '`auto` until the device has chosen, which it does when the model is loaded.',
              }),
            },
            strict,
          ),
          decoder: Network,
          ...BY_FAMILY,
        },
        strict,
      ),
    ),
    text: Type.Optional(
      Type.Object(
        {
          name: Type.String(),
          title: Type.String(),
          license: Type.String(),
          source: Type.String(),
          architecture: Type.String(),
          image_size: Type.Integer(),
        },
        {
          ...strict,
          description: 'What finds things by `text`. Absent where nothing does.',
        },
      ),
    ),
  },
  { ...strict, $id: 'ModelList' },
);
