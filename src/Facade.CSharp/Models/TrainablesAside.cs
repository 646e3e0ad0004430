using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A model's trainables, copied while other values stand in their place. Disposing puts them back, also after an exception.</summary>
internal sealed class TrainablesAside : IDisposable
{
    private readonly Model model;

    public TrainablesAside(Model model)
    {
        this.model = model;
        using var noGradient = no_grad();
        Values = [.. model.Trainables.Select(tensor => tensor.clone().DetachFromDisposeScope())];
    }

    /// <summary>The copies, in the order of the trainables.</summary>
    public IReadOnlyList<Tensor> Values { get; }

    public void Dispose()
    {
        using var noGradient = no_grad();
        foreach (var (tensor, value) in model.Trainables.Zip(Values))
        {
            tensor.copy_(value);
            value.Dispose();
        }
    }
}
