using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// What the pretrained ResNet is adapted to: few training pictures of each class, each with its mirror image, and pictures to judge by, 0 to 255 less
/// ImageNet's mean colour.
/// </summary>
internal sealed class PretrainedPictures : IDisposable
{
    private const int HeldOutPerClass = 100;

    private readonly PictureSet training;
    private readonly Dataset all;
    private readonly int perClass;

    /// <summary>Makes the held-out and the test pictures.</summary>
    /// <param name="training">The training pictures; disposed with these.</param>
    /// <param name="test">The test pictures; disposed here.</param>
    /// <param name="perClass">How many pictures of a class are trained with.</param>
    /// <param name="testPerClass">How many pictures of a class are tested with; at most all.</param>
    /// <exception cref="InvalidDataException">A class has too few pictures.</exception>
    public PretrainedPictures(PictureSet training, PictureSet test, int perClass, int testPerClass)
    {
        using (test)
        {
            (this.training, this.perClass) = (training, perClass);
            for (var label = 0; label < training.Places.Length; label++)
                if (training.Places[label].Count < perClass + HeldOutPerClass)
                    throw new InvalidDataException(
                        $"The class '{training.ClassNames[label]}' has {training.Places[label].Count} training pictures; {perClass + HeldOutPerClass} are needed.");
            all = training.Streamed();
            // The last ones of each class: those of folders are in no order, those of CamVid the end of its drives. No training set has them.
            HeldOut = Converted(training, places => places.Skip(places.Count - HeldOutPerClass));
            Test = Converted(test, places => places.Take(testPerClass));
        }
    }

    /// <summary>100 training pictures of each class that are never trained with: every choice is made on them.</summary>
    public Dataset HeldOut { get; }

    /// <summary>The test pictures.</summary>
    public Dataset Test { get; }

    /// <summary>The data of a seed: training pictures drawn by it, each with its mirror image.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="test">What to judge by at the end.</param>
    public ExperimentData Of(ulong seed, Dataset test)
    {
        var root = CounterHash.named("finetune-resnet-pictures", CounterHash.ofSeed(seed));
        using var drawn = Converted(training, places => Enumerable.Range(0, perClass)
            .Select(index => places[(int)CounterHash.permute(root, (ulong)(places.Count - HeldOutPerClass), (ulong)index)]));
        using var scope = NewDisposeScope();
        using var both = drawn.ToMemory();
        using var mirrored = Dataset.FromTensors(
            cat([both.Inputs, both.Inputs.flip(3)]), cat([both.Labels, both.Labels]), training.ClassNames);
        return new(mirrored.Take(mirrored.Count), HeldOut.Take(HeldOut.Count), test.Take(test.Count)) { DrawnFrom = all };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        all.Dispose();
        training.Dispose();
        HeldOut.Dispose();
        Test.Dispose();
    }

    // Bytes take a quarter of the memory of numbers; a batch becomes numbers when it is needed.
    private static Dataset Converted(PictureSet set, Func<IReadOnlyList<int>, IEnumerable<int>> chosen)
    {
        const int side = PictureSet.Side;
        (int Number, long Label)[] pictures = [.. set.Places.SelectMany((places, label) => chosen(places).Select(number => (number, (long)label)))];
        var bytes = empty([pictures.Length, 3, side, side], dtype: ScalarType.Byte).DetachFromDisposeScope();
        for (var place = 0; place < pictures.Length; place++)
        {
            using var scope = NewDisposeScope();
            bytes[place].copy_(set.Picture(pictures[place].Number));
        }

        var means = tensor(PretrainedResNet.BlueGreenRedMeans.ToArray()).view(3, 1, 1).DetachFromDisposeScope();
        return Dataset.FromSamples(
            pictures.Length, [3, side, side], [], set.ClassNames,
            index => (bytes[index].to(ScalarType.Float32) - means, tensor(pictures[index].Label, dtype: ScalarType.Int64)));
    }
}
