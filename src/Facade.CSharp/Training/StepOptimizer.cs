using static TorchSharp.torch;

namespace MappingNets;

/// <summary>What turns gradients into changes of the trained parameters, and what it remembers between steps.</summary>
internal abstract class StepOptimizer : IDisposable
{
    /// <summary>The groups of parameters and their learning rates, which schedules move.</summary>
    public abstract optim.Optimizer Rates { get; }

    /// <summary>The learning rate of the next step; that of the first group where there are several.</summary>
    public double Rate => Rates.ParamGroups.First().LearningRate;

    /// <summary>Changes the parameters by their gradients.</summary>
    public abstract void Step();

    /// <summary>Refuses, before there is a step, an optimiser whose memory no file can keep.</summary>
    /// <exception cref="NotSupportedException">It cannot write down what it remembers.</exception>
    public virtual void RequireSaving()
    {
    }

    /// <summary>Writes all that it remembers, to go on from; it may be more than an array holds.</summary>
    /// <param name="stream">Where to; left open.</param>
    /// <exception cref="NotSupportedException">It cannot write it down.</exception>
    public abstract void Save(Stream stream);

    /// <summary>Takes what <see cref="Save"/> wrote.</summary>
    /// <param name="saved">What it wrote, from its beginning; its length is known.</param>
    /// <exception cref="InvalidDataException">It is of another optimiser.</exception>
    public abstract void Load(Stream saved);

    /// <inheritdoc/>
    public abstract void Dispose();
}
