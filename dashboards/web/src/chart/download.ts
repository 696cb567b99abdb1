import { paletteOf } from './palette.ts';

/** The drawing with its title and the theme's background. `null` when the browser cannot make one. */
export async function chartPng(name: string, canvas: HTMLCanvasElement): Promise<Blob | null> {
  const scale = devicePixelRatio;
  const titleHeight = 34 * scale;
  const picture = document.createElement('canvas');
  picture.width = canvas.width;
  picture.height = canvas.height + titleHeight;
  const context = picture.getContext('2d');
  if (context === null) return null;
  const palette = paletteOf(canvas);
  context.fillStyle = palette.surface;
  context.fillRect(0, 0, picture.width, picture.height);
  context.fillStyle = palette.ink;
  context.font = `600 ${14 * scale}px system-ui, sans-serif`;
  context.fillText(name, 12 * scale, 22 * scale, picture.width - 24 * scale);
  context.drawImage(canvas, 0, titleHeight);
  return new Promise((resolve) => picture.toBlob(resolve, 'image/png'));
}

/** Hands a file to the browser. */
export function download(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  // Later, so that the browser has begun to read it.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
