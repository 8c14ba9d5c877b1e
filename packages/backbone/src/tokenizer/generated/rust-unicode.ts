// Written by goldens/make_unicode.py from the Rust tokenizers 0.23.3. Do not edit.
// Bodies of regular expression classes, for the flag `u`.

/** 137681 code points that clean_text drops. */
export const DROPPED =
  String.raw`\u{0}-\u{8}\u{b}-\u{c}\u{e}-\u{1f}\u{7f}-\u{9f}\u{ad}\u{600}-\u{605}\u{61c}\u{6dd}\u{70f}\u{180e}` +
  String.raw`\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2060}-\u{2064}\u{2066}-\u{206f}\u{e000}-\u{f8ff}\u{feff}` +
  String.raw`\u{fff9}-\u{fffb}\u{fffd}\u{110bd}\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}` +
  String.raw`\u{f0000}-\u{ffffd}\u{100000}-\u{10fffd}`;

/** 22 code points that clean_text turns into a space. */
export const BLANKED =
  String.raw`\u{9}-\u{a}\u{d}\u{20}\u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}-\u{2029}\u{202f}\u{205f}\u{3000}`;

/** 81264 code points that handle_chinese_chars sets apart. */
export const IDEOGRAPHS =
  String.raw`\u{3400}-\u{4dbf}\u{4e00}-\u{9fff}\u{f900}-\u{faff}\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}` +
  String.raw`\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}`;

/** 1567 code points that strip_accents drops after NFD. */
export const MARKS =
  String.raw`\u{300}-\u{36f}\u{483}-\u{487}\u{591}-\u{5bd}\u{5bf}\u{5c1}-\u{5c2}\u{5c4}-\u{5c5}\u{5c7}` +
  String.raw`\u{610}-\u{61a}\u{64b}-\u{65f}\u{670}\u{6d6}-\u{6dc}\u{6df}-\u{6e4}\u{6e7}-\u{6e8}\u{6ea}-\u{6ed}` +
  String.raw`\u{711}\u{730}-\u{74a}\u{7a6}-\u{7b0}\u{7eb}-\u{7f3}\u{816}-\u{819}\u{81b}-\u{823}\u{825}-\u{827}` +
  String.raw`\u{829}-\u{82d}\u{859}-\u{85b}\u{8e3}-\u{902}\u{93a}\u{93c}\u{941}-\u{948}\u{94d}\u{951}-\u{957}` +
  String.raw`\u{962}-\u{963}\u{981}\u{9bc}\u{9c1}-\u{9c4}\u{9cd}\u{9e2}-\u{9e3}\u{a01}-\u{a02}\u{a3c}` +
  String.raw`\u{a41}-\u{a42}\u{a47}-\u{a48}\u{a4b}-\u{a4d}\u{a51}\u{a70}-\u{a71}\u{a75}\u{a81}-\u{a82}\u{abc}` +
  String.raw`\u{ac1}-\u{ac5}\u{ac7}-\u{ac8}\u{acd}\u{ae2}-\u{ae3}\u{b01}\u{b3c}\u{b3f}\u{b41}-\u{b44}\u{b4d}` +
  String.raw`\u{b56}\u{b62}-\u{b63}\u{b82}\u{bc0}\u{bcd}\u{c00}\u{c3e}-\u{c40}\u{c46}-\u{c48}\u{c4a}-\u{c4d}` +
  String.raw`\u{c55}-\u{c56}\u{c62}-\u{c63}\u{c81}\u{cbc}\u{cbf}\u{cc6}\u{ccc}-\u{ccd}\u{ce2}-\u{ce3}\u{d01}` +
  String.raw`\u{d41}-\u{d44}\u{d4d}\u{d62}-\u{d63}\u{dca}\u{dd2}-\u{dd4}\u{dd6}\u{e31}\u{e34}-\u{e3a}` +
  String.raw`\u{e47}-\u{e4e}\u{eb1}\u{eb4}-\u{eb9}\u{ebb}-\u{ebc}\u{ec8}-\u{ecd}\u{f18}-\u{f19}\u{f35}\u{f37}` +
  String.raw`\u{f39}\u{f71}-\u{f7e}\u{f80}-\u{f84}\u{f86}-\u{f87}\u{f8d}-\u{f97}\u{f99}-\u{fbc}\u{fc6}` +
  String.raw`\u{102d}-\u{1030}\u{1032}-\u{1037}\u{1039}-\u{103a}\u{103d}-\u{103e}\u{1058}-\u{1059}` +
  String.raw`\u{105e}-\u{1060}\u{1071}-\u{1074}\u{1082}\u{1085}-\u{1086}\u{108d}\u{109d}\u{135d}-\u{135f}` +
  String.raw`\u{1712}-\u{1714}\u{1732}-\u{1734}\u{1752}-\u{1753}\u{1772}-\u{1773}\u{17b4}-\u{17b5}` +
  String.raw`\u{17b7}-\u{17bd}\u{17c6}\u{17c9}-\u{17d3}\u{17dd}\u{180b}-\u{180d}\u{18a9}\u{1920}-\u{1922}` +
  String.raw`\u{1927}-\u{1928}\u{1932}\u{1939}-\u{193b}\u{1a17}-\u{1a18}\u{1a1b}\u{1a56}\u{1a58}-\u{1a5e}\u{1a60}` +
  String.raw`\u{1a62}\u{1a65}-\u{1a6c}\u{1a73}-\u{1a7c}\u{1a7f}\u{1ab0}-\u{1abd}\u{1b00}-\u{1b03}\u{1b34}` +
  String.raw`\u{1b36}-\u{1b3a}\u{1b3c}\u{1b42}\u{1b6b}-\u{1b73}\u{1b80}-\u{1b81}\u{1ba2}-\u{1ba5}` +
  String.raw`\u{1ba8}-\u{1ba9}\u{1bab}-\u{1bad}\u{1be6}\u{1be8}-\u{1be9}\u{1bed}\u{1bef}-\u{1bf1}` +
  String.raw`\u{1c2c}-\u{1c33}\u{1c36}-\u{1c37}\u{1cd0}-\u{1cd2}\u{1cd4}-\u{1ce0}\u{1ce2}-\u{1ce8}\u{1ced}` +
  String.raw`\u{1cf4}\u{1cf8}-\u{1cf9}\u{1dc0}-\u{1df5}\u{1dfc}-\u{1dff}\u{20d0}-\u{20dc}\u{20e1}` +
  String.raw`\u{20e5}-\u{20f0}\u{2cef}-\u{2cf1}\u{2d7f}\u{2de0}-\u{2dff}\u{302a}-\u{302d}\u{3099}-\u{309a}` +
  String.raw`\u{a66f}\u{a674}-\u{a67d}\u{a69e}-\u{a69f}\u{a6f0}-\u{a6f1}\u{a802}\u{a806}\u{a80b}\u{a825}-\u{a826}` +
  String.raw`\u{a8c4}\u{a8e0}-\u{a8f1}\u{a926}-\u{a92d}\u{a947}-\u{a951}\u{a980}-\u{a982}\u{a9b3}` +
  String.raw`\u{a9b6}-\u{a9b9}\u{a9bc}\u{a9e5}\u{aa29}-\u{aa2e}\u{aa31}-\u{aa32}\u{aa35}-\u{aa36}\u{aa43}\u{aa4c}` +
  String.raw`\u{aa7c}\u{aab0}\u{aab2}-\u{aab4}\u{aab7}-\u{aab8}\u{aabe}-\u{aabf}\u{aac1}\u{aaec}-\u{aaed}\u{aaf6}` +
  String.raw`\u{abe5}\u{abe8}\u{abed}\u{fb1e}\u{fe00}-\u{fe0f}\u{fe20}-\u{fe2f}\u{101fd}\u{102e0}` +
  String.raw`\u{10376}-\u{1037a}\u{10a01}-\u{10a03}\u{10a05}-\u{10a06}\u{10a0c}-\u{10a0f}\u{10a38}-\u{10a3a}` +
  String.raw`\u{10a3f}\u{10ae5}-\u{10ae6}\u{11001}\u{11038}-\u{11046}\u{1107f}-\u{11081}\u{110b3}-\u{110b6}` +
  String.raw`\u{110b9}-\u{110ba}\u{11100}-\u{11102}\u{11127}-\u{1112b}\u{1112d}-\u{11134}\u{11173}` +
  String.raw`\u{11180}-\u{11181}\u{111b6}-\u{111be}\u{111ca}-\u{111cc}\u{1122f}-\u{11231}\u{11234}` +
  String.raw`\u{11236}-\u{11237}\u{112df}\u{112e3}-\u{112ea}\u{11300}-\u{11301}\u{1133c}\u{11340}` +
  String.raw`\u{11366}-\u{1136c}\u{11370}-\u{11374}\u{114b3}-\u{114b8}\u{114ba}\u{114bf}-\u{114c0}` +
  String.raw`\u{114c2}-\u{114c3}\u{115b2}-\u{115b5}\u{115bc}-\u{115bd}\u{115bf}-\u{115c0}\u{115dc}-\u{115dd}` +
  String.raw`\u{11633}-\u{1163a}\u{1163d}\u{1163f}-\u{11640}\u{116ab}\u{116ad}\u{116b0}-\u{116b5}\u{116b7}` +
  String.raw`\u{1171d}-\u{1171f}\u{11722}-\u{11725}\u{11727}-\u{1172b}\u{16af0}-\u{16af4}\u{16b30}-\u{16b36}` +
  String.raw`\u{16f8f}-\u{16f92}\u{1bc9d}-\u{1bc9e}\u{1d167}-\u{1d169}\u{1d17b}-\u{1d182}\u{1d185}-\u{1d18b}` +
  String.raw`\u{1d1aa}-\u{1d1ad}\u{1d242}-\u{1d244}\u{1da00}-\u{1da36}\u{1da3b}-\u{1da6c}\u{1da75}\u{1da84}` +
  String.raw`\u{1da9b}-\u{1da9f}\u{1daa1}-\u{1daaf}\u{1e8d0}-\u{1e8d6}\u{e0100}-\u{e01ef}`;

/** 810 code points that normal forms set in order. */
export const ORDERED =
  String.raw`\u{300}-\u{33f}\u{342}\u{345}-\u{34e}\u{350}-\u{36f}\u{483}-\u{487}\u{591}-\u{5bd}\u{5bf}` +
  String.raw`\u{5c1}-\u{5c2}\u{5c4}-\u{5c5}\u{5c7}\u{610}-\u{61a}\u{64b}-\u{65f}\u{670}\u{6d6}-\u{6dc}` +
  String.raw`\u{6df}-\u{6e4}\u{6e7}-\u{6e8}\u{6ea}-\u{6ed}\u{711}\u{730}-\u{74a}\u{7eb}-\u{7f3}\u{816}-\u{819}` +
  String.raw`\u{81b}-\u{823}\u{825}-\u{827}\u{829}-\u{82d}\u{859}-\u{85b}\u{8d4}-\u{8e1}\u{8e3}-\u{8ff}\u{93c}` +
  String.raw`\u{94d}\u{951}-\u{954}\u{9bc}\u{9cd}\u{a3c}\u{a4d}\u{abc}\u{acd}\u{b3c}\u{b4d}\u{bcd}\u{c4d}` +
  String.raw`\u{c55}-\u{c56}\u{cbc}\u{ccd}\u{d4d}\u{dca}\u{e38}-\u{e3a}\u{e48}-\u{e4b}\u{eb8}-\u{eb9}` +
  String.raw`\u{ec8}-\u{ecb}\u{f18}-\u{f19}\u{f35}\u{f37}\u{f39}\u{f71}-\u{f72}\u{f74}\u{f7a}-\u{f7d}\u{f80}` +
  String.raw`\u{f82}-\u{f84}\u{f86}-\u{f87}\u{fc6}\u{1037}\u{1039}-\u{103a}\u{108d}\u{135d}-\u{135f}\u{1714}` +
  String.raw`\u{1734}\u{17d2}\u{17dd}\u{18a9}\u{1939}-\u{193b}\u{1a17}-\u{1a18}\u{1a60}\u{1a75}-\u{1a7c}\u{1a7f}` +
  String.raw`\u{1ab0}-\u{1abd}\u{1b34}\u{1b44}\u{1b6b}-\u{1b73}\u{1baa}-\u{1bab}\u{1be6}\u{1bf2}-\u{1bf3}\u{1c37}` +
  String.raw`\u{1cd0}-\u{1cd2}\u{1cd4}-\u{1ce0}\u{1ce2}-\u{1ce8}\u{1ced}\u{1cf4}\u{1cf8}-\u{1cf9}` +
  String.raw`\u{1dc0}-\u{1df5}\u{1dfb}-\u{1dff}\u{20d0}-\u{20dc}\u{20e1}\u{20e5}-\u{20f0}\u{2cef}-\u{2cf1}` +
  String.raw`\u{2d7f}\u{2de0}-\u{2dff}\u{302a}-\u{302f}\u{3099}-\u{309a}\u{a66f}\u{a674}-\u{a67d}` +
  String.raw`\u{a69e}-\u{a69f}\u{a6f0}-\u{a6f1}\u{a806}\u{a8c4}\u{a8e0}-\u{a8f1}\u{a92b}-\u{a92d}\u{a953}\u{a9b3}` +
  String.raw`\u{a9c0}\u{aab0}\u{aab2}-\u{aab4}\u{aab7}-\u{aab8}\u{aabe}-\u{aabf}\u{aac1}\u{aaf6}\u{abed}\u{fb1e}` +
  String.raw`\u{fe20}-\u{fe2f}\u{101fd}\u{102e0}\u{10376}-\u{1037a}\u{10a0d}\u{10a0f}\u{10a38}-\u{10a3a}\u{10a3f}` +
  String.raw`\u{10ae5}-\u{10ae6}\u{11046}\u{1107f}\u{110b9}-\u{110ba}\u{11100}-\u{11102}\u{11133}-\u{11134}` +
  String.raw`\u{11173}\u{111c0}\u{111ca}\u{11235}-\u{11236}\u{112e9}-\u{112ea}\u{1133c}\u{1134d}` +
  String.raw`\u{11366}-\u{1136c}\u{11370}-\u{11374}\u{11442}\u{11446}\u{114c2}-\u{114c3}\u{115bf}-\u{115c0}` +
  String.raw`\u{1163f}\u{116b6}-\u{116b7}\u{1172b}\u{11c3f}\u{16af0}-\u{16af4}\u{16b30}-\u{16b36}\u{1bc9e}` +
  String.raw`\u{1d165}-\u{1d169}\u{1d16d}-\u{1d172}\u{1d17b}-\u{1d182}\u{1d185}-\u{1d18b}\u{1d1aa}-\u{1d1ad}` +
  String.raw`\u{1d242}-\u{1d244}\u{1e000}-\u{1e006}\u{1e008}-\u{1e018}\u{1e01b}-\u{1e021}\u{1e023}-\u{1e024}` +
  String.raw`\u{1e026}-\u{1e02a}\u{1e8d0}-\u{1e8d6}\u{1e944}-\u{1e94a}`;

/** 25 code points that the pre-tokenizer splits at. */
export const SPACES =
  String.raw`\u{9}-\u{d}\u{20}\u{85}\u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}-\u{2029}\u{202f}\u{205f}\u{3000}`;

/** 726 code points that the pre-tokenizer sets apart. */
export const PUNCTUATION =
  String.raw`\u{21}-\u{2f}\u{3a}-\u{40}\u{5b}-\u{60}\u{7b}-\u{7e}\u{a1}\u{a7}\u{ab}\u{b6}-\u{b7}\u{bb}\u{bf}` +
  String.raw`\u{37e}\u{387}\u{55a}-\u{55f}\u{589}-\u{58a}\u{5be}\u{5c0}\u{5c3}\u{5c6}\u{5f3}-\u{5f4}` +
  String.raw`\u{609}-\u{60a}\u{60c}-\u{60d}\u{61b}\u{61e}-\u{61f}\u{66a}-\u{66d}\u{6d4}\u{700}-\u{70d}` +
  String.raw`\u{7f7}-\u{7f9}\u{830}-\u{83e}\u{85e}\u{964}-\u{965}\u{970}\u{af0}\u{df4}\u{e4f}\u{e5a}-\u{e5b}` +
  String.raw`\u{f04}-\u{f12}\u{f14}\u{f3a}-\u{f3d}\u{f85}\u{fd0}-\u{fd4}\u{fd9}-\u{fda}\u{104a}-\u{104f}\u{10fb}` +
  String.raw`\u{1360}-\u{1368}\u{1400}\u{166d}-\u{166e}\u{169b}-\u{169c}\u{16eb}-\u{16ed}\u{1735}-\u{1736}` +
  String.raw`\u{17d4}-\u{17d6}\u{17d8}-\u{17da}\u{1800}-\u{180a}\u{1944}-\u{1945}\u{1a1e}-\u{1a1f}` +
  String.raw`\u{1aa0}-\u{1aa6}\u{1aa8}-\u{1aad}\u{1b5a}-\u{1b60}\u{1bfc}-\u{1bff}\u{1c3b}-\u{1c3f}` +
  String.raw`\u{1c7e}-\u{1c7f}\u{1cc0}-\u{1cc7}\u{1cd3}\u{2010}-\u{2027}\u{2030}-\u{2043}\u{2045}-\u{2051}` +
  String.raw`\u{2053}-\u{205e}\u{207d}-\u{207e}\u{208d}-\u{208e}\u{2308}-\u{230b}\u{2329}-\u{232a}` +
  String.raw`\u{2768}-\u{2775}\u{27c5}-\u{27c6}\u{27e6}-\u{27ef}\u{2983}-\u{2998}\u{29d8}-\u{29db}` +
  String.raw`\u{29fc}-\u{29fd}\u{2cf9}-\u{2cfc}\u{2cfe}-\u{2cff}\u{2d70}\u{2e00}-\u{2e2e}\u{2e30}-\u{2e42}` +
  String.raw`\u{3001}-\u{3003}\u{3008}-\u{3011}\u{3014}-\u{301f}\u{3030}\u{303d}\u{30a0}\u{30fb}\u{a4fe}-\u{a4ff}` +
  String.raw`\u{a60d}-\u{a60f}\u{a673}\u{a67e}\u{a6f2}-\u{a6f7}\u{a874}-\u{a877}\u{a8ce}-\u{a8cf}` +
  String.raw`\u{a8f8}-\u{a8fa}\u{a8fc}\u{a92e}-\u{a92f}\u{a95f}\u{a9c1}-\u{a9cd}\u{a9de}-\u{a9df}` +
  String.raw`\u{aa5c}-\u{aa5f}\u{aade}-\u{aadf}\u{aaf0}-\u{aaf1}\u{abeb}\u{fd3e}-\u{fd3f}\u{fe10}-\u{fe19}` +
  String.raw`\u{fe30}-\u{fe52}\u{fe54}-\u{fe61}\u{fe63}\u{fe68}\u{fe6a}-\u{fe6b}\u{ff01}-\u{ff03}` +
  String.raw`\u{ff05}-\u{ff0a}\u{ff0c}-\u{ff0f}\u{ff1a}-\u{ff1b}\u{ff1f}-\u{ff20}\u{ff3b}-\u{ff3d}\u{ff3f}` +
  String.raw`\u{ff5b}\u{ff5d}\u{ff5f}-\u{ff65}\u{10100}-\u{10102}\u{1039f}\u{103d0}\u{1056f}\u{10857}\u{1091f}` +
  String.raw`\u{1093f}\u{10a50}-\u{10a58}\u{10a7f}\u{10af0}-\u{10af6}\u{10b39}-\u{10b3f}\u{10b99}-\u{10b9c}` +
  String.raw`\u{11047}-\u{1104d}\u{110bb}-\u{110bc}\u{110be}-\u{110c1}\u{11140}-\u{11143}\u{11174}-\u{11175}` +
  String.raw`\u{111c5}-\u{111c9}\u{111cd}\u{111db}\u{111dd}-\u{111df}\u{11238}-\u{1123d}\u{112a9}\u{114c6}` +
  String.raw`\u{115c1}-\u{115d7}\u{11641}-\u{11643}\u{1173c}-\u{1173e}\u{12470}-\u{12474}\u{16a6e}-\u{16a6f}` +
  String.raw`\u{16af5}\u{16b37}-\u{16b3b}\u{16b44}\u{1bc9f}\u{1da87}-\u{1da8b}`;

/** 141028 code points that byte-level words take for letters. */
export const LETTERS =
  String.raw`\u{41}-\u{5a}\u{61}-\u{7a}\u{aa}\u{b5}\u{ba}\u{c0}-\u{d6}\u{d8}-\u{f6}\u{f8}-\u{2c1}\u{2c6}-\u{2d1}` +
  String.raw`\u{2e0}-\u{2e4}\u{2ec}\u{2ee}\u{370}-\u{374}\u{376}-\u{377}\u{37a}-\u{37d}\u{37f}\u{386}` +
  String.raw`\u{388}-\u{38a}\u{38c}\u{38e}-\u{3a1}\u{3a3}-\u{3f5}\u{3f7}-\u{481}\u{48a}-\u{52f}\u{531}-\u{556}` +
  String.raw`\u{559}\u{560}-\u{588}\u{5d0}-\u{5ea}\u{5ef}-\u{5f2}\u{620}-\u{64a}\u{66e}-\u{66f}\u{671}-\u{6d3}` +
  String.raw`\u{6d5}\u{6e5}-\u{6e6}\u{6ee}-\u{6ef}\u{6fa}-\u{6fc}\u{6ff}\u{710}\u{712}-\u{72f}\u{74d}-\u{7a5}` +
  String.raw`\u{7b1}\u{7ca}-\u{7ea}\u{7f4}-\u{7f5}\u{7fa}\u{800}-\u{815}\u{81a}\u{824}\u{828}\u{840}-\u{858}` +
  String.raw`\u{860}-\u{86a}\u{870}-\u{887}\u{889}-\u{88e}\u{8a0}-\u{8c9}\u{904}-\u{939}\u{93d}\u{950}` +
  String.raw`\u{958}-\u{961}\u{971}-\u{980}\u{985}-\u{98c}\u{98f}-\u{990}\u{993}-\u{9a8}\u{9aa}-\u{9b0}\u{9b2}` +
  String.raw`\u{9b6}-\u{9b9}\u{9bd}\u{9ce}\u{9dc}-\u{9dd}\u{9df}-\u{9e1}\u{9f0}-\u{9f1}\u{9fc}\u{a05}-\u{a0a}` +
  String.raw`\u{a0f}-\u{a10}\u{a13}-\u{a28}\u{a2a}-\u{a30}\u{a32}-\u{a33}\u{a35}-\u{a36}\u{a38}-\u{a39}` +
  String.raw`\u{a59}-\u{a5c}\u{a5e}\u{a72}-\u{a74}\u{a85}-\u{a8d}\u{a8f}-\u{a91}\u{a93}-\u{aa8}\u{aaa}-\u{ab0}` +
  String.raw`\u{ab2}-\u{ab3}\u{ab5}-\u{ab9}\u{abd}\u{ad0}\u{ae0}-\u{ae1}\u{af9}\u{b05}-\u{b0c}\u{b0f}-\u{b10}` +
  String.raw`\u{b13}-\u{b28}\u{b2a}-\u{b30}\u{b32}-\u{b33}\u{b35}-\u{b39}\u{b3d}\u{b5c}-\u{b5d}\u{b5f}-\u{b61}` +
  String.raw`\u{b71}\u{b83}\u{b85}-\u{b8a}\u{b8e}-\u{b90}\u{b92}-\u{b95}\u{b99}-\u{b9a}\u{b9c}\u{b9e}-\u{b9f}` +
  String.raw`\u{ba3}-\u{ba4}\u{ba8}-\u{baa}\u{bae}-\u{bb9}\u{bd0}\u{c05}-\u{c0c}\u{c0e}-\u{c10}\u{c12}-\u{c28}` +
  String.raw`\u{c2a}-\u{c39}\u{c3d}\u{c58}-\u{c5a}\u{c5d}\u{c60}-\u{c61}\u{c80}\u{c85}-\u{c8c}\u{c8e}-\u{c90}` +
  String.raw`\u{c92}-\u{ca8}\u{caa}-\u{cb3}\u{cb5}-\u{cb9}\u{cbd}\u{cdd}-\u{cde}\u{ce0}-\u{ce1}\u{cf1}-\u{cf2}` +
  String.raw`\u{d04}-\u{d0c}\u{d0e}-\u{d10}\u{d12}-\u{d3a}\u{d3d}\u{d4e}\u{d54}-\u{d56}\u{d5f}-\u{d61}` +
  String.raw`\u{d7a}-\u{d7f}\u{d85}-\u{d96}\u{d9a}-\u{db1}\u{db3}-\u{dbb}\u{dbd}\u{dc0}-\u{dc6}\u{e01}-\u{e30}` +
  String.raw`\u{e32}-\u{e33}\u{e40}-\u{e46}\u{e81}-\u{e82}\u{e84}\u{e86}-\u{e8a}\u{e8c}-\u{ea3}\u{ea5}` +
  String.raw`\u{ea7}-\u{eb0}\u{eb2}-\u{eb3}\u{ebd}\u{ec0}-\u{ec4}\u{ec6}\u{edc}-\u{edf}\u{f00}\u{f40}-\u{f47}` +
  String.raw`\u{f49}-\u{f6c}\u{f88}-\u{f8c}\u{1000}-\u{102a}\u{103f}\u{1050}-\u{1055}\u{105a}-\u{105d}\u{1061}` +
  String.raw`\u{1065}-\u{1066}\u{106e}-\u{1070}\u{1075}-\u{1081}\u{108e}\u{10a0}-\u{10c5}\u{10c7}\u{10cd}` +
  String.raw`\u{10d0}-\u{10fa}\u{10fc}-\u{1248}\u{124a}-\u{124d}\u{1250}-\u{1256}\u{1258}\u{125a}-\u{125d}` +
  String.raw`\u{1260}-\u{1288}\u{128a}-\u{128d}\u{1290}-\u{12b0}\u{12b2}-\u{12b5}\u{12b8}-\u{12be}\u{12c0}` +
  String.raw`\u{12c2}-\u{12c5}\u{12c8}-\u{12d6}\u{12d8}-\u{1310}\u{1312}-\u{1315}\u{1318}-\u{135a}` +
  String.raw`\u{1380}-\u{138f}\u{13a0}-\u{13f5}\u{13f8}-\u{13fd}\u{1401}-\u{166c}\u{166f}-\u{167f}` +
  String.raw`\u{1681}-\u{169a}\u{16a0}-\u{16ea}\u{16f1}-\u{16f8}\u{1700}-\u{1711}\u{171f}-\u{1731}` +
  String.raw`\u{1740}-\u{1751}\u{1760}-\u{176c}\u{176e}-\u{1770}\u{1780}-\u{17b3}\u{17d7}\u{17dc}` +
  String.raw`\u{1820}-\u{1878}\u{1880}-\u{1884}\u{1887}-\u{18a8}\u{18aa}\u{18b0}-\u{18f5}\u{1900}-\u{191e}` +
  String.raw`\u{1950}-\u{196d}\u{1970}-\u{1974}\u{1980}-\u{19ab}\u{19b0}-\u{19c9}\u{1a00}-\u{1a16}` +
  String.raw`\u{1a20}-\u{1a54}\u{1aa7}\u{1b05}-\u{1b33}\u{1b45}-\u{1b4c}\u{1b83}-\u{1ba0}\u{1bae}-\u{1baf}` +
  String.raw`\u{1bba}-\u{1be5}\u{1c00}-\u{1c23}\u{1c4d}-\u{1c4f}\u{1c5a}-\u{1c7d}\u{1c80}-\u{1c8a}` +
  String.raw`\u{1c90}-\u{1cba}\u{1cbd}-\u{1cbf}\u{1ce9}-\u{1cec}\u{1cee}-\u{1cf3}\u{1cf5}-\u{1cf6}\u{1cfa}` +
  String.raw`\u{1d00}-\u{1dbf}\u{1e00}-\u{1f15}\u{1f18}-\u{1f1d}\u{1f20}-\u{1f45}\u{1f48}-\u{1f4d}` +
  String.raw`\u{1f50}-\u{1f57}\u{1f59}\u{1f5b}\u{1f5d}\u{1f5f}-\u{1f7d}\u{1f80}-\u{1fb4}\u{1fb6}-\u{1fbc}\u{1fbe}` +
  String.raw`\u{1fc2}-\u{1fc4}\u{1fc6}-\u{1fcc}\u{1fd0}-\u{1fd3}\u{1fd6}-\u{1fdb}\u{1fe0}-\u{1fec}` +
  String.raw`\u{1ff2}-\u{1ff4}\u{1ff6}-\u{1ffc}\u{2071}\u{207f}\u{2090}-\u{209c}\u{2102}\u{2107}\u{210a}-\u{2113}` +
  String.raw`\u{2115}\u{2119}-\u{211d}\u{2124}\u{2126}\u{2128}\u{212a}-\u{212d}\u{212f}-\u{2139}\u{213c}-\u{213f}` +
  String.raw`\u{2145}-\u{2149}\u{214e}\u{2183}-\u{2184}\u{2c00}-\u{2ce4}\u{2ceb}-\u{2cee}\u{2cf2}-\u{2cf3}` +
  String.raw`\u{2d00}-\u{2d25}\u{2d27}\u{2d2d}\u{2d30}-\u{2d67}\u{2d6f}\u{2d80}-\u{2d96}\u{2da0}-\u{2da6}` +
  String.raw`\u{2da8}-\u{2dae}\u{2db0}-\u{2db6}\u{2db8}-\u{2dbe}\u{2dc0}-\u{2dc6}\u{2dc8}-\u{2dce}` +
  String.raw`\u{2dd0}-\u{2dd6}\u{2dd8}-\u{2dde}\u{2e2f}\u{3005}-\u{3006}\u{3031}-\u{3035}\u{303b}-\u{303c}` +
  String.raw`\u{3041}-\u{3096}\u{309d}-\u{309f}\u{30a1}-\u{30fa}\u{30fc}-\u{30ff}\u{3105}-\u{312f}` +
  String.raw`\u{3131}-\u{318e}\u{31a0}-\u{31bf}\u{31f0}-\u{31ff}\u{3400}-\u{4dbf}\u{4e00}-\u{a48c}` +
  String.raw`\u{a4d0}-\u{a4fd}\u{a500}-\u{a60c}\u{a610}-\u{a61f}\u{a62a}-\u{a62b}\u{a640}-\u{a66e}` +
  String.raw`\u{a67f}-\u{a69d}\u{a6a0}-\u{a6e5}\u{a717}-\u{a71f}\u{a722}-\u{a788}\u{a78b}-\u{a7cd}` +
  String.raw`\u{a7d0}-\u{a7d1}\u{a7d3}\u{a7d5}-\u{a7dc}\u{a7f2}-\u{a801}\u{a803}-\u{a805}\u{a807}-\u{a80a}` +
  String.raw`\u{a80c}-\u{a822}\u{a840}-\u{a873}\u{a882}-\u{a8b3}\u{a8f2}-\u{a8f7}\u{a8fb}\u{a8fd}-\u{a8fe}` +
  String.raw`\u{a90a}-\u{a925}\u{a930}-\u{a946}\u{a960}-\u{a97c}\u{a984}-\u{a9b2}\u{a9cf}\u{a9e0}-\u{a9e4}` +
  String.raw`\u{a9e6}-\u{a9ef}\u{a9fa}-\u{a9fe}\u{aa00}-\u{aa28}\u{aa40}-\u{aa42}\u{aa44}-\u{aa4b}` +
  String.raw`\u{aa60}-\u{aa76}\u{aa7a}\u{aa7e}-\u{aaaf}\u{aab1}\u{aab5}-\u{aab6}\u{aab9}-\u{aabd}\u{aac0}\u{aac2}` +
  String.raw`\u{aadb}-\u{aadd}\u{aae0}-\u{aaea}\u{aaf2}-\u{aaf4}\u{ab01}-\u{ab06}\u{ab09}-\u{ab0e}` +
  String.raw`\u{ab11}-\u{ab16}\u{ab20}-\u{ab26}\u{ab28}-\u{ab2e}\u{ab30}-\u{ab5a}\u{ab5c}-\u{ab69}` +
  String.raw`\u{ab70}-\u{abe2}\u{ac00}-\u{d7a3}\u{d7b0}-\u{d7c6}\u{d7cb}-\u{d7fb}\u{f900}-\u{fa6d}` +
  String.raw`\u{fa70}-\u{fad9}\u{fb00}-\u{fb06}\u{fb13}-\u{fb17}\u{fb1d}\u{fb1f}-\u{fb28}\u{fb2a}-\u{fb36}` +
  String.raw`\u{fb38}-\u{fb3c}\u{fb3e}\u{fb40}-\u{fb41}\u{fb43}-\u{fb44}\u{fb46}-\u{fbb1}\u{fbd3}-\u{fd3d}` +
  String.raw`\u{fd50}-\u{fd8f}\u{fd92}-\u{fdc7}\u{fdf0}-\u{fdfb}\u{fe70}-\u{fe74}\u{fe76}-\u{fefc}` +
  String.raw`\u{ff21}-\u{ff3a}\u{ff41}-\u{ff5a}\u{ff66}-\u{ffbe}\u{ffc2}-\u{ffc7}\u{ffca}-\u{ffcf}` +
  String.raw`\u{ffd2}-\u{ffd7}\u{ffda}-\u{ffdc}\u{10000}-\u{1000b}\u{1000d}-\u{10026}\u{10028}-\u{1003a}` +
  String.raw`\u{1003c}-\u{1003d}\u{1003f}-\u{1004d}\u{10050}-\u{1005d}\u{10080}-\u{100fa}\u{10280}-\u{1029c}` +
  String.raw`\u{102a0}-\u{102d0}\u{10300}-\u{1031f}\u{1032d}-\u{10340}\u{10342}-\u{10349}\u{10350}-\u{10375}` +
  String.raw`\u{10380}-\u{1039d}\u{103a0}-\u{103c3}\u{103c8}-\u{103cf}\u{10400}-\u{1049d}\u{104b0}-\u{104d3}` +
  String.raw`\u{104d8}-\u{104fb}\u{10500}-\u{10527}\u{10530}-\u{10563}\u{10570}-\u{1057a}\u{1057c}-\u{1058a}` +
  String.raw`\u{1058c}-\u{10592}\u{10594}-\u{10595}\u{10597}-\u{105a1}\u{105a3}-\u{105b1}\u{105b3}-\u{105b9}` +
  String.raw`\u{105bb}-\u{105bc}\u{105c0}-\u{105f3}\u{10600}-\u{10736}\u{10740}-\u{10755}\u{10760}-\u{10767}` +
  String.raw`\u{10780}-\u{10785}\u{10787}-\u{107b0}\u{107b2}-\u{107ba}\u{10800}-\u{10805}\u{10808}` +
  String.raw`\u{1080a}-\u{10835}\u{10837}-\u{10838}\u{1083c}\u{1083f}-\u{10855}\u{10860}-\u{10876}` +
  String.raw`\u{10880}-\u{1089e}\u{108e0}-\u{108f2}\u{108f4}-\u{108f5}\u{10900}-\u{10915}\u{10920}-\u{10939}` +
  String.raw`\u{10980}-\u{109b7}\u{109be}-\u{109bf}\u{10a00}\u{10a10}-\u{10a13}\u{10a15}-\u{10a17}` +
  String.raw`\u{10a19}-\u{10a35}\u{10a60}-\u{10a7c}\u{10a80}-\u{10a9c}\u{10ac0}-\u{10ac7}\u{10ac9}-\u{10ae4}` +
  String.raw`\u{10b00}-\u{10b35}\u{10b40}-\u{10b55}\u{10b60}-\u{10b72}\u{10b80}-\u{10b91}\u{10c00}-\u{10c48}` +
  String.raw`\u{10c80}-\u{10cb2}\u{10cc0}-\u{10cf2}\u{10d00}-\u{10d23}\u{10d4a}-\u{10d65}\u{10d6f}-\u{10d85}` +
  String.raw`\u{10e80}-\u{10ea9}\u{10eb0}-\u{10eb1}\u{10ec2}-\u{10ec4}\u{10f00}-\u{10f1c}\u{10f27}` +
  String.raw`\u{10f30}-\u{10f45}\u{10f70}-\u{10f81}\u{10fb0}-\u{10fc4}\u{10fe0}-\u{10ff6}\u{11003}-\u{11037}` +
  String.raw`\u{11071}-\u{11072}\u{11075}\u{11083}-\u{110af}\u{110d0}-\u{110e8}\u{11103}-\u{11126}\u{11144}` +
  String.raw`\u{11147}\u{11150}-\u{11172}\u{11176}\u{11183}-\u{111b2}\u{111c1}-\u{111c4}\u{111da}\u{111dc}` +
  String.raw`\u{11200}-\u{11211}\u{11213}-\u{1122b}\u{1123f}-\u{11240}\u{11280}-\u{11286}\u{11288}` +
  String.raw`\u{1128a}-\u{1128d}\u{1128f}-\u{1129d}\u{1129f}-\u{112a8}\u{112b0}-\u{112de}\u{11305}-\u{1130c}` +
  String.raw`\u{1130f}-\u{11310}\u{11313}-\u{11328}\u{1132a}-\u{11330}\u{11332}-\u{11333}\u{11335}-\u{11339}` +
  String.raw`\u{1133d}\u{11350}\u{1135d}-\u{11361}\u{11380}-\u{11389}\u{1138b}\u{1138e}\u{11390}-\u{113b5}` +
  String.raw`\u{113b7}\u{113d1}\u{113d3}\u{11400}-\u{11434}\u{11447}-\u{1144a}\u{1145f}-\u{11461}` +
  String.raw`\u{11480}-\u{114af}\u{114c4}-\u{114c5}\u{114c7}\u{11580}-\u{115ae}\u{115d8}-\u{115db}` +
  String.raw`\u{11600}-\u{1162f}\u{11644}\u{11680}-\u{116aa}\u{116b8}\u{11700}-\u{1171a}\u{11740}-\u{11746}` +
  String.raw`\u{11800}-\u{1182b}\u{118a0}-\u{118df}\u{118ff}-\u{11906}\u{11909}\u{1190c}-\u{11913}` +
  String.raw`\u{11915}-\u{11916}\u{11918}-\u{1192f}\u{1193f}\u{11941}\u{119a0}-\u{119a7}\u{119aa}-\u{119d0}` +
  String.raw`\u{119e1}\u{119e3}\u{11a00}\u{11a0b}-\u{11a32}\u{11a3a}\u{11a50}\u{11a5c}-\u{11a89}\u{11a9d}` +
  String.raw`\u{11ab0}-\u{11af8}\u{11bc0}-\u{11be0}\u{11c00}-\u{11c08}\u{11c0a}-\u{11c2e}\u{11c40}` +
  String.raw`\u{11c72}-\u{11c8f}\u{11d00}-\u{11d06}\u{11d08}-\u{11d09}\u{11d0b}-\u{11d30}\u{11d46}` +
  String.raw`\u{11d60}-\u{11d65}\u{11d67}-\u{11d68}\u{11d6a}-\u{11d89}\u{11d98}\u{11ee0}-\u{11ef2}\u{11f02}` +
  String.raw`\u{11f04}-\u{11f10}\u{11f12}-\u{11f33}\u{11fb0}\u{12000}-\u{12399}\u{12480}-\u{12543}` +
  String.raw`\u{12f90}-\u{12ff0}\u{13000}-\u{1342f}\u{13441}-\u{13446}\u{13460}-\u{143fa}\u{14400}-\u{14646}` +
  String.raw`\u{16100}-\u{1611d}\u{16800}-\u{16a38}\u{16a40}-\u{16a5e}\u{16a70}-\u{16abe}\u{16ad0}-\u{16aed}` +
  String.raw`\u{16b00}-\u{16b2f}\u{16b40}-\u{16b43}\u{16b63}-\u{16b77}\u{16b7d}-\u{16b8f}\u{16d40}-\u{16d6c}` +
  String.raw`\u{16e40}-\u{16e7f}\u{16f00}-\u{16f4a}\u{16f50}\u{16f93}-\u{16f9f}\u{16fe0}-\u{16fe1}\u{16fe3}` +
  String.raw`\u{17000}-\u{187f7}\u{18800}-\u{18cd5}\u{18cff}-\u{18d08}\u{1aff0}-\u{1aff3}\u{1aff5}-\u{1affb}` +
  String.raw`\u{1affd}-\u{1affe}\u{1b000}-\u{1b122}\u{1b132}\u{1b150}-\u{1b152}\u{1b155}\u{1b164}-\u{1b167}` +
  String.raw`\u{1b170}-\u{1b2fb}\u{1bc00}-\u{1bc6a}\u{1bc70}-\u{1bc7c}\u{1bc80}-\u{1bc88}\u{1bc90}-\u{1bc99}` +
  String.raw`\u{1d400}-\u{1d454}\u{1d456}-\u{1d49c}\u{1d49e}-\u{1d49f}\u{1d4a2}\u{1d4a5}-\u{1d4a6}` +
  String.raw`\u{1d4a9}-\u{1d4ac}\u{1d4ae}-\u{1d4b9}\u{1d4bb}\u{1d4bd}-\u{1d4c3}\u{1d4c5}-\u{1d505}` +
  String.raw`\u{1d507}-\u{1d50a}\u{1d50d}-\u{1d514}\u{1d516}-\u{1d51c}\u{1d51e}-\u{1d539}\u{1d53b}-\u{1d53e}` +
  String.raw`\u{1d540}-\u{1d544}\u{1d546}\u{1d54a}-\u{1d550}\u{1d552}-\u{1d6a5}\u{1d6a8}-\u{1d6c0}` +
  String.raw`\u{1d6c2}-\u{1d6da}\u{1d6dc}-\u{1d6fa}\u{1d6fc}-\u{1d714}\u{1d716}-\u{1d734}\u{1d736}-\u{1d74e}` +
  String.raw`\u{1d750}-\u{1d76e}\u{1d770}-\u{1d788}\u{1d78a}-\u{1d7a8}\u{1d7aa}-\u{1d7c2}\u{1d7c4}-\u{1d7cb}` +
  String.raw`\u{1df00}-\u{1df1e}\u{1df25}-\u{1df2a}\u{1e030}-\u{1e06d}\u{1e100}-\u{1e12c}\u{1e137}-\u{1e13d}` +
  String.raw`\u{1e14e}\u{1e290}-\u{1e2ad}\u{1e2c0}-\u{1e2eb}\u{1e4d0}-\u{1e4eb}\u{1e5d0}-\u{1e5ed}\u{1e5f0}` +
  String.raw`\u{1e7e0}-\u{1e7e6}\u{1e7e8}-\u{1e7eb}\u{1e7ed}-\u{1e7ee}\u{1e7f0}-\u{1e7fe}\u{1e800}-\u{1e8c4}` +
  String.raw`\u{1e900}-\u{1e943}\u{1e94b}\u{1ee00}-\u{1ee03}\u{1ee05}-\u{1ee1f}\u{1ee21}-\u{1ee22}\u{1ee24}` +
  String.raw`\u{1ee27}\u{1ee29}-\u{1ee32}\u{1ee34}-\u{1ee37}\u{1ee39}\u{1ee3b}\u{1ee42}\u{1ee47}\u{1ee49}` +
  String.raw`\u{1ee4b}\u{1ee4d}-\u{1ee4f}\u{1ee51}-\u{1ee52}\u{1ee54}\u{1ee57}\u{1ee59}\u{1ee5b}\u{1ee5d}` +
  String.raw`\u{1ee5f}\u{1ee61}-\u{1ee62}\u{1ee64}\u{1ee67}-\u{1ee6a}\u{1ee6c}-\u{1ee72}\u{1ee74}-\u{1ee77}` +
  String.raw`\u{1ee79}-\u{1ee7c}\u{1ee7e}\u{1ee80}-\u{1ee89}\u{1ee8b}-\u{1ee9b}\u{1eea1}-\u{1eea3}` +
  String.raw`\u{1eea5}-\u{1eea9}\u{1eeab}-\u{1eebb}\u{20000}-\u{2a6df}\u{2a700}-\u{2b739}\u{2b740}-\u{2b81d}` +
  String.raw`\u{2b820}-\u{2cea1}\u{2ceb0}-\u{2ebe0}\u{2ebf0}-\u{2ee5d}\u{2f800}-\u{2fa1d}\u{30000}-\u{3134a}` +
  String.raw`\u{31350}-\u{323af}`;

/** 1911 code points that byte-level words take for numbers. */
export const NUMBERS =
  String.raw`\u{30}-\u{39}\u{b2}-\u{b3}\u{b9}\u{bc}-\u{be}\u{660}-\u{669}\u{6f0}-\u{6f9}\u{7c0}-\u{7c9}` +
  String.raw`\u{966}-\u{96f}\u{9e6}-\u{9ef}\u{9f4}-\u{9f9}\u{a66}-\u{a6f}\u{ae6}-\u{aef}\u{b66}-\u{b6f}` +
  String.raw`\u{b72}-\u{b77}\u{be6}-\u{bf2}\u{c66}-\u{c6f}\u{c78}-\u{c7e}\u{ce6}-\u{cef}\u{d58}-\u{d5e}` +
  String.raw`\u{d66}-\u{d78}\u{de6}-\u{def}\u{e50}-\u{e59}\u{ed0}-\u{ed9}\u{f20}-\u{f33}\u{1040}-\u{1049}` +
  String.raw`\u{1090}-\u{1099}\u{1369}-\u{137c}\u{16ee}-\u{16f0}\u{17e0}-\u{17e9}\u{17f0}-\u{17f9}` +
  String.raw`\u{1810}-\u{1819}\u{1946}-\u{194f}\u{19d0}-\u{19da}\u{1a80}-\u{1a89}\u{1a90}-\u{1a99}` +
  String.raw`\u{1b50}-\u{1b59}\u{1bb0}-\u{1bb9}\u{1c40}-\u{1c49}\u{1c50}-\u{1c59}\u{2070}\u{2074}-\u{2079}` +
  String.raw`\u{2080}-\u{2089}\u{2150}-\u{2182}\u{2185}-\u{2189}\u{2460}-\u{249b}\u{24ea}-\u{24ff}` +
  String.raw`\u{2776}-\u{2793}\u{2cfd}\u{3007}\u{3021}-\u{3029}\u{3038}-\u{303a}\u{3192}-\u{3195}` +
  String.raw`\u{3220}-\u{3229}\u{3248}-\u{324f}\u{3251}-\u{325f}\u{3280}-\u{3289}\u{32b1}-\u{32bf}` +
  String.raw`\u{a620}-\u{a629}\u{a6e6}-\u{a6ef}\u{a830}-\u{a835}\u{a8d0}-\u{a8d9}\u{a900}-\u{a909}` +
  String.raw`\u{a9d0}-\u{a9d9}\u{a9f0}-\u{a9f9}\u{aa50}-\u{aa59}\u{abf0}-\u{abf9}\u{ff10}-\u{ff19}` +
  String.raw`\u{10107}-\u{10133}\u{10140}-\u{10178}\u{1018a}-\u{1018b}\u{102e1}-\u{102fb}\u{10320}-\u{10323}` +
  String.raw`\u{10341}\u{1034a}\u{103d1}-\u{103d5}\u{104a0}-\u{104a9}\u{10858}-\u{1085f}\u{10879}-\u{1087f}` +
  String.raw`\u{108a7}-\u{108af}\u{108fb}-\u{108ff}\u{10916}-\u{1091b}\u{109bc}-\u{109bd}\u{109c0}-\u{109cf}` +
  String.raw`\u{109d2}-\u{109ff}\u{10a40}-\u{10a48}\u{10a7d}-\u{10a7e}\u{10a9d}-\u{10a9f}\u{10aeb}-\u{10aef}` +
  String.raw`\u{10b58}-\u{10b5f}\u{10b78}-\u{10b7f}\u{10ba9}-\u{10baf}\u{10cfa}-\u{10cff}\u{10d30}-\u{10d39}` +
  String.raw`\u{10d40}-\u{10d49}\u{10e60}-\u{10e7e}\u{10f1d}-\u{10f26}\u{10f51}-\u{10f54}\u{10fc5}-\u{10fcb}` +
  String.raw`\u{11052}-\u{1106f}\u{110f0}-\u{110f9}\u{11136}-\u{1113f}\u{111d0}-\u{111d9}\u{111e1}-\u{111f4}` +
  String.raw`\u{112f0}-\u{112f9}\u{11450}-\u{11459}\u{114d0}-\u{114d9}\u{11650}-\u{11659}\u{116c0}-\u{116c9}` +
  String.raw`\u{116d0}-\u{116e3}\u{11730}-\u{1173b}\u{118e0}-\u{118f2}\u{11950}-\u{11959}\u{11bf0}-\u{11bf9}` +
  String.raw`\u{11c50}-\u{11c6c}\u{11d50}-\u{11d59}\u{11da0}-\u{11da9}\u{11f50}-\u{11f59}\u{11fc0}-\u{11fd4}` +
  String.raw`\u{12400}-\u{1246e}\u{16130}-\u{16139}\u{16a60}-\u{16a69}\u{16ac0}-\u{16ac9}\u{16b50}-\u{16b59}` +
  String.raw`\u{16b5b}-\u{16b61}\u{16d70}-\u{16d79}\u{16e80}-\u{16e96}\u{1ccf0}-\u{1ccf9}\u{1d2c0}-\u{1d2d3}` +
  String.raw`\u{1d2e0}-\u{1d2f3}\u{1d360}-\u{1d378}\u{1d7ce}-\u{1d7ff}\u{1e140}-\u{1e149}\u{1e2f0}-\u{1e2f9}` +
  String.raw`\u{1e4f0}-\u{1e4f9}\u{1e5f1}-\u{1e5fa}\u{1e8c7}-\u{1e8cf}\u{1e950}-\u{1e959}\u{1ec71}-\u{1ecab}` +
  String.raw`\u{1ecad}-\u{1ecaf}\u{1ecb1}-\u{1ecb4}\u{1ed01}-\u{1ed2d}\u{1ed2f}-\u{1ed3d}\u{1f100}-\u{1f10c}` +
  String.raw`\u{1fbf0}-\u{1fbf9}`;

/** 25 code points that byte-level words take for white space. */
export const WHITE =
  String.raw`\u{9}-\u{d}\u{20}\u{85}\u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}-\u{2029}\u{202f}\u{205f}\u{3000}`;
