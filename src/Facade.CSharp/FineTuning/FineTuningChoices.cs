using static TorchSharp.torch;

namespace MappingNets;

/// <summary>What every way of fine-tuning is told beside its own settings.</summary>
/// <param name="Target">The network.</param>
/// <param name="Pretrained">Where its weights start.</param>
/// <param name="Layers">Patterns of the layers to change.</param>
/// <param name="NewHead">Patterns of the layers to start anew; null for the last one where its shape differs.</param>
/// <param name="Head">How these are trained.</param>
/// <param name="Seed">The seed of all that is drawn.</param>
internal sealed record FineTuningChoices(
    TargetNetwork Target,
    PretrainedWeights Pretrained,
    IReadOnlyList<string> Layers,
    IReadOnlyList<string>? NewHead,
    HeadTraining Head,
    ulong Seed)
{
    public static FineTuningChoices For(TargetNetwork target, PretrainedWeights pretrained)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(pretrained);
        return new(target, pretrained, [LayerPatterns.All], null, HeadTraining.Direct, 0);
    }

    public FineTuningChoices WithLayers(string[] patterns) =>
        this with { Layers = LayerPatterns.Select(Target, patterns, "patterns").Count > 0 ? [.. patterns] : [] };

    public FineTuningChoices WithNewHead(HeadTraining training, string[] patterns)
    {
        if (!Enum.IsDefined(training))
            throw new ArgumentOutOfRangeException(nameof(training), training, "There is no such way to train a head.");
        ArgumentNullException.ThrowIfNull(patterns);
        if (patterns.Length > 0)
            LayerPatterns.Select(Target, patterns, nameof(patterns));
        return this with { Head = training, NewHead = patterns.Length > 0 ? [.. patterns] : null };
    }

    /// <summary>The weights in order, and the tensors that are trained themselves.</summary>
    public (FineTuningBase Base, IReadOnlyList<string> Trained) Prepare(Device device)
    {
        var basis = FineTuningBase.Of(Target, Pretrained, NewHead, Seed, device);
        return (basis, Head == HeadTraining.Direct ? basis.Head : []);
    }

    /// <summary>The tensors that the latents or ranks may change: those of the chosen layers, without a head that is trained itself.</summary>
    public IReadOnlyList<string> Chosen(IReadOnlyList<string> trained) =>
        [.. LayerPatterns.Select(Target, Layers, "layers").Except(trained)];

    /// <summary>Builds a model of a configuration; the model owns the base.</summary>
    public static FineTunedModel Build(FineTuningBase basis, Func<FineTuningConfiguration> configure, Device device)
    {
        try
        {
            return new(basis, configure(), device);
        }
        catch
        {
            basis.Dispose();
            throw;
        }
    }
}
