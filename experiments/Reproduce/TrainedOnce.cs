using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Reproduce;

/// <summary>Networks that rows start from or are taught by: trained directly, once for all rows and seeds, and kept in the output folder.</summary>
internal static class TrainedOnce
{
    /// <summary>The file that a network's weights are kept in.</summary>
    /// <param name="options">The command line.</param>
    /// <param name="name">The file's name without its ending: all that decides the weights, the samples and the seed apart.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="training">The samples.</param>
    public static string FileOf(ExperimentOptions options, string name, ulong seed, Dataset training) =>
        options.File(FormattableString.Invariant($"{name}-{Fingerprints.Of(training)[..Fingerprints.Shown]}-seed{seed}.safetensors"));

    /// <summary>The weights of a file, which is made where it is missing; an interrupted training goes on within it.</summary>
    /// <param name="options">The command line.</param>
    /// <param name="name">The file's name without its ending: all that decides the weights, the samples and the seed apart.</param>
    /// <param name="title">What the display calls the training.</param>
    /// <param name="target">The network.</param>
    /// <param name="how">How it is trained; its seed is the network's too.</param>
    /// <param name="training">The images.</param>
    /// <param name="heldOut">Images to show an accuracy of.</param>
    /// <param name="stop">Asked for by Ctrl-C.</param>
    /// <returns>The weights; the caller disposes them.</returns>
    public static PretrainedWeights Weights(
        ExperimentOptions options,
        string name,
        string title,
        TargetNetwork target,
        TrainingOptions how,
        Dataset training,
        Dataset heldOut,
        CancellationToken stop)
    {
        var file = FileOf(options, name, how.Seed, training);
        if (!File.Exists(file))
        {
            var resume = Path.ChangeExtension(file, ".resume.safetensors");
            using var model = DirectModel.For(target, how.Seed);
            TrainingDisplay.Run(title, progress => new Trainer(model, how).Fit(training, heldOut, progress, stop, resume));
            model.Export(file);
            File.Delete(resume);
        }

        return PretrainedWeights.FromFile(file);
    }
}
