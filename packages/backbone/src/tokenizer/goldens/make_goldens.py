"""Writes bert-tokens.json.gz: 2,000 texts with the ids that the Rust tokenizers give for minilm-l6.

    python make_goldens.py <folder with minilm-l6's tokenizer.json>

The same texts on every machine (one seeded generator). Needs `pip install tokenizers`.
"""

import gzip
import json
import random
import sys
import unicodedata
from pathlib import Path

from tokenizers import Tokenizer, __version__

pick = random.Random(81)

ENGLISH = (
    "i still have not received my new card after two weeks why was i charged twice for the same transfer please "
    "cancel order refund the money to account where is parcel it says delivered but nobody came today exchange rate "
    "seems wrong top up failed pending verification identity unable unfortunately antidisestablishmentarianism "
    "thx pls asap gonna wanna lol recieve adress definately cant wont dont y'all e-mail co-op rock'n'roll"
).split()
SCRIPTS = {
    "cjk": "我的卡还没有到请帮助退款为什么転送残高確認銀行口座手数料一二三〇々㐀㿿龥龦鿿豈更",
    "cjk_astral": "𠀀𠮷𪛖𪜀𫝀𫠠𫡀𫤠𬺰𭀀𮯠𰀀𱍐丽你侮𪘀",
    "kana": "カードがとどきませんガギグパピプゔヷゞ゙ｶﾞﾊﾟｱｲｳｰ・「」〜",
    "hangul": "안녕하세요카드가아직안왔어요ᄒᆞᆫ가ㄱㅏ",
    "arabic": "لم تصلني البطاقة بعد أإآؤئىة١٢٣٤۵۶، ؟؛ٱلسَّلَامُ عَلَيْكُمْﷺ",
    "hebrew": "הכרטיס שלי עדיין לא הגיע שָׁלוֹם־׀׃״׳",
    "persian": "می‌خواهم پول‌هایم را پس بگیرم گچپژ",
    "devanagari": "मेरा कार्ड अभी तक नहीं आया क़ख़ग़ऩ।॥१२३",
    "bengali_tamil": "আমার কার্ডকোৌৎ৽எனது அட்டைகொௌ௹",
    "thai_lao": "บัตรของฉันยังไม่มาถึงกำ้็ຂອບໃຈ໎",
    "tibetan_khmer": "བོད་ཡིག།གྷཱཱིུ ភាសាខ្មែរ។៕ မြန်မာ၊။",
    "greek": "Η κάρτα μου δεν έφτασε ΟΔΟΣ ΣΑΣ Σίσυφος ὈΔΥΣΣΕΎΣ ᾼῼ;·",
    "cyrillic": "Моя карта ещё не пришла ЙЁЎҐ їѣ ҂҈ сла҃ва",
    "georgian_armenian": "ქართული ᲥᲐᲠᲗᲣᲚᲘ Հայերեն՜՞։ և",
    "cherokee_deseret": "ᏣᎳᎩ ꭰꭱ 𐐔𐐯𐑅 𞤀𞤣𞤤𞤢𞤥 𞥆",
    "math": "𝐀𝑏𝒞𝔡𝕖𝟘𝟙 ℵ∑∫√≤≠≈∞ ²³¹½¾ⅷⅫ①⒜ﬁﬃ ＡＢｃ１２！ ℃K Å ŉ ǆ",
    "latin": "ÉÈÊËÀÂÄÃÅÆŒØÑÇÍÌÎÏÓÒÔÖÕÚÙÛÜÝŸßẞİıŁłĐđŽžŠšČčĆćŐőŰűĀāĒēĢģĶķĻļŅņŢţȘșȚțþÐðƏəǄǅǆ",
    "vietnamese": "Tôi vẫn chưa nhận được thẻ ƯỚỜỞỠỢ ưứừửữự ặẩỗ",
    "punctuation": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡¢£¤¥¦§¨©ª«¬®¯°±´µ¶·¸º»¿×÷–—―‘’‚“”„†‡•…‰′″‹›※‽⁂⁓€₿™←→⇒■●★☎⸮⹃、。〈〉《》【】﹏！？～᙭୷᭽",
    "newer_than_rust": "\u07fd\u0890\u0897\u08ca\u09fe\u0afa\u0b55\u0c04\u0d3b\u0eba\u1734\u180f\u1885\u1abf\u1df6\ua8ff\u061d\u0c77\u2e43\u2e52"
    "\U00010d24\U00010f46\U000110cd\U000111c9\U000111cf\U0001123e\U00011438\U00011a01\U00011d31\U0001e130\U0001e944\U00013430",
}
EMOJI = [
    "😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇪🇸", "🇩🇪", "❤️", "☺️", "1️⃣", "👨🏿‍🚀", "🤷‍♀️", "🧑‍💻", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🫠", "🪪", "💳", "🙏🏻", "‼️", "♻︎",
]
CONTROLS = [chr(c) for c in [*range(32), *range(127, 160)]] + list(
    "\u00ad\u034f\u061c\u115f\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060\u2066\u2069\ufeff\ufff9\ufffc\ufffd\ufffe\uffff\ue000\U000e0001\U000e0041\U000f0000\U0010ffff"
)
SPACES = list(" \t\n\r\x0b\x0c\x1c\x1f\x85\u00a0\u1680\u2000\u2003\u2009\u200a\u2028\u2029\u202f\u205f\u3000")
MARKS = [chr(c) for c in [*range(0x300, 0x370), *range(0x1AB0, 0x1ABF), *range(0x20D0, 0x20F1), 0x3099, 0x309A, 0xFE0F, 0xFE20]]
ODDITIES = [
    "", " ", "   \t\n ", "\u3000", "\n", "\\n", "a\\nb", "a\nb", "a\r\nb", "a\u2028b", "a\x00b", "\ufeffhello", "\ufeff",
    "[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]", "[cls]", "a[SEP]b", "x [MASK].", "[[SEP]]", "[SEP", "[MASK][MASK]", "[unused1]",
    "##ing", "## ing", "un##ing", "__proto__", "constructor", "toString hasOwnProperty", "null", "undefined", "NaN",
    '{"text": "a", "label": 1}', "<b>bold</b> &amp; <br/>", "https://example.com/a?b=c&d=%20#e", "me@example.com", "C:\\temp\\new",
    "1,234.56", "3.14e-10", "$5.00", "50%", "v1.2.3-rc.1", "#hashtag @name", "don't", "don’t", "o'clock", "'''", '"""', "...", "…",
    "ΟΔΟΣ", "ΣΑΣ ΣΣ Σ", "ΑΣ.", "İstanbul", "I\u0307", "ıI", "ẞ", "STRASSE straße", "ŉ", "ﬁ ﬂ ﬃ", "Ǆ ǅ ǆ", "K Å Ω", "½ ² ①", "\u0344", "\u0958",
    "e\u0301", "é", "E\u0301\u0301\u0301", "\u0301", " \u0301", "a\u0301\u0327", "a\u0327\u0301", "q\u0307\u0323", "Z̷̨̛a̶l̸g̴o̵",
]


def words(low, high):
    return " ".join(pick.choices(ENGLISH, k=pick.randint(low, high)))


def mistyped(text):
    chars = list(text)
    for _ in range(pick.randint(1, 4)):
        at = pick.randrange(len(chars))
        chars[at] = pick.choice(["", chars[at].upper(), chars[at] * 2, pick.choice("abcdefghijklmnopqrstuvwxyz!?,. ")])
    return "".join(chars)


def script(name):
    return "".join(pick.choices(SCRIPTS[name] + " ", k=pick.randint(1, 24)))


def mixed():
    parts = [words(1, 3), pick.choice(EMOJI), script(pick.choice(list(SCRIPTS))), pick.choice(SPACES), pick.choice(CONTROLS)]
    pick.shuffle(parts)
    return pick.choice(["", " "]).join(parts)


def accented():
    text = words(1, 6)
    return "".join(char + "".join(pick.choices(MARKS, k=pick.choice([0, 0, 1, 1, 2, 5]))) for char in text)


def scattered(choices):
    return "".join(pick.choice(["", char, char * 2]) + pick.choice(choices) for char in words(1, 6))


def long_word():
    unit = pick.choice(["a", "ab", "é", "Ж", "𐐔", "zq", "e\u0301", "ß", "un"])
    return (unit * 130)[: pick.choice([98, 99, 100, 101, 102, 130, 200, 201])] + pick.choice(["", " end", "."])


def any_scalar():
    def scalar():
        while True:
            point = pick.choice([pick.randrange(0x3000), pick.randrange(0x10000), pick.randrange(0x20000), pick.randrange(0x110000)])
            if not 0xD800 <= point <= 0xDFFF:
                return chr(point)

    return "a".join(scalar() for _ in range(pick.randint(1, 12)))


def around_limit(tokenizer, tokens):
    """A text of exactly `tokens` tokens, the two special ones included."""
    single = [word for word in ENGLISH if len(tokenizer.encode(word, add_special_tokens=False)) == 1]
    return " ".join(pick.choices(single, k=tokens - 2))


def texts(tokenizer):
    made = [*ODDITIES, *EMOJI, *SPACES, *CONTROLS, *(f"a{char}b" for char in SPACES + CONTROLS)]
    made += [around_limit(tokenizer, tokens) for tokens in (8, 9, 10, 255, 256, 257, 511, 512, 513)]
    for name in SCRIPTS:
        made += [SCRIPTS[name], SCRIPTS[name].upper(), *(script(name) for _ in range(22))]
        made += [unicodedata.normalize(form, SCRIPTS[name]) for form in ("NFC", "NFD", "NFKC", "NFKD")]
    makers = [
        (lambda: words(1, 20), 150), (lambda: mistyped(words(2, 12)), 150), (lambda: words(2, 12).upper(), 30), (accented, 80), (mixed, 250),
        (lambda: scattered(SPACES), 40), (lambda: scattered(CONTROLS), 40), (lambda: scattered(EMOJI), 40), (long_word, 60),
        (lambda: words(20, 90), 40), (lambda: scattered(list(SCRIPTS["punctuation"])), 60),
    ]
    for maker, count in makers:
        made += [maker() for _ in range(count)]
    made += [any_scalar() for _ in range(2000 - len(made))]
    assert len(made) == 2000
    return made


def main():
    tokenizer = Tokenizer.from_file(str(Path(sys.argv[1]) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    made = texts(tokenizer)
    rows = [[text, tokenizer.encode(text).ids] for text in made]
    cut = []
    for limit in (8, 9, 32, 256):
        tokenizer.enable_truncation(limit, strategy="longest_first")
        cut += [[limit, text, tokenizer.encode(text).ids] for text in made if len(text) > 3 * limit][:60]
    pairs = []
    for limit in (8, 9, 20, 21, 64, 512):
        tokenizer.enable_truncation(limit, strategy="longest_first")
        for _ in range(40):
            first, second = pick.choice(made), pick.choice(made)
            encoded = tokenizer.encode(first, second)
            pairs.append([limit, first, second, encoded.ids, encoded.type_ids])
    golden = {"madeBy": f"tokenizers {__version__}", "texts": rows, "truncated": cut, "pairs": pairs}
    raw = json.dumps(golden, ensure_ascii=True, separators=(",", ":")).encode()
    (Path(__file__).parent / "bert-tokens.json.gz").write_bytes(gzip.compress(raw, 9, mtime=0))
    print(len(rows), "texts,", len(cut), "truncated,", len(pairs), "pairs,", len(raw), "bytes before gzip")


main()
