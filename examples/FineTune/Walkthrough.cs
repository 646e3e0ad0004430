using TorchSharp;

namespace MappingNets.Examples.FineTune;

/// <summary>The life of an adapter: pretrained weights, training, a file, a host that swaps it in, and the plain network at the end.</summary>
internal static class Walkthrough
{
    private const int Latents = 2_048;

    public static void Run(Pictures pictures)
    {
        Console.WriteLine(pictures.Origin);
        var folder = Directory.CreateTempSubdirectory("mappingnets-fine-tune-");
        try
        {
            var target = Targets.Cnn2(pictures.Classes);
            using var pretrained = Pretrain(target, pictures.Pretraining);
            Adapt("new classes", target, pretrained, pictures.New, pictures.NewTest, Path.Combine(folder.FullName, "new.safetensors"));
            Adapt("on their side", target, pretrained, pictures.Turned, pictures.TurnedTest, Path.Combine(folder.FullName, "side.safetensors"));

            using var host = new AdapterHost(target, pretrained);
            host.Add("new classes", Path.Combine(folder.FullName, "new.safetensors"));
            host.Add("on their side", Path.Combine(folder.FullName, "side.safetensors"));
            Serving.Show(host, pictures.NewTest);
            Merge(host, pictures.NewTest);
            RefuseOther(target, Path.Combine(folder.FullName, "new.safetensors"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static PretrainedWeights Pretrain(TargetNetwork target, Dataset data)
    {
        using var model = DirectModel.For(target, seed: 1);
        new Trainer(model, new() { Epochs = 2, BatchSize = 64, Seed = 1 }).Fit(data);
        Console.WriteLine($"\nPretrained {target} on {data.Count:N0} pictures of {data.ClassNames.Count} classes: {Percent(model, data)} right.");
        return PretrainedWeights.Of(model);
    }

    private static void Adapt(
        string name, TargetNetwork target, PretrainedWeights pretrained, Dataset data, Dataset test, string file)
    {
        using var model = FineTuning.Of(target, pretrained).Groups(Latents).WithSeed(1).Build();
        var before = Percent(model, test);
        new Trainer(model, new() { Epochs = 6, BatchSize = 32, Seed = 1 }).Fit(data);
        model.SaveAdapter(file);
        Console.WriteLine($"\nAdapter '{name}', {model.DescribeTrainableParameters()}");
        Console.WriteLine($"  {data.Count:N0} pictures to adapt with; on {test.Count:N0} others {before} right before, {Percent(model, test)} after.");
        Console.WriteLine($"  Its file has {new FileInfo(file).Length:N0} bytes; all weights would take {4 * target.ParameterCount:N0}.");
    }

    private static void Merge(AdapterHost host, Dataset test)
    {
        host.SetActive("new classes");
        using var active = host.FlatWeights();
        host.SetActive(null);
        using var before = host.FlatWeights();

        host.Merge("new classes");
        using var merged = host.FlatWeights();
        using var network = host.Materialize();
        using var scores = network.call(test.Inputs);
        using var answers = host.Predict(test.Inputs);
        host.Unmerge();
        using var after = host.FlatWeights();

        Console.WriteLine("\nMerged 'new classes' into the base and took it out again:");
        Console.WriteLine($"  the merged base has the adapter's bits: {active.Equals(merged)}; the base has its former bits: {before.Equals(after)}");
        Console.WriteLine($"  a plain TorchSharp module of it gives the same answers: {scores.Equals(answers)}");
    }

    private static void RefuseOther(TargetNetwork target, string file)
    {
        using var untrained = DirectModel.For(target, seed: 2);
        using var others = PretrainedWeights.Of(untrained);
        try
        {
            FineTunedModel.LoadAdapter(file, target, others).Dispose();
        }
        catch (CheckpointFormatException refusal)
        {
            Console.WriteLine($"\nOn another base it is refused: {refusal.Message}");
        }
    }

    private static string Percent(Model model, Dataset data) =>
        FormattableString.Invariant($"{100 * Evaluation.Of(model, data).Accuracy!.Value:F1}%");
}
