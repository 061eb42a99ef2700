"""Makes the golden files beside this script from the other side: transformers, peft and the gguf package.

    python -m venv V && V/bin/pip install torch transformers peft gguf safetensors
    V/bin/python make.py ~/.cache/sport/models/SmolLM2-135M-Instruct.Q4_1.gguf

Never needed by users or by the tests, which read the files that are committed.

tokens.json     200 strings and their ids. transformers rebuilds the tokenizer of a GGUF file without looking at
                `tokenizer.ggml.pre`, so the pre-tokenizer of the model's own tokenizer.json (each digit alone, then
                byte level) is put in before encoding.
templates.json  chat templates of several styles, rendered by transformers.
tensors.json    sha256 and first values of every tensor of the model, dequantised by the gguf package, and of some
                q and k tensors as transformers turns them.
small.gguf      a tiny complete model with one tensor of every number type that is read; small.json: its tensors.
hf/             a tiny model in HF layout, in two shards; hf.json: its tensors.
peft/           an adapter for it, written by peft; peft.json: its tensors.
"""

import hashlib
import json
import random
import shutil
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Q
from peft import LoraConfig, get_peft_model
from safetensors.numpy import load_file
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

HERE = Path(__file__).parent
MODEL = Path(sys.argv[1])


def write(name, value, indent=None):
    (HERE / name).write_text(json.dumps(value, ensure_ascii=False, indent=indent) + "\n")


def summary(array):
    array = np.ascontiguousarray(array, dtype=np.float32)
    return {
        "shape": list(array.shape),
        "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
        "first": [float(v) for v in array.reshape(-1)[:4]],
    }


def strings():
    fixed = [
        "", " ", "  ", "\n", "\n\n\n", "\t", " \n ", "a", " a", "Hello, world!", "hello  double  blanks",
        "it's don't we'll I'VE they're you'd", "3.14159", "12345678901234567890", "1 22 333 4444", "x1y22z333",
        " 7", "7 ", "-42", "1,000,000.50", "0x1F600", "2026-11-22T21:45:00Z", "10%", "$5.00 for 3", "½ ² ³ ① Ⅷ ٣ ४ 七",
        " ² ½", "a²b", "Ünïcödé", "naïve café", "日本語のテキスト", "中文字符测试", "한국어", "Привет, мир", "שלום עולם",
        "مرحبا بالعالم", "ไทย", "हिन्दी", "🙂", "👩‍👩‍👧‍👦 family", "🇩🇪🇯🇵", "e\u0301 combining", "\u200b zero width", "\ufeff bom",
        "a\u00a0b", "\u3000wide blank", "tab\tseparated\tvalues", "line\r\nbreaks\r\n", "trailing   ", "   leading",
        "<|im_start|>user\nhi<|im_end|>\n", "<|endoftext|>", "a<|im_end|>b", "<|im_start|> <|im_start|>", "<|im_startx|>",
        "<repo_name>x<file_sep>y", "<|im_start|", "|im_end|>", "< |im_end|>", "<jupyter_code>print(1)",
        "```python\nfinal_answer(image_info(image=\"cat.png\")[\"width\"])\n```",
        "def f(x):\n    return x ** 2  # square\n", "for i in range(10):\n\tprint(i)\n", "if a<=b and c!=d: e+=1",
        "{\"name\": \"mean_color\", \"arguments\": {\"image\": \"a.png\", \"box\": [0, 1, 2, 3]}}",
        "Question: How wide is \"coffee.png\" in pixels?\n```python\n", "https://example.org/path?q=1&r=%20#frag",
        "user@example.org", "C:\\Users\\x\\file.txt", "/task/photo_01.jpg", "__init__.py", "snake_case camelCase PascalCase",
        "ALLCAPS", "MiXeD", "a.b.c.d", "...", "…", "—–-", "“quoted” ‘text’", "\"double\" 'single'", "(((nested)))",
        "[1, 2, [3, 4]]", "a\\nb", "\\", "\x00", "\x1b[31mred\x1b[0m", "\x7f", "0", "00", "0.0", "+1", "1e-5", "∑∏√∞≠≤≥",
        "x" * 300, "ab" * 150, "1" * 100, " " * 65, "\n" * 20, "!" * 40, "The quick brown fox jumps over the lazy dog. " * 4,
    ]
    rng = random.Random(20261122)
    pools = [
        "abcdefghijklmnopqrstuvwxyz     ", "ABCxyz0123456789 .,;:!?'\"", "0123456789 .-+eE", "äöüßéèçñ øåæ ", "日本語中文한국어 。、",
        " \n\t\r  ab1", "<|>im_startend/ ", "(){}[]=+-*/%<>!&|^~:;,.@# _xyz01\n    ", "🙂🙃😀🎉👍🏽 a1", "²³½①٣४Ⅷ 19a ",
    ]
    while len(fixed) < 200:
        pool = rng.choice(pools)
        fixed.append("".join(rng.choice(pool) for _ in range(rng.randint(1, 60))))
    assert len(set(fixed)) >= 195 and len(fixed) == 200
    return fixed


CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TEMPLATES = {
    "chatml": CHATML,
    "llama-2": (
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}"
        "{% set loop_messages = messages[1:] %}{% else %}{% set loop_messages = messages %}{% endif %}\n"
        "{%- for message in loop_messages %}\n"
        "  {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}\n"
        "    {{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}\n"
        "  {%- endif %}\n"
        "  {%- if message['role'] == 'user' %}\n"
        "    {{- '[INST] ' }}{%- if loop.first and system is defined %}{{- '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' }}{%- endif %}\n"
        "    {{- message['content'].strip() + ' [/INST]' }}\n"
        "  {%- else %}\n"
        "    {{- ' ' + message['content'].strip() + ' ' + eos_token }}\n"
        "  {%- endif %}\n"
        "{%- endfor %}\n"
    ),
    "qwen-tools": (
        "{%- if tools %}\n    {{- '<|im_start|>system\\n' }}\n    {{- \"# Tools\\n<tools>\" }}\n"
        "    {%- for tool in tools %}\n        {{- \"\\n\" }}\n        {{- tool | tojson }}\n    {%- endfor %}\n"
        "    {{- \"\\n</tools><|im_end|>\\n\" }}\n{%- endif %}\n"
        "{%- set ns = namespace(count=0) %}\n"
        "{%- for message in messages %}\n    {%- set ns.count = ns.count + 1 %}\n"
        "    {%- if message.role == 'assistant' and message.tool_calls %}\n"
        "        {%- for call in message.tool_calls %}{{- '<tool_call>' + (call.function.arguments | tojson) + '</tool_call>' }}{%- endfor %}\n"
        "    {%- else %}\n        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}\n    {%- endif %}\n"
        "{%- endfor %}\n{{- ns.count }}\n{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}\n"
    ),
    "python-values": (
        "{{ true }} {{ false }} {{ none }} {{ 1.0 }} {{ [1, 2]|length }} {{ tools is none }} {{ undefined_thing }}|"
        "{{ messages|tojson(indent=2) }}|{{ messages[0].content.split(' ')|join('_') }}|"
        "{{ 'abc'.startswith('a') }} {{ messages[-1]['content'][:3] }} {{ ' x '.lstrip() }}{{ ' x '.rstrip() }}|"
        "{{ messages[0].get('name', 'nobody') }} {{ 'a-b'.replace('-', '+') }} {{ 'title case'.title() }}"
    ),
    "blocks": (
        "{% for m in messages %}\n    {% if m.role == 'user' %}\n  U: {{ m.content | trim }}\n    {% elif m.role == 'assistant' %}\n"
        "  A: {{ m.content }}\n    {%- else -%}\n  S: {{ m.content }}\n    {% endif %}\n{% endfor %}\n{# a remark #}\n"
        "{% macro last() %}{{ messages[-1].role }}{% endmacro %}{{ last() }}\n"
        "{% for m in messages %}{% if loop.last %}{% continue %}{% endif %}{{ loop.index }}{% endfor %}\n\n"
    ),
    "generation": (
        "{% for m in messages %}{{ m.role }}: {% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}"
        "{% else %}{{ m.content }}{% endif %}\n{% endfor %}"
    ),
}


def templates(tokenizer):
    chats = {
        "one": [{"role": "user", "content": "How wide is \"cat.png\"?"}],
        "system": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": " Hi  there\n"}],
        "turns": [
            {"role": "system", "content": "S"},
            {"role": "user", "content": "ünïcode 🙂 <b>&\"quotes\"</b> \\ '"},
            {"role": "assistant", "content": "Thought: none\n```python\nprint(1)\n```"},
            {"role": "user", "content": "Output: 1"},
        ],
        "wrong": [{"role": "assistant", "content": "I begin"}],
        "empty": [{"role": "user", "content": ""}],
    }
    call = {"type": "function", "function": {"name": "f", "arguments": {"image": "ä.png", "box": [0, 1.5, None, True]}}}
    chats["call"] = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
    ]
    tools = [{
        "type": "function",
        "function": {"name": "mean_color", "description": "Mean colour <of> a \"box\" & 'so on'",
                     "parameters": {"type": "object", "properties": {"image": {"type": "string"}}, "required": ["image"]}},
    }]
    cases = []
    sources = {"smollm2": tokenizer.chat_template, **TEMPLATES}
    for name, template in sources.items():
        for chat, messages in chats.items():
            for given in ([None, tools] if name == "qwen-tools" else [None]):
                for generate in [False, True]:
                    case = {"template": name, "chat": chat, "messages": messages, "tools": given,
                            "add_generation_prompt": generate, "bos_token": tokenizer.bos_token,
                            "eos_token": tokenizer.eos_token}
                    try:
                        case["rendered"] = tokenizer.apply_chat_template(
                            messages, chat_template=template, tools=given, add_generation_prompt=generate, tokenize=False)
                    except Exception as error:  # noqa: BLE001: any refusal must be a refusal on the other side
                        case["error"] = str(error)
                    cases.append(case)
    return {"templates": sources, "cases": cases}


def small():
    rng = np.random.default_rng(7)
    path = HERE / "small.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_context_length(128)
    writer.add_embedding_length(64)
    writer.add_feed_forward_length(96)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    alphabet = ["<|end|>", "<|say|>", *map(chr, range(97, 123)), "Ġ", "th", "the", "Ġthe"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(alphabet)
    writer.add_token_types([3, 3] + [1] * (len(alphabet) - 2))
    writer.add_token_merges(["t h", "th e", "Ġ the"])
    writer.add_eos_token_id(0)
    writer.add_chat_template(CHATML)
    shapes = {
        "token_embd": ((32, 64), Q.Q8_0), "output_norm": ((64,), Q.F32), "output": ((32, 64), Q.F16),
        "blk.0.attn_norm": ((64,), Q.F32), "blk.0.attn_q": ((64, 64), Q.Q4_1), "blk.0.attn_k": ((32, 64), Q.F32),
        "blk.0.attn_v": ((32, 64), Q.BF16), "blk.0.attn_output": ((64, 64), Q.Q4_0), "blk.0.ffn_norm": ((64,), Q.F32),
        "blk.0.ffn_gate": ((96, 64), Q.Q4_1), "blk.0.ffn_up": ((96, 64), Q.Q8_0), "blk.0.ffn_down": ((64, 96), Q.Q4_0),
    }
    tensors = {}
    for name, (shape, kind) in shapes.items():
        values = rng.standard_normal(shape).astype(np.float32)
        raw = gguf.quants.quantize(values, kind)
        if kind == Q.F16:
            raw = values.astype(np.float16)
        tensors[f"{name}.weight"] = summary(gguf.quants.dequantize(raw, kind))
        writer.add_tensor(f"{name}.weight", raw, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    write("small.json", tensors, 1)


def hf_and_peft():
    torch.manual_seed(11)
    config = LlamaConfig(vocab_size=48, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                         num_key_value_heads=2, max_position_embeddings=64, rope_theta=5000.0, tie_word_embeddings=False,
                         bos_token_id=1, eos_token_id=[2, 3])
    model = LlamaForCausalLM(config).to(torch.bfloat16)
    shutil.rmtree(HERE / "hf", ignore_errors=True)
    model.save_pretrained(HERE / "hf", max_shard_size="24KB")
    assert (HERE / "hf/model.safetensors.index.json").exists()
    (HERE / "hf/chat_template.jinja").write_text(CHATML)
    write("hf.json", {name: summary(t.float().numpy()) for name, t in model.state_dict().items()}, 1)

    adapted = get_peft_model(model.float(), LoraConfig(r=2, lora_alpha=5, target_modules=["q_proj", "down_proj"],
                                                       task_type="CAUSAL_LM"))
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    adapted.peft_config["default"].base_model_name_or_path = "tiny"
    shutil.rmtree(HERE / "peft", ignore_errors=True)
    adapted.save_pretrained(HERE / "peft")
    (HERE / "peft/README.md").unlink(missing_ok=True)
    write("peft.json", {name: summary(t) for name, t in load_file(HERE / "peft/adapter_model.safetensors").items()}, 1)


def main():
    tokenizer = AutoTokenizer.from_pretrained(str(MODEL.parent), gguf_file=MODEL.name)
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    write("tokens.json", [{"text": s, "ids": tokenizer.encode(s, add_special_tokens=False)} for s in strings()])
    write("templates.json", templates(tokenizer), 1)

    reader = gguf.GGUFReader(MODEL)
    stored = {t.name: summary(gguf.quants.dequantize(t.data, t.tensor_type)) for t in reader.tensors}
    state = AutoModelForCausalLM.from_pretrained(str(MODEL.parent), gguf_file=MODEL.name, dtype=torch.float32).state_dict()
    turned = {f"model.layers.{i}.self_attn.{m}_proj.weight": None for i in (0, 1, 29) for m in "qkv"}
    turned = {name: summary(state[name].numpy()) for name in turned}
    write("tensors.json", {"stored": stored, "hf": turned})
    small()
    hf_and_peft()


main()
