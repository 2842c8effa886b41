import { Type } from 'typebox';
import { PRECISIONS } from '../../core/model.js';
import { choice, strict } from './schema.js';

const Network = Type.Object({ provider: Type.String(), sha256: Type.String() }, strict);

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
          encoder: Type.Object({ ...Network.properties, precision: choice(PRECISIONS) }, strict),
          decoder: Network,
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
