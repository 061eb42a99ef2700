#!/usr/bin/env python3
"""Checks that peft loads an adapter that the backend wrote, and gets the backend's logits from it.

    cargo run --release -p sport-torch --example adapter_for_peft -- FOLDER
    python check_adapter.py FOLDER

Needs the venv of make.py.
"""

import json
import pathlib
import sys

import torch
from peft import PeftModel
from transformers import LlamaForCausalLM


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    wanted = json.loads((folder / "logits.json").read_text())
    base = LlamaForCausalLM.from_pretrained(pathlib.Path(__file__).resolve().parent / "tiny").float()
    ids = torch.tensor([wanted["ids"]])
    with torch.no_grad():
        plain = base(ids).logits[0]
        tuned = PeftModel.from_pretrained(base, folder / "adapter").eval()(ids).logits[0]
    ours = torch.tensor(wanted["logits"]).reshape(tuned.shape)
    apart, moved = (ours - tuned).abs().max().item(), (tuned - plain).abs().max().item()
    print(f"largest difference to peft {apart:.2e}; the adapter moved the logits by up to {moved:.2f}")
    if not (apart < 1e-4 < moved):
        sys.exit("the adapter means something else to peft")


if __name__ == "__main__":
    main()
