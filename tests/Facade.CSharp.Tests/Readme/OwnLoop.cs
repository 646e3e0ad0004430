using TorchSharp;
using TorchSharp.Modules;

namespace MappingNets.Tests;

/// <summary>The README's training loop, here so that it is compiled and run; <see cref="ReadmeTests"/> holds the README to it.</summary>
internal static class OwnLoop
{
    public static void Train(Model model, Dataset train, int epochs, double rate, float[] classWeights)
    {
        using var weights = torch.tensor(classWeights);
        // <readme>
        using var optimizer = torch.optim.AdamW(model.parameters(), lr: rate, weight_decay: 0.01);
        var steps = epochs * ((train.Count + 31) / 32);
        var schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr: rate, total_steps: steps);
        for (var epoch = 1; epoch <= epochs; epoch++)
            foreach (var batch in train.Batches(32, seed: 1, epoch))
                using (batch)
                using (torch.NewDisposeScope())
                {
                    optimizer.zero_grad();
                    torch.nn.functional.cross_entropy(model.call(batch.Inputs), batch.Targets, weight: weights).backward();
                    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm: 1);
                    optimizer.step();
                    schedule.step();
                }
        // </readme>
    }
}
