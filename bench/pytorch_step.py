"""Times training steps and epochs of the same SignTransformer in PyTorch: `npm run bench -- step|epoch --pytorch PYTHON` runs it in turn with ours.

Arguments: batch, frames, layers, heads, embedding width, float32 or bfloat16 (autocast), cpu or cuda. A batch is copied to the GPU within its step. It prints PyTorch's version; then, for every line that it reads, as
`step 3`, `forward 3` (the forward pass alone), `forward_padded 3` (of clips a quarter of which is padding) or `epoch 1 312 78` (with training and validation clips), the times of so many in milliseconds.
"""

import math
import sys
import time

import torch
from torch import nn

from pytorch_device import device_named

WIDTH, GLOSSES, CATEGORIES = 156, 105, 10


class LayerNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))
        self.beta = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        centred = x - x.mean(-1, keepdim=True)
        return self.gamma * centred / torch.sqrt(centred.square().mean(-1, keepdim=True) + 1e-6) + self.beta


class Attention(nn.Module):
    def __init__(self, heads, embedding):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(embedding, embedding) for _ in range(4))
        self.dropout = nn.Dropout(0.1)

    def forward(self, x, mask):
        batch, frames, width = x.shape
        q, k, v = (linear(x).view(batch, frames, self.heads, -1).transpose(1, 2) for linear in (self.q, self.k, self.v))
        scores = q @ k.transpose(-2, -1) / math.sqrt(width // self.heads)
        weights = torch.softmax(scores.masked_fill(mask[:, None, None, :] == 0, float("-inf")), -1)
        return self.o((self.dropout(weights) @ v).transpose(1, 2).reshape(batch, frames, width))


class Layer(nn.Module):
    def __init__(self, heads, embedding):
        super().__init__()
        self.attention = Attention(heads, embedding)
        self.norm1, self.norm2 = LayerNorm(embedding), LayerNorm(embedding)
        self.feed_forward = nn.Sequential(
            nn.Linear(embedding, 4 * embedding), nn.ReLU(), nn.Dropout(0.1), nn.Linear(4 * embedding, embedding)
        )
        self.dropout = nn.Dropout(0.1)

    def forward(self, x, mask):
        x = x + self.dropout(self.attention(self.norm1(x), mask))
        return x + self.dropout(self.feed_forward(self.norm2(x)))


class SignTransformer(nn.Module):
    def __init__(self, layers, heads, embedding, frames):
        super().__init__()
        self.embedding, self.norm, self.dropout = nn.Linear(WIDTH, embedding), LayerNorm(embedding), nn.Dropout(0.1)
        self.register_buffer("positions", torch.randn(1, frames, embedding))
        self.layers = nn.ModuleList(Layer(heads, embedding) for _ in range(layers))
        self.gloss, self.category = (
            nn.Sequential(nn.Linear(embedding, embedding // 2), nn.ReLU(), nn.Dropout(0.1), nn.Linear(embedding // 2, classes))
            for classes in (GLOSSES, CATEGORIES)
        )

    def forward(self, x, mask):
        x = self.norm(self.dropout(self.embedding(x) + self.positions))
        for layer in self.layers:
            x = layer(x, mask)
        pooled = self.dropout((x * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1))
        return self.gloss(pooled), self.category(pooled)


def main():
    batch, frames, layers, heads, embedding = map(int, sys.argv[1:6])
    amp = sys.argv[6] == "bfloat16"
    device = device_named(sys.argv[7])
    torch.manual_seed(42)
    model = SignTransformer(layers, heads, embedding, frames).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    x = torch.rand(batch, frames, WIDTH)
    padded = (torch.arange(frames) < frames * 0.75).float().repeat(batch, 1)
    whole = torch.ones(batch, frames)
    gloss, category = torch.randint(GLOSSES, (batch,)), torch.randint(CATEGORIES, (batch,))

    def loss_of(mask, clips):
        clip, frame_mask, glosses, categories = (tensor[:clips].to(device) for tensor in (x, mask, gloss, category))
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=amp):
            gloss_logits, category_logits = model(clip, frame_mask)
            losses = nn.functional.cross_entropy(gloss_logits, glosses), nn.functional.cross_entropy(category_logits, categories)
            return sum(losses) / 2

    def train(mask, clips):
        optimizer.zero_grad()
        loss = loss_of(mask, clips)
        loss.backward()
        optimizer.step()
        loss.item()

    def epoch(train_clips, validation_clips):
        model.train()
        for start in range(0, train_clips, batch):
            train(whole, min(batch, train_clips - start))
        model.eval()
        with torch.no_grad():
            for start in range(0, validation_clips, batch):
                loss_of(whole, min(batch, validation_clips - start)).item()

    def forward(mask):
        model.eval()
        with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=amp):
            gloss_logits, _ = model(x.to(device), mask.to(device))
            gloss_logits.sum().item()

    def timed(run):
        start = time.perf_counter()
        run()
        return (time.perf_counter() - start) * 1000

    for _ in range(3):
        train(padded, batch)
    print(torch.__version__, flush=True)
    for line in sys.stdin:
        kind, count, *clips = line.split()
        runs = {"step": lambda: train(padded, batch), "forward": lambda: forward(whole), "forward_padded": lambda: forward(padded), "epoch": lambda: epoch(*map(int, clips))}
        print(*(f"{timed(runs[kind]):.3f}" for _ in range(int(count))), flush=True)


if __name__ == "__main__":
    main()
