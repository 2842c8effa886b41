import { effect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { picture } from '../state/picture.js';
import { hovered } from '../state/preview.js';
import { tool } from '../state/tool.js';
import { cursor } from './gesture.js';
import { pressOnCanvas } from './keyboard.js';
import { paintImage, paintMarks, paintMasks } from './paint.js';
import { PointerInput } from './pointer.js';
import { canvasSize, view } from './view.js';

/** The image, above it its masks, and above them what changes under the hand: each on a canvas of its own. */
export function Stage() {
  const frame = useRef<HTMLDivElement>(null);
  const image = useRef<HTMLCanvasElement>(null);
  const masks = useRef<HTMLCanvasElement>(null);
  const marks = useRef<HTMLCanvasElement>(null);

  useEffect(() => {
    if (!frame.current || !image.current || !masks.current || !marks.current) return;
    const resized = new ResizeObserver(([entry]) => {
      if (!entry) return;
      const { width, height } = entry.contentRect;
      canvasSize.value = { width, height };
    });
    resized.observe(frame.current);
    new PointerInput(frame.current);
    const ends = [
      keepPainted(image.current, paintImage),
      keepPainted(masks.current, paintMasks),
      keepPainted(marks.current, paintMarks),
    ];
    return () => {
      resized.disconnect();
      for (const end of ends) end();
    };
  }, []);

  const onKeyDown = (event: KeyboardEvent) => {
    if (picture.value && !event.ctrlKey && !event.metaKey && pressOnCanvas(event)) {
      event.preventDefault();
      event.stopPropagation();
    }
  };
  const onBlur = () => {
    cursor.value = undefined;
    hovered.value = undefined;
  };
  return (
    <div
      class="stage"
      ref={frame}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it takes the arrow keys, as its label says
      tabIndex={0}
      role="application"
      aria-label="Image"
      aria-describedby="stage-keys"
      data-tool={tool.value}
      // For tests: where the image lies on it.
      data-view={JSON.stringify(view.value)}
      onKeyDown={onKeyDown}
      onBlur={onBlur}
    >
      <canvas ref={image} />
      <canvas ref={masks} data-layer="masks" />
      <canvas ref={marks} data-layer="marks" />
      <p id="stage-keys" class="unseen">
        Arrow keys move a cursor, Enter adds where it is and Shift Enter subtracts, R begins a box.
      </p>
    </div>
  );
}

/** Paints a canvas now, and once a frame while what was painted changes. @returns what ends that */
function keepPainted(
  canvas: HTMLCanvasElement,
  paint: (context: CanvasRenderingContext2D, ratio: number) => void,
): () => void {
  const context = canvas.getContext('2d');
  if (!context) throw new Error('This browser has no canvas');
  let frame = 0;
  let forget = () => {};
  const repaint = () => {
    forget();
    let painted = false;
    forget = effect(() => {
      // Called again when anything changes that was read while painting.
      if (painted) frame = requestAnimationFrame(repaint);
      else {
        fit(canvas, canvasSize.value, devicePixelRatio);
        paint(context, devicePixelRatio);
        painted = true;
      }
    });
  };
  repaint();
  return () => {
    cancelAnimationFrame(frame);
    forget();
  };
}

function fit(canvas: HTMLCanvasElement, size: { width: number; height: number }, ratio: number) {
  const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}
