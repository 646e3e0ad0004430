using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// CIFAR-10 as picture files, scaled to 64 x 64, as the pretrained ResNet takes them: blue before green before red, 0 to 255 less
/// ImageNet's mean colour. Files are read and scaled once. The training sets hold each picture and its mirror image.
/// </summary>
internal sealed class CifarPictures : IDisposable
{
    /// <summary>The pixels of a side.</summary>
    public const int Side = 64;

    private const int HeldOutPerClass = 100;
    private const int BatchOfFiles = 250;

    private readonly Dataset training;
    private readonly int perClass;

    /// <summary>Reads the held-out and the test pictures.</summary>
    /// <param name="folder">A folder with "train" and "test", a folder for each class in each.</param>
    /// <param name="perClass">How many pictures of a class are trained with.</param>
    /// <param name="testPerClass">How many pictures of a class are tested with; at most all.</param>
    public CifarPictures(string folder, int perClass, int testPerClass)
    {
        this.perClass = perClass;
        training = Open(Path.Combine(folder, "train"));
        PerClass = training.Count / training.ClassNames.Count;
        if (PerClass < perClass + HeldOutPerClass)
            throw new InvalidDataException($"'{folder}' has {PerClass} training pictures a class; {perClass + HeldOutPerClass} are needed.");
        // The files of a class are in no order, so the last ones are as good as drawn ones; no training set has them.
        HeldOut = Converted(training, PerClass, index => PerClass - HeldOutPerClass + index, HeldOutPerClass);
        using var test = Open(Path.Combine(folder, "test"));
        var judged = test.Count / test.ClassNames.Count;
        Test = Converted(test, judged, index => index, Math.Min(testPerClass, judged));
    }

    /// <summary>Training pictures of a class in the folder.</summary>
    public int PerClass { get; }

    /// <summary>1,000 pictures of the training set that are never trained with: every choice is made on them.</summary>
    public Dataset HeldOut { get; }

    /// <summary>The test pictures.</summary>
    public Dataset Test { get; }

    /// <summary>The data of a seed: training pictures drawn by it, each with its mirror image.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="test">What to judge by at the end.</param>
    public ExperimentData Of(ulong seed, Dataset test)
    {
        var root = CounterHash.named("finetune-resnet-pictures", CounterHash.ofSeed(seed));
        using var drawn = Converted(training, PerClass, index => (int)CounterHash.permute(root, (ulong)(PerClass - HeldOutPerClass), (ulong)index), perClass);
        using var scope = NewDisposeScope();
        using var both = Floats(drawn);
        using var mirrored = Dataset.FromTensors(
            cat([both.Inputs, both.Inputs.flip(3)]), cat([both.Labels, both.Labels]), training.ClassNames);
        return new(mirrored.Take(mirrored.Count), HeldOut.Take(HeldOut.Count), test.Take(test.Count));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        training.Dispose();
        HeldOut.Dispose();
        Test.Dispose();
    }

    private static Dataset Open(string folder) => ImageFolder.Open(folder, Side, Side, channels: 3, [0, 0, 0], [1 / 255.0, 1 / 255.0, 1 / 255.0]);

    // Bytes take a quarter of the memory of numbers; a batch becomes numbers when it is needed.
    private static Dataset Converted(Dataset files, int perClass, Func<int, int> chosen, int count)
    {
        var classes = files.ClassNames.Count;
        var bytes = empty([(long)classes * count, 3, Side, Side], dtype: ScalarType.Byte).DetachFromDisposeScope();
        for (var label = 0; label < classes; label++)
            for (var index = 0; index < count; index++)
            {
                using var scope = NewDisposeScope();
                using var one = files.Slice((label * perClass) + chosen(index), 1);
                foreach (var batch in one.Batches(1, shuffle: false))
                    using (batch)
                        bytes[(label * count) + index].copy_(batch.Inputs[0].round().flip(0));
            }

        var means = tensor(PretrainedResNet.BlueGreenRedMeans.ToArray()).view(3, 1, 1).DetachFromDisposeScope();
        return Dataset.FromSamples(
            classes * count, [3, Side, Side], [], files.ClassNames,
            index => (bytes[index].to(ScalarType.Float32) - means, tensor((long)(index / count), dtype: ScalarType.Int64)));
    }

    private static Dataset Floats(Dataset bytes) => bytes.ToMemory();
}
