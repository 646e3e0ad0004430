using TorchSharp;

namespace MappingNets.Examples.Serve;

/// <summary>A network and the weights that all tenants share.</summary>
internal sealed record PretrainedNetwork(TargetNetwork Target, PretrainedWeights Weights) : IDisposable
{
    public void Dispose() => Weights.Dispose();
}

/// <summary>
/// A base and three tenants to try the service with: their pictures are FashionMNIST's as they are, as negatives, and upside down. Each tenant
/// has 500 labelled pictures and 1,024 trained parameters.
/// </summary>
internal static class Tenants
{
    /// <summary>The sides of a picture in pixels.</summary>
    public const int Side = 28;

    /// <summary>The file of the shared weights, without its end.</summary>
    public const string BaseName = "base";

    private const int BaseSamples = 10_000;
    private const int TenantSamples = 500;

    private static readonly (string Name, Func<torch.Tensor, torch.Tensor> Change)[] All =
    [
        ("plain", pictures => pictures.clone()),
        // White becomes black: the bytes' 255 - x, in normalised pixels.
        ("negative", pictures => pictures.neg().add((float)((1 - (2 * FashionMnist.Mean)) / FashionMnist.StandardDeviation))),
        ("upside-down", pictures => pictures.flip(-2)),
    ];

    /// <summary>The shared network; it and the tenants' adapters are trained where the folder does not have them yet, in about a minute.</summary>
    public static PretrainedNetwork Prepare(string folder, CancellationToken stop = default)
    {
        Directory.CreateDirectory(folder);
        var (target, path) = (Targets.Cnn2(), Path.Combine(folder, BaseName + ".safetensors"));
        if (!File.Exists(path))
        {
            using var model = TrainBase(target, stop);
            using var weights = PretrainedWeights.Of(model);
            TrainTenants(new(target, weights), folder, stop);
            // Last: a folder with a base is complete, and one that was stopped on the way is trained again.
            model.Export(path);
        }

        return new(target, PretrainedWeights.FromFile(path));
    }

    private static Model TrainBase(TargetNetwork target, CancellationToken stop)
    {
        Console.WriteLine($"Training the base on {BaseSamples:N0} pictures of FashionMNIST.");
        var (training, test) = FashionMnist.Load();
        using (training)
        using (test)
        using (var some = training.Take(BaseSamples))
        {
            var model = DirectModel.For(target, seed: 1);
            new Trainer(model, new() { Epochs = 3, Seed = 1 }).Fit(some, cancellation: stop);
            return model;
        }
    }

    private static void TrainTenants(PretrainedNetwork network, string folder, CancellationToken stop)
    {
        var (training, test) = FashionMnist.Load();
        using (training)
        using (test)
        {
            for (var index = 0; index < All.Length; index++)
            {
                var (name, change) = All[index];
                using var scope = torch.NewDisposeScope();
                var some = training.Slice(BaseSamples + (index * TenantSamples), TenantSamples);
                var own = Dataset.FromTensors(change(some.Inputs), some.Labels, some.ClassNames);
                var unseen = test.Take(1000);
                var judged = Dataset.FromTensors(change(unseen.Inputs), unseen.Labels, unseen.ClassNames);
                using var model = FineTuning.Of(network.Target, network.Weights).Mapping(mapping => mapping.SingleLatent(1024)).WithSeed(1).Build();
                var before = Evaluation.Of(model, judged).Accuracy;
                new Trainer(model, new() { Epochs = 10, BatchSize = 25, Seed = 1 }).Fit(own, cancellation: stop);
                var path = Path.Combine(folder, name + ".safetensors");
                model.SaveAdapter(path);
                Console.WriteLine(
                    $"  {name}: {before:P1} of 1,000 test pictures before, {Evaluation.Of(model, judged).Accuracy:P1} with its adapter of {new FileInfo(path).Length:N0} bytes");
            }
        }
    }
}
