using System.Text;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>An optimiser of TorchSharp's that steps by the gradients that are there, without a closure.</summary>
/// <param name="optimizer">It; disposed with this.</param>
internal sealed class TorchOptimizer(optim.Optimizer optimizer) : StepOptimizer
{
    public override optim.Optimizer Rates => optimizer;

    public override void Step()
    {
        using var loss = optimizer.step();
    }

    public override void RequireSaving() => _ = Helper;

    public override void Save(Stream stream)
    {
        using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        Helper.save_state_dict(writer);
    }

    public override void Load(Stream saved)
    {
        using var reader = new BinaryReader(saved, Encoding.UTF8, leaveOpen: true);
        using var scope = NewDisposeScope();
        try
        {
            Helper.load_state_dict(reader);
            // Some of TorchSharp's optimisers make their tensors anew as they read them: they live as long as the optimiser.
            scope.Detach(scope.DisposablesView);
        }
        catch (Exception fault) when (fault is IOException or ArgumentException or FormatException)
        {
            throw new InvalidDataException(fault.Message, fault);
        }
    }

    public override void Dispose() => optimizer.Dispose();

    private OptimizerHelper Helper => optimizer as OptimizerHelper ?? throw new NotSupportedException(
        $"The optimiser {optimizer.GetType().Name} cannot write down what it remembers, as those that derive from TorchSharp's "
        + $"{nameof(OptimizerHelper)} can; train without a resume file, or with another optimiser.");
}
