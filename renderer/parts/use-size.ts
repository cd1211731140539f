import { type RefObject, useLayoutEffect, useState } from 'react';

export interface Size {
  readonly width: number;
  readonly height: number;
  /** Size of the text there, pixels: all drawing follows it. */
  readonly unit: number;
}

/** The size of an element, kept up to date; null until it has one. */
export function useSize(reference: RefObject<HTMLElement | null>): Size | null {
  const [size, setSize] = useState<Size | null>(null);
  useLayoutEffect(() => {
    const element = reference.current;
    if (!element) return;
    const measure = (): void => {
      const width = element.clientWidth;
      const height = element.clientHeight;
      if (width === 0 || height === 0) return;
      const unit = Number.parseFloat(getComputedStyle(element).fontSize) || 13;
      setSize((before) =>
        before?.width === width && before.height === height && before.unit === unit
          ? before
          : { width, height, unit },
      );
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [reference]);
  return size;
}
