import {
  type Candidate,
  type ClassificationReport,
  type ClassificationScore,
  type ComparedMethod,
  type Evaluation,
  mainFigure,
  type Score,
} from "@kilotune/contract";

/** A realistic report of a support desk with 12 intents, or of any number of made-up ones; the same numbers every time. */
export function sampleReport(labelCount = 12): ClassificationReport {
  const random = lehmer(20261125 + labelCount);
  const labels = Array.from({ length: labelCount }, (_, i) => intents[i] ?? `intent_${i + 1}`);
  const evaluation = sampleEvaluation(labels, 20, random);
  const rows = evaluation.rows;
  const candidate = (
    name: Candidate["name"],
    title: string,
    heldOut: number,
    test: number,
    sizeBytes: number,
    published = false,
  ): Candidate => ({
    name,
    title,
    heldOut: score(480, heldOut),
    test: score(rows, test),
    sizeBytes,
    published,
  });
  const head = labelCount * 385 * 2;
  return {
    title: "Support desk, 12 intents",
    createdAt: "2026-11-25T10:41:07.000Z",
    backbone: {
      id: "minilm-l6",
      weightsSha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
      licence: "Apache-2.0",
      layers: 6,
      hiddenSize: 384,
    },
    data: {
      trainRows: labelCount * 40,
      heldOut: { rows: 480, source: "5-fold cross-validation" },
      testRows: rows,
      labels: labels.map((name, i) => ({ name, rows: 36 + ((i * 7) % 9) })),
      truncatedRows: 3,
    },
    settings: {
      method: "kv",
      tokens: 8,
      "first layer": 3,
      epochs: "auto (30)",
      "learning rate": 0.005,
      "weight decay": 0.01,
      "batch size": 16,
      seed: 0,
      "warm-up": "10 %",
      clipping: 1,
    },
    curve: sampleCurve(30, random),
    candidates: [
      candidate("majority", "majority", 1 / labelCount, 1 / labelCount, 41),
      candidate("classMean", "nearest class mean", 0.8604, 0.8583, head),
      candidate("knn", "5 nearest neighbours", 0.8375, 0.8292, labelCount * 40 * 768),
      candidate("linearProbe", "linear probe", 0.9021, 0.9, head),
      candidate("head", "linear head, tuned", 0.9063, 0.9042, head),
      candidate("soft", "soft tokens", 0.9083, 0.9125, head + 6144),
      candidate("kv", "key/value prefixes", 0.9292, evaluation.accuracy, head + 49_152, true),
    ],
    verdict: {
      best: "kv",
      margin: 0.0271,
      significant: true,
      pValue: 0.0124,
      words:
        "The key/value prefixes are right on 92.9 % of the held-out rows, the best baseline (linear probe) on 90.2 %. A paired test puts the difference beyond noise, so the prompt is what was published.",
    },
    evaluation,
    calibration: {
      temperature: 1.37,
      expectedCalibrationError: 0.0312,
      bins: Array.from({ length: 15 }, (_, i) => ({
        confidence: (i + 0.55) / 15,
        accuracy: Math.min(1, Math.max(0, (i + 0.55) / 15 + (random() - 0.62) * 0.22)),
        rows: i < 3 ? 0 : Math.round(2 + 1.45 ** i / 2),
      })),
    },
    otherTests: [
      {
        name: "test.es.jsonl (Spanish)",
        rows: 60,
        published: score(60, 0.5),
        linearProbe: score(60, 0.4667),
      },
      {
        name: "test.de.jsonl (German)",
        rows: 60,
        published: score(60, 0.35),
        linearProbe: score(60, 0.3667),
      },
    ],
    prompt: {
      path: "out/prompt.safetensors",
      id: "b1946ac92492d2347c6235b4d2611184f2c1a4e0ab0c4c9bb1b5f3d0a8c2f7e1",
      sizeBytes: head + 49_152,
      method: "kv",
      tokens: 8,
      trainableParameters: 24_576 + labelCount * 385,
    },
    timings: [
      { name: "read and check the data", seconds: 0.42 },
      { name: "prepare the backbone", seconds: 9.3 },
      { name: "baselines", seconds: 6.1 },
      { name: "tune", seconds: 84.2 },
      { name: "evaluate", seconds: 11.7 },
    ],
    notes: [
      "3 texts were longer than 128 tokens and were cut; their ends were not read.",
      "The held-out rows chose the number of epochs; the published prompt was then tuned on all rows.",
    ],
  };
}

/** Methods side by side, one of which diverged. */
export function sampleComparison(): ComparedMethod[] {
  const method = (
    name: string,
    title: string,
    [heldOut, test]: readonly [number, number],
    [trainableParameters, sizeBytes, seconds, switchSeconds]: readonly [
      number,
      number,
      number,
      number | null,
    ],
  ): ComparedMethod => ({
    name,
    title,
    heldOut: score(480, heldOut),
    test: score(240, test),
    trainableParameters,
    sizeBytes,
    seconds,
    switchSeconds,
  });
  return [
    method("zero-shot", "zero-shot by label names", [0.51, 0.5], [0, 168, 0.08, null]),
    method("few-shot", "few-shot, 5 nearest neighbours", [0.8375, 0.8292], [0, 368_640, 9.4, null]),
    method("linear-probe", "linear probe", [0.9021, 0.9], [4620, 10_400, 16.2, 0.0004]),
    {
      ...method("soft", "soft tokens (diverged)", [0, 0], [10_752, 21_504, 61, null]),
      heldOut: null,
      test: null,
    },
    method("kv", "key/value prefixes", [0.9292, 0.925], [29_184, 58_368, 84.2, 0.0011]),
    method("full", "full fine-tuning", [0.9271, 0.9333], [22_713_216, 45_426_432, 7500, 0.31]),
  ];
}

/** The same, cross-validated: a little worse than on held-out rows. */
export function inFolds(methods: readonly ComparedMethod[]): ComparedMethod[] {
  return methods.map((method) => {
    if (method.heldOut === null) return { ...method, crossValidated: null };
    const one = score(1200, mainFigure(method.heldOut).value - 0.01) as ClassificationScore;
    return { ...method, crossValidated: { ...one, folds: 5, deviation: 0.0123 } };
  });
}

/** A score with its Wilson interval. */
export function score(rows: number, accuracy: number): Score {
  const z = 1.96;
  const centre = (accuracy + z ** 2 / (2 * rows)) / (1 + z ** 2 / rows);
  const half =
    (z / (1 + z ** 2 / rows)) * Math.sqrt((accuracy * (1 - accuracy)) / rows + z ** 2 / (4 * rows ** 2));
  return { rows, accuracy, macroF1: accuracy * 0.996, interval: [centre - half, centre + half] };
}

/** A run that learns, with a warm-up and a cosine. */
export function sampleCurve(epochs: number, random: () => number = lehmer(7)): ClassificationReport["curve"] {
  return Array.from({ length: epochs }, (_, i) => ({
    epoch: i + 1,
    loss: 2.4 * Math.exp(-4 * ((i + 1) / epochs)) + 0.08 + random() * 0.06,
    validationAccuracy: 0.935 - 0.5 * Math.exp(-7 * ((i + 1) / epochs)) + random() * 0.012,
    learningRate: 0.005 * Math.min((i + 1) / (epochs * 0.1), 0.5 + 0.5 * Math.cos((Math.PI * i) / epochs)),
  }));
}

function sampleEvaluation(labels: readonly string[], support: number, random: () => number): Evaluation {
  const confusion = labels.map((_, i) => {
    const row = labels.map(() => 0);
    const rate = i % 5 === 3 ? 0.22 : 0.05;
    for (let k = 0; k < support; k += 1) {
      const near = (i + (random() < 0.7 ? 1 : Math.floor(random() * labels.length))) % labels.length;
      const called = random() < rate ? near : i;
      row[called] = row[called]! + 1;
    }
    return row;
  });
  const perClass = labels.map((label, i) => {
    const called = confusion.reduce((sum, row) => sum + row[i]!, 0);
    const right = confusion[i]![i]!;
    const [precision, recall] = [right / called, right / support];
    return { label, precision, recall, f1: (2 * precision * recall) / (precision + recall), support };
  });
  const rows = labels.length * support;
  const wrong = confusion.flatMap((row, i) =>
    row.flatMap((times, j) => (i === j ? [] : Array.from({ length: times }, () => [i, j] as const))),
  );
  return {
    rows,
    accuracy: 1 - wrong.length / rows,
    macroF1: perClass.reduce((sum, { f1 }) => sum + f1, 0) / labels.length,
    labels,
    confusion,
    perClass,
    mistakes: wrong.map(([i, j], k) => ({
      text: sentences[k % sentences.length]!,
      label: labels[i]!,
      predicted: labels[j]!,
      score: 0.97 - 0.6 * (k / wrong.length),
    })),
  };
}

/** Park and Miller's generator: the sample must not change from run to run. */
function lehmer(seed: number): () => number {
  let state = seed % 2147483647;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

const intents = [
  "order_status",
  "delivery_delay",
  "refund_request",
  "return_item",
  "damaged_item",
  "cancel_order",
  "change_address",
  "payment_failed",
  "invoice_copy",
  "account_login",
  "discount_code",
  "speak_to_human",
];

const sentences = [
  "hi, parcel says delivered since tuesday but theres nothing here?? where is it",
  "I'd like my money back for the second lamp, the first one is fine.",
  "Could you please send the invoice again, our accountant needs the VAT number on it. Order 4711, placed under my company's name rather than mine, delivered to the Leeds office last month.",
  "code WELCOME10 <does not> work at checkout",
  "stop. i ordered twice by mistake",
  "The box arrived open and one of the mugs is chipped 😞",
  "moved house last week, new adress is the one in my profile",
  "my card gets declined every single time, is it you or the bank?",
];
