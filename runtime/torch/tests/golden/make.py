#!/usr/bin/env python3
"""Makes the golden files of this folder with the other side: transformers, peft and PyTorch's autograd.

    python make.py --gguf SmolLM2-135M-Instruct.Q4_1.gguf

Needs a venv with torch, transformers, peft, gguf and safetensors (5 GB); neither users nor CI need one, because
what it makes is committed:

    tiny/                 a random Llama of 28 k parameters in HF layout, with a tokenizer of single bytes
    adapter/              an adapter for it, saved by peft, neither of whose matrices is zero
    tiny.safetensors      logits of tiny, alone and with the adapter; adapter parameters after three SFT steps and
                          after three DPO steps, both from `adapter/`
    tiny.json             the batches of these steps, their losses, gradient norms and metrics
    smollm2.safetensors   logits of the real model at every 97th id
    smollm2.json          its prompts as ids, and what greedy search answers
"""

import argparse
import json
import pathlib
import shutil

import torch
import torch.nn.functional as F
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).resolve().parent
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
EOS = 256
OPTIMIZER = {"learning_rate": 0.01, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8, "weight_decay": 0.02, "max_grad_norm": 0.5}
BETA, SFT_WEIGHT = 0.3, 0.7
STEPS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    make_tiny()
    make_real(arguments.gguf)


def byte_tokenizer() -> dict:
    """A byte-level BPE without merges: one token per byte, and one special token."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters, extra = {}, 0
    for byte in range(256):
        if byte in visible:
            letters[byte] = chr(byte)
        else:
            letters[byte] = chr(256 + extra)
            extra += 1
    vocab = {letters[byte]: byte for byte in range(256)}
    vocab["<end>"] = EOS
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    special = {"id": EOS, "content": "<end>", "single_word": False, "lstrip": False, "rstrip": False,
               "normalized": False, "special": True}
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": vocab, "merges": []}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [special], "normalizer": None,
            "pre_tokenizer": level, "post_processor": None, "decoder": level, "model": model}


def make_tiny() -> None:
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=260, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, rms_norm_eps=1e-5, tie_word_embeddings=True,
        bos_token_id=None, eos_token_id=EOS, pad_token_id=None, rope_theta=10000.0, initializer_range=0.25,
    )
    model = LlamaForCausalLM(config).float().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.uniform_(0.5, 1.5)
    folder = HERE / "tiny"
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(json.dumps(byte_tokenizer(), ensure_ascii=False, separators=(",", ":")))
    (folder / "generation_config.json").unlink(missing_ok=True)

    tensors = {}
    text = list(b"A small model, all numbers random; 3 + 4 = 7.")
    ids = torch.tensor([text])
    with torch.no_grad():
        tensors["base.logits"] = model(ids).logits[0].contiguous()
        greedy = model.generate(ids, max_new_tokens=24, do_sample=False, pad_token_id=0)[0, len(text):].tolist()

    lora = LoraConfig(r=4, lora_alpha=8, target_modules=TARGETS, lora_dropout=0.0, task_type="CAUSAL_LM")
    tuned = get_peft_model(model, lora)
    with torch.no_grad():
        for name, parameter in tuned.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.05)
    shutil.rmtree(HERE / "adapter", ignore_errors=True)
    tuned.save_pretrained(HERE / "adapter")
    (HERE / "adapter" / "README.md").unlink(missing_ok=True)
    path = HERE / "adapter" / "adapter_config.json"
    config = json.loads(path.read_text())
    config["base_model_name_or_path"] = "tiny"
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    with torch.no_grad():
        tensors["adapter.logits"] = tuned(ids).logits[0].contiguous()

    # Prompts that share a beginning, some completions that do too.
    prefix = list(b"Question and answer. ")
    prompts = [prefix + list(p) for p in (b"How wide is it?", b"How tall is it?", b"Which is wider, a or b?", b"Colour?")]
    chosen = [list(c) for c in (b"width(a)", b"height(a)", b"max(a, b)", b"red")]
    rejected = [list(c) for c in (b"width(b)", b"h", b"min(a, b) + 1", b"blue")]
    items = [{"prompt": p, "completion": c + [EOS]} for p, c in zip(prompts, chosen)]
    with torch.no_grad(), tuned.disable_adapter():
        scores = [log_prob(tuned, item["prompt"], item["completion"]).item() for item in items]
        reference = [[log_prob(tuned, p, c + [EOS]).item() for c in pair] for p, *pair in zip(prompts, chosen, rejected)]
    pairs = [
        {"prompt": p, "chosen": c + [EOS], "rejected": r + [EOS], "reference_chosen": rc, "reference_rejected": rr}
        for p, c, r, (rc, rr) in zip(prompts, chosen, rejected, reference)
    ]
    result = {
        "text": text, "greedy": greedy, "optimizer": OPTIMIZER, "steps": STEPS,
        "scores": scores,
        "sft": {"items": items, "metrics": train(tensors, "sft", lambda m: sft_loss(m, items))},
        "dpo": {"pairs": pairs, "beta": BETA, "sft_weight": SFT_WEIGHT,
                "metrics": train(tensors, "dpo", lambda m: dpo_loss(m, pairs))},
    }
    save_file(tensors, HERE / "tiny.safetensors")
    (HERE / "tiny.json").write_text(json.dumps(result) + "\n")


def log_prob(model, prompt: list, completion: list) -> torch.Tensor:
    """Summed log-probability, one sequence at a time: no packing, no sharing."""
    ids = torch.tensor([prompt + completion])
    logits = model(ids).logits[0, len(prompt) - 1:-1].float()
    return F.log_softmax(logits, -1).gather(1, torch.tensor(completion)[:, None]).sum()


def sft_loss(model, items):
    losses = [-log_prob(model, item["prompt"], item["completion"]) / len(item["completion"]) for item in items]
    loss = torch.stack(losses).mean()
    return loss, {"loss": loss.item(), "nll": loss.item()}


def dpo_loss(model, pairs):
    chosen = torch.stack([log_prob(model, pair["prompt"], pair["chosen"]) for pair in pairs])
    rejected = torch.stack([log_prob(model, pair["prompt"], pair["rejected"]) for pair in pairs])
    rewards_chosen = BETA * (chosen - torch.tensor([pair["reference_chosen"] for pair in pairs]))
    rewards_rejected = BETA * (rejected - torch.tensor([pair["reference_rejected"] for pair in pairs]))
    margins = rewards_chosen - rewards_rejected
    dpo = -F.logsigmoid(margins).mean()
    nll = (-chosen / torch.tensor([float(len(pair["chosen"])) for pair in pairs])).mean()
    loss = dpo + SFT_WEIGHT * nll
    return loss, {
        "loss": loss.item(), "dpo_loss": dpo.item(), "nll": nll.item(),
        "rewards_chosen": rewards_chosen.mean().item(), "rewards_rejected": rewards_rejected.mean().item(),
        "rewards_margins": margins.mean().item(), "rewards_accuracies": (margins > 0).float().mean().item(),
        "logps_chosen": chosen.mean().item(), "logps_rejected": rejected.mean().item(),
    }


def train(tensors: dict, name: str, loss_of) -> list:
    """Some steps of PyTorch's own AdamW from the saved adapter; the parameters after them go into `tensors`."""
    base = LlamaForCausalLM.from_pretrained(HERE / "tiny").float().eval()
    model = PeftModel.from_pretrained(base, HERE / "adapter", is_trainable=True).eval()
    parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(
        parameters.values(), lr=OPTIMIZER["learning_rate"], betas=(OPTIMIZER["beta1"], OPTIMIZER["beta2"]),
        eps=OPTIMIZER["epsilon"], weight_decay=OPTIMIZER["weight_decay"],
    )
    metrics = []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss, figures = loss_of(model)
        loss.backward()
        if step == 0:
            for n, p in parameters.items():
                tensors[f"{name}.gradient.{n.replace('.default', '')}"] = p.grad.clone()
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), OPTIMIZER["max_grad_norm"])
        optimizer.step()
        metrics.append({**figures, "grad_norm": norm.item()})
    for n, p in parameters.items():
        tensors[f"{name}.parameter.{n.replace('.default', '')}"] = p.detach().clone()
    return metrics


def make_real(gguf: pathlib.Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32).eval()
    texts = [
        "The capital of France is Paris. The capital of Italy is",
        'Question: How wide is "cat.png"?\n```python\nfinal_answer(image_info(image="cat.png")["width"])\n```\n\n'
        'Question: How tall is "dog.png"?\n```python\n',
        "<|im_start|>user\nName three colours.<|im_end|>\n<|im_start|>assistant\n",
    ]
    tensors, prompts = {}, []
    for index, text in enumerate(texts):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0]
            greedy = model.generate(
                torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), max_new_tokens=24,
                do_sample=False, pad_token_id=0, eos_token_id=2,
            )[0, len(ids):].tolist()
        tensors[f"logits.{index}"] = logits[:, ::97].contiguous()
        prompts.append({"text": text, "ids": ids, "greedy": greedy, "argmax": logits.argmax(-1).tolist()})
    save_file(tensors, HERE / "smollm2.safetensors")
    (HERE / "smollm2.json").write_text(json.dumps({"stride": 97, "prompts": prompts}) + "\n")


if __name__ == "__main__":
    main()
