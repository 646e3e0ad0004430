using static TorchSharp.torch;

namespace MappingNets;

/// <summary>An average of the trained parameters over steps: a second copy of them, and a count.</summary>
internal sealed class StateAverage : IDisposable
{
    private readonly Model model;
    private readonly double kept;
    private readonly int firstEpoch;
    private readonly Tensor[] means;

    private StateAverage(Model model, double kept, int firstEpoch)
    {
        (this.model, this.kept, this.firstEpoch) = (model, kept, firstEpoch);
        using var noGradient = no_grad();
        means = [.. model.Trainables.Select(tensor => zeros_like(tensor).DetachFromDisposeScope())];
    }

    /// <summary>How many steps are in it.</summary>
    public long Count { get; set; }

    /// <summary>The averages, in the order of the model's trainables.</summary>
    public IReadOnlyList<Tensor> Means => means;

    /// <summary>The average that the options ask for; null where they ask for none.</summary>
    public static StateAverage? For(Model model, TrainingOptions options) => options switch
    {
        { AverageDecay: { } decay } => new(model, decay, 1),
        // Every step keeps all that it may: the plain mean.
        { AverageLastEpochs: { } last } => new(model, 1, options.Epochs - last + 1),
        _ => null,
    };

    /// <summary>Takes the parameters after a step.</summary>
    public void Add(int epoch)
    {
        if (epoch < firstEpoch)
            return;
        Count++;
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (mean, parameter) in means.Zip(model.Trainables))
            mean.lerp_(parameter, tensor((float)Math.Max(1 - kept, 1.0 / Count), device: mean.device));
    }

    /// <summary>Evaluates the model with the average in the place of its parameters, which come back; null before the first step.</summary>
    public Evaluation? Evaluate(Func<Evaluation?> evaluate)
    {
        if (Count == 0)
            return null;
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        using var aside = new TrainablesAside(model);
        Restore();
        return evaluate();
    }

    /// <summary>Puts the average into the model; nothing before the first step.</summary>
    public void Restore()
    {
        if (Count == 0)
            return;
        using var noGradient = no_grad();
        foreach (var (parameter, mean) in model.Trainables.Zip(means))
            parameter.copy_(mean);
    }

    public void Dispose()
    {
        foreach (var mean in means)
            mean.Dispose();
    }
}
