"""Models of transformers so small that they are trained here, from nothing and without a network."""

from __future__ import annotations

import functools
from typing import Any

from tests.environments.late_import import late_import

np = late_import("numpy")
tokenizers = late_import("tokenizers")
torch = late_import("torch")
transformers = late_import("transformers")

SENTENCES = ["a warm and sunny day", "such a fine evening", "what a cold rain", "a dull and stormy night"]
FINE, FOUL = "fine", "foul"
# Of different lengths: in a batch, all but one are padded.
UNSEEN = ["rain", "a sunny evening and such a warm and fine day after what was a dull night", "cold and dull"]
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
PIXELS = 8
_ENDS = {"pad": "[PAD]", "bos": "[CLS]", "eos": "[SEP]"}


@functools.cache
def _learnt() -> Any:
    """Pairs of bytes that are frequent in the sentences; unlike WordPiece, it learns the same each time."""
    model = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="[UNK]"))
    model.normalizer = tokenizers.normalizers.Lowercase()
    model.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel()
    model.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=120, special_tokens=_SPECIAL, show_progress=False)
    model.train_from_iterator([*SENTENCES, *UNSEEN], trainer)
    ends = [(word, model.token_to_id(word)) for word in ("[CLS]", "[SEP]")]
    model.post_processor = tokenizers.processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return model


def tokenizer() -> Any:
    """That of `SENTENCES`; a new object, as pipelines change theirs."""
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), _SPECIAL, strict=True))
    return transformers.PreTrainedTokenizerFast(tokenizer_object=_learnt(), model_max_length=64, **names)


@functools.cache
def text_classifier() -> Any:
    """A BERT that tells fine from foul weather."""
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(tokenizer()),
        max_position_embeddings=64,
        id2label={0: FINE, 1: FOUL},
        label2id={FINE: 0, FOUL: 1},
        **SIZES,
    )
    model = transformers.BertForSequenceClassification(config)
    inputs = tokenizer()(SENTENCES, padding=True, return_tensors="pt")
    # So little that the answers are far from sure, and padding that is not masked would change them.
    trained(model, steps=10, rate=5e-3, loss_below=0.6, labels=torch.tensor([0, 0, 1, 1]), **inputs)
    return model


@functools.cache
def writer() -> Any:
    """A GPT-2 that has learnt the sentences by heart."""
    torch.manual_seed(0)
    ends = {f"{word}_token_id": tokenizer().convert_tokens_to_ids(text) for word, text in _ENDS.items()}
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer()), n_embd=32, n_layer=2, n_head=2, n_positions=64, **ends
    )
    model = transformers.GPT2LMHeadModel(config)
    inputs = tokenizer()(SENTENCES, padding=True, return_tensors="pt")
    labels = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100)
    trained(
        model,
        steps=60,
        loss_below=0.5,
        labels=labels,
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
    )
    return model


@functools.cache
def image_processor() -> Any:
    """Scales the pixels of an image to numbers from -1 to 1."""
    return transformers.ViTImageProcessorPil(size={"height": PIXELS, "width": PIXELS})


@functools.cache
def images() -> Any:
    """Eight images, `(8, 8, 8, 3)` of `uint8`: noise, brighter on the left or on the right half."""
    pixels = np.random.default_rng(0).integers(0, 60, (8, PIXELS, PIXELS, 3), dtype=np.uint8)
    pixels[:4, :, : PIXELS // 2] += 150
    pixels[4:, :, PIXELS // 2 :] += 150
    return pixels


@functools.cache
def image_classifier() -> Any:
    """A ViT that says which half of an image is brighter."""
    torch.manual_seed(0)
    labels = {0: "left", 1: "right"}
    config = transformers.ViTConfig(image_size=PIXELS, patch_size=4, id2label=labels, **SIZES)
    model = transformers.ViTForImageClassification(config)
    trained(model, labels=torch.tensor([0] * 4 + [1] * 4), **image_processor()(list(images()), return_tensors="pt"))
    return model


def trained(model: Any, steps: int = 30, rate: float = 1e-2, loss_below: float = 0.2, **inputs: Any) -> None:
    """Take some steps on one batch, which is enough to learn it."""
    optimizer = torch.optim.Adam(model.parameters(), rate)
    model.train()
    for _ in range(steps):
        optimizer.zero_grad()
        loss = model(**inputs).loss
        loss.backward()
        optimizer.step()
    assert loss.item() < loss_below
    model.eval()
