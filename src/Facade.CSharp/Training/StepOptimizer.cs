using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>What turns gradients into changes of the trained numbers, and what it remembers between steps.</summary>
internal abstract class StepOptimizer : IDisposable
{
    /// <summary>All tensors that it remembers, by names that do not change: its own, to be read and overwritten.</summary>
    public abstract IEnumerable<(string Name, Tensor Tensor)> Tensors { get; }

    /// <summary>What it counts, in an order that does not change.</summary>
    public abstract IReadOnlyList<long> Counts { get; set; }

    /// <summary>The optimiser that the options name.</summary>
    /// <param name="model">Whose numbers are trained.</param>
    /// <param name="parameters">These numbers, and the trained coefficients of the loss.</param>
    /// <param name="kind">Which.</param>
    /// <exception cref="ArgumentException">The model trains too many numbers for it.</exception>
    public static StepOptimizer For(Model model, IReadOnlyList<Parameter> parameters, TrainingOptimizer kind) => kind switch
    {
        TrainingOptimizer.FullMatrix => FullMatrixOptimizer.For(model, parameters),
        _ => new AdamOptimizer(parameters),
    };

    /// <summary>Changes the parameters by their gradients.</summary>
    /// <param name="rate">The learning rate of this step.</param>
    public abstract void Step(double rate);

    /// <inheritdoc/>
    public abstract void Dispose();
}
