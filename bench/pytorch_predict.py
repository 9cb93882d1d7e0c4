"""One prediction in PyTorch from a cold start, as `npm run bench -- predict --pytorch PYTHON` times it beside ours.

Arguments: checkpoint, clip, frames, layers, heads, embedding width. The checkpoint's tensors are loaded under their own names; the model that runs is that of
pytorch_step.py, of the same size, whose names differ: what is timed is the work, not the answer.
"""

import sys

import numpy
import torch

from pytorch_step import SignTransformer


def main():
    checkpoint, clip = sys.argv[1:3]
    frames, layers, heads, embedding = map(int, sys.argv[3:7])
    state = torch.load(checkpoint, weights_only=True)["model"]
    model = SignTransformer(layers, heads, embedding, frames)
    flat = torch.cat([tensor.flatten() for tensor in state.values()])
    offset = 0
    for parameter in model.parameters():
        parameter.data = flat[offset : offset + parameter.numel()].view_as(parameter)
        offset += parameter.numel()
    model.eval()
    x = torch.from_numpy(numpy.load(clip)["X"])[None]
    with torch.inference_mode():
        gloss, category = model(x, torch.ones(1, x.shape[1]))
    print(gloss.softmax(-1).topk(5), category.softmax(-1).topk(5))


if __name__ == "__main__":
    main()
