"""Writes nmt-nfkc.bin.gz: the table of characters ("nmt_nfkc") by which XLM-RoBERTa's tokenizer prepares a text, as
tokenizer.json's `precompiled_charsmap` has it. It is within the code of SentencePiece (Apache-2.0) of that time; that of
newer versions knows a newer Unicode.

    pip download --no-deps --only-binary=:all: --python-version 3.8 --platform manylinux2014_x86_64 sentencepiece==0.1.95
    python make_nmt_nfkc.py sentencepiece-0.1.95-cp38-cp38-manylinux2014_x86_64.whl
"""

import gzip
import struct
import sys
import zipfile
from pathlib import Path

wheel = zipfile.ZipFile(sys.argv[1])
code = wheel.read(next(name for name in wheel.namelist() if name.endswith(".so")))
SIZE = 177_152  # of the trie, which the table begins with
start = code.index(struct.pack("<I3I", SIZE, 0x8400, 0x80000000, 0x80000001))
units = struct.unpack_from(f"<{SIZE // 4}I", code, start + 4)
# Behind the trie: what is written instead, each with a zero behind it. The leaves say where each begins.
last = max(unit & 0x7FFFFFFF for unit in units if unit >> 31 and unit & 0x7FFFFFFF < 1 << 20)
end = code.index(0, start + 4 + SIZE + last) + 1
table = code[start:end]
(Path(__file__).parent / "nmt-nfkc.bin.gz").write_bytes(gzip.compress(table, 9, mtime=0))
print(len(table), "bytes")
