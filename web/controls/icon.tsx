/** Lines on a grid of 24 by 24. */
const SHAPES = {
  image: 'M4 5h16v14H4z M4 16l5-5 4 4 3-3 4 4 M15 9h.01',
  camera: 'M4 8h3l2-3h6l2 3h3v11H4z M12 16a3 3 0 1 0 0-6 3 3 0 0 0 0 6z',
  point: 'M12 3v5 M12 16v5 M3 12h5 M16 12h5 M12 12h.01',
  brush: 'M20 4l-9 9 M9.5 12.5c-3 0-3 3-6 6.5 4 1 8.500-.5 8.500-4z',
  move: 'M12 3v18 M3 12h18 M9 6l3-3 3 3 M9 18l3 3 3-3 M6 9l-3 3 3 3 M18 9l3 3-3 3',
  plus: 'M12 5v14 M5 12h14',
  minus: 'M5 12h14',
  undo: 'M9 14L4 9l5-5 M4 9h10a6 6 0 0 1 0 12h-3',
  redo: 'M15 14l5-5-5-5 M20 9H10a6 6 0 0 0 0 12h3',
  clear: 'M4 7h16 M9 7V4h6v3 M6 7l1 13h10l1-13',
  whole: 'M4 9V4h5 M20 9V4h-5 M4 15v5h5 M20 15v5h-5',
  help: 'M9 9a3 3 0 1 1 4 2.800c-.8.400-1 1-1 2.200 M12 17.500h.01',
  copy: 'M9 9h11v11H9z M5 15H4V4h11v1',
  download: 'M12 4v11 M7 11l5 5 5-5 M5 20h14',
  sparkles:
    'M12 4l1.800 5.200L19 11l-5.200 1.800L12 18l-1.800-5.200L5 11l5.200-1.800z M19 4v3 M17.500 5.500h3',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14z M16 16l5 5',
  example: 'M4 8V4h4 M16 4h4v4 M20 16v4h-4 M8 20H4v-4 M12 9l3 3-3 3-3-3z',
  close: 'M6 6l12 12 M18 6L6 18',
  chip: 'M7 7h10v10H7z M10 3v4 M14 3v4 M10 17v4 M14 17v4 M3 10h4 M3 14h4 M17 10h4 M17 14h4',
} as const;

export type IconName = keyof typeof SHAPES;

/** A picture beside words, or on a button that has a label. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={SHAPES[name]} />
    </svg>
  );
}
