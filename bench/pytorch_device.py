"""Where PyTorch is to compute: beside a Kumpas that computes on the GPU it does so too, with TensorFloat-32 as Kumpas does."""

import torch


def device_named(name):
    """`cpu`, or `cuda`, where float32 products may be TensorFloat-32, unless NVIDIA_TF32_OVERRIDE=0 forbids that to cuBLAS and cuDNN."""
    if name == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
    return torch.device(name)
