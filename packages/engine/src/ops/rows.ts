import { BATCH_NORMALIZATION_ROWS } from "./batch-normalization.rows.ts";
import { BINARY_ROWS } from "./binary.rows.ts";
import { CLIP_ROWS } from "./clip.rows.ts";
import { CONCAT_ROWS } from "./concat.rows.ts";
import { CONV_ROWS } from "./conv.rows.ts";
import { CUM_SUM_ROWS } from "./cum-sum.rows.ts";
import { ELEMENTWISE_ROWS } from "./elementwise.rows.ts";
import { GATHER_ROWS } from "./gather.rows.ts";
import { LAYER_NORMALIZATION_ROWS } from "./layer-normalization.rows.ts";
import { MATMUL_ROWS } from "./matmul.rows.ts";
import { POOL_ROWS } from "./pool.rows.ts";
import { REDUCE_ROWS } from "./reduce.rows.ts";
import { RESHAPE_ROWS } from "./reshape.rows.ts";
import { RESIZE_ROWS } from "./resize.rows.ts";
import { SHAPE_ROWS } from "./shape.rows.ts";
import { SLICE_ROWS } from "./slice.rows.ts";
import { SOFTMAX_ROWS } from "./softmax.rows.ts";
import type { Row } from "./testing.ts";
import { TOP_K_ROWS } from "./top-k.rows.ts";
import { TRILU_ROWS } from "./trilu.rows.ts";

/** The test data of every op. A table test fails where an op has none. */
export const ROWS: readonly Row[] = [
  ...BATCH_NORMALIZATION_ROWS,
  ...BINARY_ROWS,
  ...CLIP_ROWS,
  ...CONCAT_ROWS,
  ...CONV_ROWS,
  ...CUM_SUM_ROWS,
  ...ELEMENTWISE_ROWS,
  ...GATHER_ROWS,
  ...LAYER_NORMALIZATION_ROWS,
  ...MATMUL_ROWS,
  ...POOL_ROWS,
  ...REDUCE_ROWS,
  ...RESHAPE_ROWS,
  ...RESIZE_ROWS,
  ...SHAPE_ROWS,
  ...SLICE_ROWS,
  ...SOFTMAX_ROWS,
  ...TOP_K_ROWS,
  ...TRILU_ROWS,
];
