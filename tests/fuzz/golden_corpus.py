#!/usr/bin/python3
"""Writes one seed per golden: its messages, each behind a two-byte length, as pgoutput_fuzz reads them.

  golden_corpus.py tests/golden/pgoutput build/fuzz/corpus/pgoutput"""

import pathlib
import sys


def messages(golden):
    section = None
    for line in golden.read_text(encoding="utf8").splitlines():
        if not line.startswith(" "):
            section = line
        elif section == "wire:":
            yield bytes.fromhex(line.strip())


def main():
    goldens, corpus = map(pathlib.Path, sys.argv[1:3])
    corpus.mkdir(parents=True, exist_ok=True)
    for golden in sorted(goldens.glob("pg*/*.golden")):
        seed = b"".join(len(m).to_bytes(2, "big") + m for m in messages(golden) if len(m) < 65536)
        (corpus / f"{golden.parent.name}_{golden.stem}").write_bytes(seed)


if __name__ == "__main__":
    main()
