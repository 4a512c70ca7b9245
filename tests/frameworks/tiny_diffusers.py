"""Pipelines of diffusers so small that they are made here, from nothing and without a network."""

from __future__ import annotations

import functools
from typing import Any

from tests.environments.late_import import late_import
from tests.frameworks import tiny_transformers

diffusers = late_import("diffusers")
np = late_import("numpy")
torch = late_import("torch")
transformers = late_import("transformers")

PIXELS = 8
TEXTS = ["a warm and sunny day", "rain"]
_BLOCKS = {"block_out_channels": (8, 16), "norm_num_groups": 4, "layers_per_block": 1}


@functools.cache
def pictures() -> Any:
    """Draws pictures of 8 by 8 pixels that are bright on the left half: it has learnt to take noise off such ones."""
    torch.manual_seed(0)
    unet = diffusers.UNet2DModel(
        sample_size=PIXELS,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        **_BLOCKS,
    )
    scheduler = diffusers.DDPMScheduler(num_train_timesteps=50)
    optimizer = torch.optim.Adam(unet.parameters(), 3e-3)
    clean = torch.full((16, 3, PIXELS, PIXELS), -0.8)
    clean[..., : PIXELS // 2] = 0.8
    for _ in range(150):
        noise = torch.randn(clean.shape)
        steps = torch.randint(0, 50, (len(clean),))
        loss = torch.nn.functional.mse_loss(unet(scheduler.add_noise(clean, noise, steps), steps).sample, noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    pipeline = diffusers.DDPMPipeline(unet=unet.eval(), scheduler=scheduler)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def drawn(pipeline: Any, *seeds: int, steps: int = 3) -> Any:
    """The first picture as nested lists of numbers from 0 to 1, when those of all seeds are drawn at once."""
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    made = pipeline(batch_size=len(seeds), generator=generators, num_inference_steps=steps, output_type="np")
    return made.images[0].round(4).tolist()


@functools.cache
def pictures_of_texts() -> Any:
    """A Stable Diffusion, as it is made, which has learnt nothing: a text encoder, an autoencoder, a UNet."""
    torch.manual_seed(0)
    tokenizer = tiny_transformers.tokenizer()
    ends = {"bos_token_id": tokenizer.cls_token_id, "eos_token_id": tokenizer.sep_token_id}
    text = transformers.CLIPTextConfig(
        vocab_size=len(tokenizer), max_position_embeddings=64, **ends, **tiny_transformers.SIZES
    )
    pipeline = diffusers.StableDiffusionPipeline(
        text_encoder=transformers.CLIPTextModel(text).eval(),
        tokenizer=tokenizer,
        vae=diffusers.AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, **_BLOCKS
        ).eval(),
        unet=diffusers.UNet2DConditionModel(
            sample_size=PIXELS,
            cross_attention_dim=32,
            attention_head_dim=4,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            **_BLOCKS,
        ).eval(),
        scheduler=diffusers.DDIMScheduler(num_train_timesteps=50, clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def painted(pipeline: Any, prompt: str, seed: int) -> Any:
    """The picture of a text, `(16, 16, 3)` of `uint8`."""
    generator = [torch.Generator().manual_seed(seed)]
    (picture,) = pipeline([prompt], generator=generator, num_inference_steps=2, height=16, width=16).images
    return np.asarray(picture)
