import { cutToWidth } from "./width.ts";

export interface ScreenStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** A stream for lines that stay and, on a terminal, one line below them that is written over and over. */
export interface Screen {
  /** Whole lines; they push the live line down. */
  write(text: string): void;
  /** Replaces the live line; undefined takes it away. Nothing happens where there is none. */
  show(line: string | undefined): void;
}

/** Where a terminal does not say how wide it is. */
const usualColumns = 80;

/** `isLive`: whether the stream understands how a line is written over. */
export function createScreen(stream: ScreenStream, isLive: boolean): Screen {
  let shown: string | undefined;
  const clear = "\r\u001B[2K";
  // The last column stays free: many terminals begin a new line once it is filled.
  const draw = (line: string): string => cutToWidth(line, (stream.columns || usualColumns) - 1);
  return {
    write(text) {
      stream.write(shown === undefined ? text : `${clear}${text}${draw(shown)}`);
    },
    show(line) {
      if (!isLive || (line === undefined && shown === undefined)) return;
      stream.write(line === undefined ? clear : `${clear}${draw(line)}`);
      shown = line;
    },
  };
}
