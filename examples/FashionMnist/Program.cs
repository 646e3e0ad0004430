// CNN2 on FashionMNIST through 2,048 latents: training with a held-out part, the test set, the adapter's file and the weights that it
// stands for. The only argument is a folder with the four IDX files; without one they are looked for in the usual places.
using MappingNets;
using TorchSharp;

OneLine.ForFaults();
_ = NativeHeap.RetainFreedMemory();
var (train, test) = FashionMnist.Load(args.Length < 2 ? args.FirstOrDefault() : throw new ArgumentException($"A folder is the only argument; '{args[1]}' is one too many."));
using (train)
using (test)
{
    var target = Targets.Cnn2();
    Console.Write(target.Describe());
    using var model = MappingNetwork.For(target).SingleLatent(2048).WithSeed(1).Build();
    model.PrintTrainableParameters();

    var options = new TrainingOptions { Epochs = 3, ValidationFraction = 0.1, RestoreBest = true, Seed = 1 };
    var report = new Trainer(model, options).Fit(train, progress: new EpochLines());
    Console.WriteLine(report);
    Console.WriteLine($"On the test set: {Evaluation.Of(model, test)}");

    var results = Directory.CreateDirectory(Path.Combine("artifacts", "fashion-mnist")).FullName;
    var file = Path.Combine(results, "cnn2.safetensors");
    model.SaveAdapter(file);
    Console.WriteLine($"{file} has {new FileInfo(file).Length:N0} bytes; all weights would take {4 * target.ParameterCount:N0}.");

    using var loaded = MappedModel.LoadAdapter(file, target);
    using var scope = torch.NewDisposeScope();
    using var few = test.Take(10);
    var names = loaded.Predict(few.Inputs).argmax(1).data<long>().Select(number => test.ClassNames[(int)number]);
    Console.WriteLine($"Ten images, as the loaded adapter names them: {string.Join(", ", names)}");

    // Any reader of safetensors takes these, PyTorch among them.
    loaded.Export(Path.Combine(results, "cnn2-weights.safetensors"));
}

/// <summary>A line for each epoch.</summary>
internal sealed class EpochLines : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value)
    {
        if (value.CompletedEpoch is { } epoch)
            Console.WriteLine(epoch);
    }
}
