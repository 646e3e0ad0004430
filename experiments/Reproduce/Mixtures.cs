using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// Images between the training images (mixup; Zhang et al. 2018), for rows that are taught: no label is true of such an image, but a teacher has an
/// answer to it, and whoever has few parameters learns the teacher's function better from more places of it (Beyer et al. 2022).
/// </summary>
internal static class Mixtures
{
    /// <summary>How many mixtures each image is in as the larger part.</summary>
    public const int Copies = 3;

    private const ulong Seed = 7;

    /// <summary>What settings and notes say of it.</summary>
    public static string Description { get; } = FormattableString.Invariant(
        $"the images and {Copies} mixtures for each, l x + (1 - l) x' with another image x' and l drawn from 0.5 to 1");

    /// <summary>So many epochs of the mixtures as have the steps of some of the images.</summary>
    /// <param name="epochs">Epochs of the images.</param>
    public static int Epochs(int epochs) => Math.Max(1, epochs / (1 + Copies));

    /// <summary>The images and their mixtures, the same for all rows and seeds; a mixture has the label of its larger part.</summary>
    /// <param name="data">The images.</param>
    /// <returns>Data whose training accuracy is measured on the images as they are; the caller disposes it.</returns>
    public static ExperimentData Of(ExperimentData data)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(Seed, CPU);
        var (images, labels) = (data.Training.Inputs, data.Training.Labels);
        var all = Enumerable.Range(0, Copies).Select(_ => Mixed(images, generator)).Prepend(images);
        return new(
            Dataset.FromTensors(cat([.. all]), labels.repeat(1 + Copies), data.Training.ClassNames), data.HeldOut.Take(data.HeldOut.Count),
            data.Test.Take(data.Test.Count))
        {
            Originals = data.Training.Take(data.Training.Count),
        };
    }

    private static Tensor Mixed(Tensor images, Generator generator)
    {
        using var scope = NewDisposeScope();
        long[] each = [images.shape[0], .. Enumerable.Repeat(1L, (int)images.dim() - 1)];
        var larger = rand(each, generator: generator) * 0.5 + 0.5;
        var others = images.index_select(0, randperm(images.shape[0], generator: generator));
        return (images * larger + others * (1 - larger)).MoveToOuterDisposeScope();
    }
}
