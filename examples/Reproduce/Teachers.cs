using MappingNets.Examples.Reporting;

namespace MappingNets.Examples.Reproduce;

/// <summary>Directly trained CNN2s that teach the rows which are distilled: trained once for all rows and seeds, on the same images as they.</summary>
/// <param name="options">The command line.</param>
/// <param name="stop">Asked for by Ctrl-C.</param>
internal sealed class Teachers(ExperimentOptions options, CancellationToken stop)
{
    private const int Epochs = 8;

    /// <summary>Softens outputs; 4 did worse on held-out images.</summary>
    public const double Temperature = 2;

    /// <summary>No run's seeds, so that no teacher is one of the table's own networks.</summary>
    private static readonly ulong[] Seeds = [101, 102];

    /// <summary>What a reader must know of a row that they taught.</summary>
    public const string Notes =
        "Taught the mean outputs of two directly trained CNN2s (seeds 101 and 102, 8 epochs, the same training images) in place of the labels.";

    private readonly HashSet<string> trained = [];

    /// <summary>The teachers: trained now, or from the output folder where this command, or one that it resumes, has trained them.</summary>
    /// <param name="data">The images that their pupils will see.</param>
    /// <returns>Models that the caller disposes.</returns>
    public IReadOnlyList<Model> For(ExperimentData data)
    {
        var epochs = options.Quick ? 1 : Epochs;
        var teachers = new List<Model>();
        foreach (var seed in Seeds)
        {
            var file = options.File(FormattableString.Invariant($"teacher-cnn2-{data.Training.Count}x{epochs}-seed{seed}.safetensors"));
            if (!trained.Contains(file) && !(options.Resume && File.Exists(file)))
            {
                using var model = DirectModel.For(Targets.Cnn2(), seed);
                TrainingDisplay.Run(
                    FormattableString.Invariant($"teacher, seed {seed}"),
                    progress => new Trainer(model, new() { Epochs = epochs, Seed = seed }).Fit(data.Training, data.HeldOut, progress, stop));
                model.Export(file);
            }

            trained.Add(file);
            using var weights = PretrainedWeights.FromFile(file);
            teachers.Add(DirectModel.From(Targets.Cnn2(), weights));
        }

        return teachers;
    }
}
