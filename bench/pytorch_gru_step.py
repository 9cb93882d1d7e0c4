"""Times training steps of the same InceptionV3GRU on features in PyTorch: `npm run bench -- step --model iv3_gru --pytorch PYTHON` runs it in turn with ours.

Arguments: batch, frames, float32 or bfloat16 (autocast), cpu or cuda. A batch is copied to the GPU within its step. It prints PyTorch's version; then, for every `step N` that it reads, the times of N steps in
milliseconds.
"""

import sys
import time

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from pytorch_device import device_named

WIDTH, GLOSSES, CATEGORIES = 2048, 105, 10


class GruStack(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru1, self.gru2 = nn.GRU(WIDTH, 16, batch_first=True), nn.GRU(16, 12, batch_first=True)
        self.dropout = nn.Dropout(0.3)
        self.gloss, self.category = nn.Linear(12, GLOSSES), nn.Linear(12, CATEGORIES)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.gru1(packed)[0], batch_first=True)
        _, last = self.gru2(pack_padded_sequence(self.dropout(states), lengths, batch_first=True, enforce_sorted=False))
        last = self.dropout(last[-1])
        return self.gloss(last), self.category(last)


def main():
    batch, frames = map(int, sys.argv[1:3])
    amp = sys.argv[3] == "bfloat16"
    device = device_named(sys.argv[4])
    torch.manual_seed(42)
    model = GruStack().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    batches = [torch.rand(batch, frames, WIDTH) for _ in range(4)]
    lengths = torch.full((batch,), -(-frames * 3 // 4))
    gloss, category = torch.randint(GLOSSES, (batch,)), torch.randint(CATEGORIES, (batch,))
    count = 0

    def step():
        nonlocal count
        x = batches[count % len(batches)]
        count += 1
        start = time.perf_counter()
        optimizer.zero_grad()
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=amp):
            gloss_logits, category_logits = model(x.to(device), lengths)
            losses = nn.functional.cross_entropy(gloss_logits, gloss.to(device)), nn.functional.cross_entropy(category_logits, category.to(device))
            loss = sum(losses) / 2
        loss.backward()
        optimizer.step()
        loss.item()
        return (time.perf_counter() - start) * 1000

    for _ in range(3):
        step()
    print(torch.__version__, flush=True)
    for line in sys.stdin:
        print(*(f"{step():.3f}" for _ in range(int(line.split()[1]))), flush=True)


if __name__ == "__main__":
    main()
