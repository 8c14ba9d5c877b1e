import type { Format } from "./reading.ts";

/** A file of few bytes and what the reader must say of it. */
export interface Fixture {
  readonly name: string;
  readonly format: Format;
  readonly bytes: Uint8Array;
  /** "text|label@line" a row. */
  readonly rows: readonly string[];
  /** "code line:column" a finding, in the order given; warnings begin with "~". */
  readonly findings: readonly string[];
}

const good = '{"text":"hello","label":"a"}';
const GOOD = ["hello|a@1"];
const BOM = [0xef, 0xbb, 0xbf];

export const FIXTURES: readonly Fixture[] = [
  // Line ends and encodings.
  jsonl("one row", good, GOOD),
  jsonl("LF", `${good}\n${good}\n`, [...GOOD, "hello|a@2"]),
  jsonl("CRLF", `${good}\r\n${good}\r\n`, [...GOOD, "hello|a@2"]),
  jsonl("lone CR", `${good}\r${good}\r`, [...GOOD, "hello|a@2"]),
  jsonl("all three line ends", `${good}\n${good}\r${good}\r\n${good}`, [
    ...GOOD,
    "hello|a@2",
    "hello|a@3",
    "hello|a@4",
  ]),
  jsonl("blank lines count as lines and as nothing else", `\n \t\n${good}\n\n\r\n`, ["hello|a@3"]),
  jsonl("trailing empty line (wardi/jsonlines#84)", `${good}\n\n`, GOOD),
  jsonl(
    "U+2028, U+2029 and U+0085 inside a string end no line",
    '{"text":"a\u2028b\u2029c\u0085d","label":"a"}',
    ["a\u2028b\u2029c\u0085d|a@1"],
  ),
  jsonl(
    "BOM keeps the first row (viggy28/recall#38; known faults 61 and 63)",
    [BOM, good, "\n", good],
    [...GOOD, "hello|a@2"],
  ),
  jsonl("a BOM alone", [BOM], []),
  jsonl("a second BOM is no JSON", [BOM, BOM, good], [], ["bad_json 1:1"]),
  jsonl("a BOM inside a string is text", [`{"text":"`, BOM, `x","label":"a"}`], ["\ufeffx|a@1"]),
  jsonl("no bytes", "", [], ["empty_file 0:0"]),
  jsonl("only line ends", "\r\n\n\r", []),
  jsonl("UTF-16 LE with BOM (known fault 61)", [[0xff, 0xfe], utf16(good, "le")], [], ["utf16 0:0"]),
  jsonl("UTF-16 BE with BOM", [[0xfe, 0xff], utf16(good, "be")], [], ["utf16 0:0"]),
  jsonl("UTF-16 LE without BOM", [utf16(good, "le")], [], ["utf16 0:0"]),
  jsonl("UTF-16 BE without BOM", [utf16(good, "be")], [], ["utf16 0:0"]),
  csv("UTF-16 LE without BOM, of two letters", [utf16("te", "le")], [], ["utf16 0:0"]),
  jsonl("Windows-1252 on the second line", [`${good}\n{"text":"caf`, [0xe9], '","label":"a"}'], GOOD, [
    "invalid_utf8 2:13",
  ]),
  jsonl("an overlong slash", [`${good}\n"`, [0xc0, 0xaf]], GOOD, ["invalid_utf8 2:2"]),
  jsonl("a surrogate as UTF-8", [[0x22, 0xed, 0xa0, 0x80, 0x22]], [], ["invalid_utf8 1:2"]),
  jsonl("the file ends inside a character", [`${good}\n{"text":"caf`, [0xf0, 0x9f, 0x91]], GOOD, [
    "cut_line 2:13",
  ]),
  jsonl("a NUL byte", [`${good}\n`, [0x41, 0x00, 0x42]], GOOD, ["binary 2:2"]),
  jsonl("NUL after half a character", [`${good}\n`, [0xc3, 0x00]], GOOD, ["invalid_utf8 2:1"]),
  jsonl("four NULs", [[0, 0, 0, 0]], [], ["binary 1:1"]),
  jsonl("gzip", [[0x1f, 0x8b, 0x08, 0x00, 0x00]], [], ["binary 0:0"]),
  csv("an Excel sheet", [[0x50, 0x4b, 0x03, 0x04, 0x14, 0x00]], [], ["binary 0:0"]),
  jsonl("a PDF", "%PDF-1.7\n", [], ["binary 0:0"]),
  jsonl("a Parquet file", "PAR1abc", [], ["binary 0:0"]),
  jsonl("a pickle", [[0x80, 0x04, 0x95, 0x10, 0x00]], [], ["invalid_utf8 1:1"]),

  // Not JSON, or not one object a line.
  jsonl(
    "unescaped quote on line 7 (openai-php/client#107)",
    `${`${good}\n`.repeat(6)}{"text":"say "hi"","label":"a"}\n`,
    sixGood(),
    ["bad_json 7:15"],
  ),
  jsonl(
    "columns count UTF-16 units after an astral character",
    '{"text":"👋🌍", label:1}',
    [],
    ["bad_json 1:17"],
  ),
  jsonl("columns count a tab as one", '\t\t{\t"text" "a"}', [], ["bad_json 1:12"]),
  jsonl("raw tab in a string", '{"text":"a\tb","label":"a"}', [], ["bad_json 1:11"]),
  jsonl("single quotes", "{'text':'a','label':'b'}", [], ["bad_json 1:2"]),
  jsonl("trailing comma", '{"text":"a","label":"b",}', [], ["bad_json 1:25"]),
  jsonl("None", '{"text":"a","label":None}', [], ["bad_json 1:21"]),
  jsonl("NaN", '{"text":"a","label":NaN}', [], ["bad_json 1:21"]),
  jsonl("bad escape", '{"text":"C:\\dir","label":"b"}', [], ["bad_json 1:13"]),
  jsonl("short \\u escape", '{"text":"\\u12","label":"b"}', [], ["bad_json 1:14"]),
  jsonl("leading zero", '{"text":"a","label":01}', [], ["bad_json 1:22"]),
  jsonl("two objects on one line", `${good}${good}`, [], ["bad_json 1:29"]),
  jsonl("unquoted key", '{text:"a"}', [], ["bad_json 1:2"]),
  jsonl("cut last line", `${good}\n{"text":"he`, GOOD, ["cut_line 2:12"]),
  jsonl("cut after a whole field", `${good}\n{"text":"he",`, GOOD, ["cut_line 2:14"]),
  jsonl("cut inside a literal", `${good}\n{"text":nu`, GOOD, ["cut_line 2:11"]),
  jsonl("cut inside a number", `${good}\n{"text":-`, GOOD, ["cut_line 2:10"]),
  jsonl("a short line with a line end was not cut", `{"text":"he\n${good}`, ["hello|a@2"], ["bad_json 1:12"]),
  jsonl("a faulty last line that was not cut", `${good}\n{"text":he`, GOOD, ["bad_json 2:9"]),
  jsonl(
    "array, number, string, null and true as rows",
    '["a","b"]\n1\n "a"\nnull\ntrue',
    [],
    ["not_an_object 1:1", "not_an_object 2:1", "not_an_object 3:2", "not_an_object 4:1", "not_an_object 5:1"],
  ),
  jsonl("one JSON array", `[${good},\n${good}]`, [], ["not_json_lines 1:1"]),
  jsonl("a JSON array that begins alone", `\n[\n${good}\n]`, [], ["not_json_lines 2:1"]),
  jsonl("an object that spans lines", '{\n"text":"a",\n"label":"b"\n}', [], ["not_json_lines 1:1"]),
  jsonl("brackets that would overflow a recursive parser", "[".repeat(200_000), [], ["cut_line 1:200001"]),

  // Text and label.
  jsonl("text missing", '{"label":"a"}', [], ["text_missing 1:0"]),
  jsonl("text empty", '{"text":"","label":"a"}', [], ["text_empty 1:9"]),
  jsonl("text of blanks", '{"text":" \u00a0\u3000","label":"a"}', [], ["text_empty 1:9"]),
  jsonl("text a number", '{"text":3,"label":"a"}', [], ["text_not_string 1:9"]),
  jsonl("text null", '{"label":"a","text":null}', [], ["text_not_string 1:21"]),
  jsonl(
    "text an object, label an array",
    '{"text":{"text":"x"},"label":["a"]}',
    [],
    ["text_not_string 1:9", "label_not_string 1:30"],
  ),
  jsonl(
    "text that holds JSON stays text (huggingface/datasets#7664)",
    '{"text":"{\\"a\\": 1}","label":"timestamp[s]"}',
    ['{"a": 1}|timestamp[s]@1'],
  ),
  jsonl("the longest text", `{"text":"${"x".repeat(100_000)}","label":"a"}`, [`${"x".repeat(100_000)}|a@1`]),
  jsonl("a text too long", `{"text":"${"x".repeat(100_001)}","label":"a"}`, [], ["text_too_long 1:9"]),
  jsonl(
    "half a surrogate pair in text and label",
    '{"text":"\\ud83d","label":"\\ude00"}',
    [],
    ["lone_surrogate 1:9", "lone_surrogate 1:26"],
  ),
  jsonl("an escaped surrogate pair", '{"text":"\\ud83d\\ude00","label":"a"}', ["😀|a@1"]),
  jsonl("NUL in a text", '{"text":"a\\u0000","label":"a"}', ["a\0|a@1"], ["~nul_character 1:9"]),
  jsonl("NUL in a label", '{"text":"a","label":"a\\u0000"}', [], ["label_control 1:21"]),
  jsonl("label missing", '{"text":"a"}', [], ["label_missing 1:0"]),
  jsonl("label a number", '{"text":"a","label":3}', [], ["label_not_string 1:21"]),
  jsonl("label a boolean", '{"text":"a","label":false}', [], ["label_not_string 1:21"]),
  jsonl("label null", '{"text":"a","label":null}', [], ["label_not_string 1:21"]),
  jsonl("label empty", '{"text":"a","label":""}', [], ["label_empty 1:21"]),
  jsonl("label of blanks", '{"text":"a","label":"\\t "}', [], ["label_empty 1:21"]),
  jsonl("label too long", `{"text":"a","label":"${"y".repeat(201)}"}`, [], ["label_too_long 1:21"]),
  jsonl("label padded: kept as written", '{"text":"a","label":" b "}', ["a| b @1"]),
  jsonl("label __proto__", '{"text":"a","label":"__proto__"}', ["a|__proto__@1"]),
  jsonl("label constructor", '{"text":"a","label":"constructor"}', ["a|constructor@1"]),
  jsonl(
    "key __proto__ gives no text",
    '{"__proto__":{"text":"x"},"label":"a"}',
    [],
    ["text_missing 1:0", "~unknown_key 1:2"],
  ),
  jsonl(
    "unknown keys: once each",
    `{"id":1,"text":"a","label":"b"}\n{"text":"a","label":"b","id":{"text":"no"},"x":[1,{"y":2}]}`,
    ["a|b@1", "a|b@2"],
    ["~unknown_key 1:2", "~unknown_key 2:44"],
  ),
  jsonl(
    "key given twice: the last counts",
    '{"text":"a","label":"b","te\\u0078t":"c"}',
    ["c|b@1"],
    ["~duplicate_key 1:25"],
  ),
  jsonl(
    "keys in another case are other keys",
    '{"Text":"a","label":"b"}',
    [],
    ["text_missing 1:0", "~unknown_key 1:2"],
  ),

  // CSV.
  csv("plain", "text,label\nhello,a\n", ["hello|a@2"]),
  csv("BOM and CRLF", [BOM, "text,label\r\nhello,a\r\n"], ["hello|a@2"]),
  csv("no line end at the end", "text,label\nhello,a", ["hello|a@2"]),
  csv(
    "header in another order, case and company",
    "id,Label, TEXT\n7,a,hello\n",
    ["hello|a@2"],
    ["~unknown_key 2:1"],
  ),
  csv("quoted header", '"text","label"\nhello,a\n', ["hello|a@2"]),
  csv("semicolons", "text;label\nhello, you;a\n", ["hello, you|a@2"]),
  csv("tabs", "text\tlabel\nhello; you\ta\n", ["hello; you|a@2"]),
  csv("quotes, doubled quotes and separators in quotes", 'text,label\n"say ""hi"", you",a\n', [
    'say "hi", you|a@2',
  ]),
  csv("line ends inside quotes", 'text,label\n"one\r\ntwo\n\nthree",a\nb,c\n', [
    "one\ntwo\n\nthree|a@2",
    "b|c@6",
  ]),
  csv("a quote inside an unquoted field is a character", 'text,label\n5" nails,a\n', ['5" nails|a@2']),
  csv("numbers as labels are strings", "text,label\nhello,3\n", ["hello|3@2"]),
  csv("blank lines", "\n\ntext,label\n\nhello,a\n \n", ["hello|a@5"]),
  csv("missing columns", "text,label\nhello\nb,c\n", ["b|c@3"], ["csv_columns 2:0"]),
  csv("extra columns", "text,label\nhello, you,a\n", [], ["csv_columns 2:12"]),
  csv("empty extra columns", "text,label\nhello,a,,\n", ["hello|a@2"]),
  csv("empty text and label", "text,label\n,\n", [], ["text_empty 2:1", "label_empty 2:2"]),
  csv("characters after a closing quote", 'text,label\n"a"b,c\nd,e\n', ["d|e@3"], ["csv_quote 2:4"]),
  csv("a quote left open", 'text,label\na,b\nc,"d\ne,f\n', ["a|b@2"], ["csv_quote_open 3:3"]),
  csv("cut last row", "text,label\na,b\nc", ["a|b@2"], ["cut_line 3:0"]),
  csv("no header", "hello,a\nb,c\n", [], ["csv_header 1:1"]),
  csv("text twice in the header", "text,label,text\n", [], ["csv_header 1:1"]),
  csv("only a header", "text,label\n", []),
  csv("a column named __proto__", "text,__proto__,label\na,x,b\n", ["a|b@2"], ["~unknown_key 2:3"]),
  csv("invalid UTF-8 inside quotes", ['text,label\n"a\nb', [0xff]], [], ["invalid_utf8 3:2"]),
];

type Bytes = string | readonly (string | readonly number[])[];

function jsonl(
  name: string,
  bytes: Bytes,
  rows: readonly string[],
  findings: readonly string[] = [],
): Fixture {
  return { name: `jsonl: ${name}`, format: "jsonl", bytes: bytesOf(bytes), rows, findings };
}

function csv(name: string, bytes: Bytes, rows: readonly string[], findings: readonly string[] = []): Fixture {
  return { name: `csv: ${name}`, format: "csv", bytes: bytesOf(bytes), rows, findings };
}

function bytesOf(parts: Bytes): Uint8Array {
  const encoder = new TextEncoder();
  return Uint8Array.from(
    [parts].flat().flatMap((part) => (typeof part === "string" ? [...encoder.encode(part)] : part)),
  );
}

function utf16(text: string, endian: "le" | "be"): number[] {
  return [...text].flatMap((unit) => {
    const code = unit.charCodeAt(0);
    return endian === "le" ? [code & 0xff, code >> 8] : [code >> 8, code & 0xff];
  });
}

function sixGood(): string[] {
  return [1, 2, 3, 4, 5, 6].map((line) => `hello|a@${line}`);
}
