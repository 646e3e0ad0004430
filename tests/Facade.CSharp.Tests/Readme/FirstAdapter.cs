namespace MappingNets.Tests;

/// <summary>The README's example, here so that it is compiled; <see cref="ReadmeTests"/> holds the README to it.</summary>
internal static class FirstAdapter
{
    public static async Task Train()
    {
        // <readme>
        var (train, test) = FashionMnist.Load();
        var target = TargetNetwork.Input(1, 28, 28)
            .Conv2d(16, 3).ReLU().MaxPool2d(2)
            .Conv2d(32, 3).ReLU().MaxPool2d(2)
            .Flatten().Linear(128).ReLU().Linear(10).Build("cnn2");
        using var model = MappingNetwork.For(target).SingleLatent(2048).WithSeed(7).Build();
        model.PrintTrainableParameters();          // trainable: 2,048 | target: 108,618 | 1.89% (53x)
        var options = new TrainingOptions { Epochs = 8, ValidationFraction = 0.1, RestoreBest = true };
        await new Trainer(model, options).FitAsync(train);
        Console.WriteLine(Evaluation.Of(model, test));
        model.SaveAdapter("fashion.safetensors");  // 9 KB: the seed, the mapping's description, the latent
        using var loaded = MappedModel.LoadAdapter("fashion.safetensors", target);
        using var network = loaded.Materialize();  // a plain TorchSharp module with all 108,618 weights
        // </readme>
    }
}
