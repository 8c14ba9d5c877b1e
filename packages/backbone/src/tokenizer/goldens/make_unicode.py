"""Writes ../generated/rust-unicode.ts: which code points the Rust tokenizers take for what, and which marks their normal
forms set in order.

Asked of the Rust code itself, one code point at a time, since its Unicode tables are older than any JavaScript
engine's: a mark that Unicode added later stays a letter there. Needs `pip install tokenizers`.
"""

from pathlib import Path

from tokenizers import __version__
from tokenizers.normalizers import NFD, BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer, ByteLevel

cased = BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=False)
stripped = BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
words = BertPreTokenizer()
gpt = ByteLevel(add_prefix_space=False)

decomposed = NFD()


def moves(char):
    """Behind a mark of the highest class, or in front of one of the lowest."""
    return any(decomposed.normalize_str(probe) != probe for probe in (f"a\u0345{char}", f"a{char}\u0334"))


TABLES = {
    "DROPPED": ("clean_text drops", lambda probe, char: cased.normalize_str(probe) == "ab"),
    "BLANKED": ("clean_text turns into a space", lambda probe, char: cased.normalize_str(probe) == "a b"),
    "IDEOGRAPHS": ("handle_chinese_chars sets apart", lambda probe, char: cased.normalize_str(probe) == f"a {char} b"),
    "MARKS": ("strip_accents drops after NFD", lambda probe, char: stripped.normalize_str(probe) == "ab"),
    "ORDERED": ("normal forms set in order", lambda probe, char: decomposed.normalize_str(char) == char and moves(char)),
    "SPACES": ("the pre-tokenizer splits at", lambda probe, char: len(words.pre_tokenize_str(probe)) == 2),
    "PUNCTUATION": ("the pre-tokenizer sets apart", lambda probe, char: len(words.pre_tokenize_str(probe)) == 3),
    "LETTERS": ("byte-level words take for letters", lambda probe, char: len(gpt.pre_tokenize_str(probe)) == 1),
    "NUMBERS": ("byte-level words take for numbers", lambda probe, char: len(gpt.pre_tokenize_str(f"1{char}1")) == 1),
    "WHITE": ("byte-level words take for white space", lambda probe, char: [len(gpt.pre_tokenize_str(x)) > 1 for x in (f"!{char}!", probe, f"1{char}1")] == [True] * 3),
}


def class_body(points):
    spans = []
    for point in points:
        if spans and spans[-1][1] == point - 1:
            spans[-1][1] = point
        else:
            spans.append([point, point])
    escape = lambda point: rf"\u{{{point:x}}}"
    return [escape(low) if low == high else f"{escape(low)}-{escape(high)}" for low, high in spans]


def lines(spans, width=100):
    line = ""
    for span in spans:
        if len(line) + len(span) > width:
            yield line
            line = ""
        line += span
    yield line


scalars = [point for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF]
out = [
    f"// Written by goldens/make_unicode.py from the Rust tokenizers {__version__}. Do not edit.",
    "// Bodies of regular expression classes, for the flag `u`.",
    "",
]
for name, (what, test) in TABLES.items():
    found = [point for point in scalars if test(f"a{chr(point)}b", chr(point))]
    body = " +\n".join(f"  String.raw`{line}`" for line in lines(class_body(found)))
    out += [f"/** {len(found)} code points that {what}. */", f"export const {name} =\n{body};", ""]

target = Path(__file__).parent.parent / "generated" / "rust-unicode.ts"
target.parent.mkdir(exist_ok=True)
target.write_text("\n".join(out), encoding="utf-8")
