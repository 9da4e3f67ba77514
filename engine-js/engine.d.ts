/** Numbers row by row, and the length of each axis (one to four). */
export interface TensorData {
  data: Float32Array | Uint32Array;
  shape: number[];
}

/** What an op is called with. */
export interface OpDescription {
  name: string;
  /** The formula, in one line. */
  summary: string;
  inputs: { name: string; what: string }[];
  attributes: { name: string; what: string }[];
}

/** A device opened for compute. */
export class Engine {
  /**
   * Opens a device. `"auto"` (the default) takes a hardware GPU where there is one, and measures a software GPU against the CPU.
   * @throws where `"gpu"` is asked for and there is none.
   */
  static create(options?: { device?: "auto" | "gpu" | "cpu" }): Promise<Engine>;
  /** Which executor runs. */
  readonly device: "gpu" | "cpu";
  /** The adapter's name. */
  readonly adapter: string;
  /** Why this device runs, in a sentence. */
  readonly why: string;
  /** Every op there is, with its inputs and attributes. */
  ops(): OpDescription[];
  /**
   * Compiles an op for these inputs and writes them to the device.
   * @throws an error that names the op, input, attribute or shapes that do not fit.
   */
  prepare(
    op: string,
    inputs: Record<string, TensorData>,
    attributes?: Record<string, string | number | boolean>,
  ): Promise<Prepared>;
  /** Gives the device up. */
  dispose(): void;
}

/** An op compiled for its inputs. */
export interface Prepared {
  /** Arithmetic of one run, in FLOPs. */
  readonly flops: number;
  /** Bytes that one run must move at least. */
  readonly bytesMoved: number;
  /** Kernel launches of one run. */
  readonly launches: number;
  /** Runs `count` times (once by default) back to back; resolves when the device has finished. */
  run(count?: number): Promise<void>;
  /** The outputs by name. */
  read(): Promise<Record<string, TensorData>>;
  /** Gives its memory back. */
  dispose(): void;
}
