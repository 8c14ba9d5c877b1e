/** What a file that isn't safetensors seems to be, by its first eight bytes, and what its owner should do. */
export function recognise(start: Uint8Array): { readonly kind: string; readonly hint: string } | undefined {
  if (start.length === 0) return { kind: "an empty file", hint: "Fetch the file again." };
  const text = String.fromCharCode(...start.subarray(0, 8));
  return SIGNATURES.find(({ fits }) => fits(text));
}

const CONVERT =
  "Save the weights with safetensors (in Python: safetensors.torch.save_file) and use that file.";

const SIGNATURES: readonly { fits: (text: string) => boolean; kind: string; hint: string }[] = [
  {
    fits: (text) => text.startsWith("PK\x03\x04"),
    kind: "a zip archive, as PyTorch writes its .bin and .pt files",
    hint: CONVERT,
  },
  {
    // Since protocol 2 a pickle starts with 0x80 and the protocol's number.
    fits: (text) => text.startsWith("\x80") && text.charCodeAt(1) >= 2 && text.charCodeAt(1) <= 5,
    kind: "a Python pickle",
    hint: CONVERT,
  },
  {
    fits: (text) => text.startsWith("version "),
    kind: "a pointer of git-lfs, not the file itself",
    hint: "Run `git lfs pull`, or download the file from its page.",
  },
  {
    fits: (text) => /^\s*<(!doc|html|\?xml|head)/i.test(text),
    kind: "a web page",
    hint: "The download gave an error or a sign-in page: open the address in a browser to see it.",
  },
  {
    fits: (text) => text.startsWith("GGUF"),
    kind: "a GGUF file",
    hint: "Use the safetensors version of the model.",
  },
  {
    fits: (text) => /^\s*[{[]\s*["{[\]}]/.test(text),
    kind: "JSON without the header length",
    hint: "Check the download's address.",
  },
];
