using MappingNets.Experiments.SyntheticData;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// Real and forged pictures of CIFAR-10 as vectors of 2,176 numbers, as many as the paper's: what a pretrained ResNet-18 gives for each,
/// 512 channels of its last stage at 2 x 2 places and the means of the 128 channels of its second stage, where blending leaves its traces. Each
/// number is scaled to mean 0 and deviation 1 over the training part. Written once as .npy files.
/// </summary>
internal static class ForgeryFeatures
{
    private const int Side = 64;
    private const int PicturesAtATime = 50;

    /// <summary>Writes train_features.npy, train_labels.npy, test_features.npy and test_labels.npy where they are missing.</summary>
    /// <param name="pictures">The folder with train/CLASS and test/CLASS.</param>
    /// <param name="pretrained">The network.</param>
    /// <param name="folder">Where to.</param>
    /// <param name="training">How many pictures of "train", at most all of them.</param>
    /// <param name="test">How many pictures of "test", at most all of them.</param>
    public static void Write(string pictures, string? pretrained, string folder, int training, int test)
    {
        // Written last.
        if (File.Exists(Path.Combine(folder, "test_labels.npy")))
            return;
        Directory.CreateDirectory(folder);
        using var last = Network(pretrained, PretrainedResNet.LastFeatures);
        using var early = Network(pretrained, PretrainedResNet.EarlyFeatures);
        using var scope = NewDisposeScope();
        var (trainingFeatures, trainingLabels) = Features(Path.Combine(pictures, "train"), training, seed: 1, last, early);
        var (testFeatures, testLabels) = Features(Path.Combine(pictures, "test"), test, seed: 2, last, early);
        var (mean, deviation) = (trainingFeatures.mean([0], keepdim: true), trainingFeatures.std(0, unbiased: false, keepdim: true).clamp_min(1e-6));
        foreach (var (part, features, labels) in new[] { ("train", trainingFeatures, trainingLabels), ("test", testFeatures, testLabels) })
        {
            var scaled = features.sub(mean).div(deviation).data<float>().ToArray();
            AtomicFile.WriteAllBytes(Path.Combine(folder, part + "_features.npy"), NpyBytes.Of(scaled, labels.Length, scaled.Length / labels.Length));
            AtomicFile.WriteAllBytes(Path.Combine(folder, part + "_labels.npy"), NpyBytes.Of(labels, labels.Length));
        }
    }

    private static FineTunedModel Network(string? pretrained, string features)
    {
        var target = PretrainedResNet.Open(pretrained, Side, features);
        using var weights = PretrainedWeights.Of(target);
        return FineTuning.Of(target, weights).WholeWeights().Build();
    }

    private static (Tensor Features, long[] Labels) Features(string folder, int atMost, ulong seed, Model last, Model early)
    {
        using var files = ImageFolder.Open(folder, CifarFiles.Side, CifarFiles.Side, channels: 3, [0, 0, 0], [1 / 255.0, 1 / 255.0, 1 / 255.0]);
        // The files come class by class: some of them must be drawn.
        using var some = atMost < files.Count ? files.SplitHoldOut(atMost, seed).HeldOut : files.Take(files.Count);
        using var read = some.ToMemory();
        using var pictures = BlendedForgeries.Of(read, seed);
        var means = tensor(PretrainedResNet.BlueGreenRedMeans.ToArray()).view(1, 3, 1, 1);
        var (rows, labels) = (new List<Tensor>(), new List<long>());
        foreach (var batch in pictures.Batches(PicturesAtATime, shuffle: false))
        {
            using var scope = NewDisposeScope();
            var large = nn.functional.interpolate(batch.Inputs, [Side, Side], mode: InterpolationMode.Bilinear, align_corners: false);
            var input = large.flip(1).sub(means);
            rows.Add(cat([last.Predict(input).flatten(1), early.Predict(input).mean([2, 3])], 1).MoveToOuterDisposeScope());
            labels.AddRange(batch.Targets.data<long>().ToArray());
        }

        return (cat(rows), [.. labels]);
    }
}
