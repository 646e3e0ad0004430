using MappingNets.Experiments.SyntheticData;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Reproduce;

/// <summary>Pictures with classes, each made when it is asked for as a pretrained network takes them: (3, 64, 64), blue before green before red, 0 to 255.</summary>
/// <param name="ClassNames">What the classes are called.</param>
/// <param name="Places">Which pictures are of each class.</param>
/// <param name="Picture">From a picture's number to its levels, whole numbers as floats, in the caller's dispose scope.</param>
internal sealed record PictureSet(IReadOnlyList<string> ClassNames, IReadOnlyList<int>[] Places, Func<int, Tensor> Picture) : IDisposable
{
    /// <summary>The pixels of a side.</summary>
    public const int Side = 64;

    private IReadOnlyList<IDisposable> Owned { get; init; } = [];

    /// <summary>One folder of pictures for each class.</summary>
    /// <param name="folder">The folder of these folders.</param>
    public static PictureSet Of(string folder)
    {
        var files = ImageFolder.Open(folder, Side, Side, channels: 3, [0, 0, 0], [1 / 255.0, 1 / 255.0, 1 / 255.0]);
        var first = 0;
        // Class by class, as the folders stand.
        IReadOnlyList<int>[] places = [.. files.ClassCounts().Select(count => (IReadOnlyList<int>)[.. Enumerable.Range((first += (int)count) - (int)count, (int)count)])];
        return new(files.ClassNames, places, number => Sample(files, number).Inputs.round().flip(0)) { Owned = [files] };
    }

    /// <summary>Grey pictures of 28 x 28, normalised as FashionMNIST is: scaled up, the same in each colour.</summary>
    /// <param name="grey">The pictures; disposed with the set.</param>
    public static PictureSet OfFashionMnist(Dataset grey)
    {
        var labels = grey.Labels.data<long>().ToArray();
        return new(
            grey.ClassNames,
            [.. Enumerable.Range(0, grey.ClassNames.Count).Select(label => (IReadOnlyList<int>)[.. Enumerable.Range(0, labels.Length).Where(number => labels[number] == label)])],
            number => nn.functional.interpolate(Sample(grey, number).Inputs.unsqueeze(0), [Side, Side], mode: InterpolationMode.Bilinear, align_corners: false)
                .mul(MappingNets.FashionMnist.StandardDeviation).add(MappingNets.FashionMnist.Mean).mul(255).round().clamp(0, 255).expand(1, 3, Side, Side)[0])
        {
            Owned = [grey],
        };
    }

    /// <summary>
    /// CamVid's scenes cut into squares of 64 x 64 pixels side by side; a square is of the class that half of its pixels are of, and left out where there is none.
    /// </summary>
    /// <param name="folder">CamVid's folder.</param>
    /// <param name="split">"train", "val" or "test".</param>
    /// <param name="classes">The classes that are taken; null takes those with enough squares.</param>
    /// <param name="enough">How many squares are enough.</param>
    public static PictureSet OfCamVid(string folder, string split, IReadOnlyList<string>? classes, int enough)
    {
        using var scenes = CamVid.Open(folder, split);
        var (squares, labels) = (new List<Tensor>(), new List<int>());
        for (var scene = 0; scene < scenes.Count; scene++)
        {
            using var scope = NewDisposeScope();
            var (picture, pixels) = Sample(scenes, scene);
            var levels = picture.add(1).mul(127.5).round().clamp(0, 255).flip(0).to(ScalarType.Byte);
            for (var top = 0; top + Side <= levels.shape[1]; top += Side)
                for (var left = 0; left + Side <= levels.shape[2]; left += Side)
                {
                    var counts = pixels.narrow(0, top, Side).narrow(1, left, Side).contiguous().data<long>().ToArray()
                        .Where(label => label != Dataset.IgnoredLabel).CountBy(label => label).DefaultIfEmpty().MaxBy(pair => pair.Value);
                    if (counts.Value < Side * Side / 2)
                        continue;
                    squares.Add(levels.narrow(1, top, Side).narrow(2, left, Side).clone().DetachFromDisposeScope());
                    labels.Add((int)counts.Key);
                }
        }

        classes ??= [.. labels.CountBy(label => label).Where(pair => pair.Value >= enough).OrderBy(pair => pair.Key).Select(pair => scenes.ClassNames[pair.Key])];
        return new(
            classes,
            [.. classes.Select(name => (IReadOnlyList<int>)[.. Enumerable.Range(0, labels.Count).Where(number => scenes.ClassNames[labels[number]] == name)])],
            number => squares[number].to(float32))
        {
            Owned = [.. squares],
        };
    }

    /// <summary>All pictures that have a class, each made when it is asked for; to be disposed before this.</summary>
    public Dataset Streamed()
    {
        (int Number, long Label)[] pictures = [.. Places.SelectMany((places, label) => places.Select(number => (number, (long)label)))];
        return Dataset.FromSamples(
            pictures.Length, [3, Side, Side], [], ClassNames,
            index => (Picture(pictures[index].Number), tensor(pictures[index].Label, dtype: ScalarType.Int64)));
    }

    /// <summary>Frees what it was made from.</summary>
    public void Dispose()
    {
        foreach (var owned in Owned)
            owned.Dispose();
    }

    private static (Tensor Inputs, Tensor Labels) Sample(Dataset data, int number)
    {
        using var one = data.Slice(number, 1);
        foreach (var batch in one.Batches(1, shuffle: false))
            using (batch)
                return (batch.Inputs[0].clone(), batch.Targets[0].clone());
        throw new InvalidOperationException("A slice of one sample has no batch.");
    }
}
