using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>The numbers of a base: the weights that a fine-tuning starts from, wherever they are.</summary>
internal abstract class BaseValues : GivenWeights, IDisposable
{
    /// <summary>theta_pretrained, shape (P): the numbers themselves where they are held, and else a copy of all in the caller's dispose scope.</summary>
    public abstract Tensor Flat { get; }

    /// <summary>One tensor of them, in its shape: a view where they are held, and else a copy; in the caller's dispose scope.</summary>
    /// <param name="index">Its place among the network's.</param>
    public abstract Tensor Of(int index);

    /// <inheritdoc/>
    public override void AddTo(int index, Tensor place) => place.add_(Of(index));

    /// <inheritdoc/>
    public override void CopyTo(int index, Tensor place) => place.copy_(Of(index));

    /// <summary>Moves them along with their model.</summary>
    public abstract void MoveTo(Device device);

    /// <summary>Frees what is held, or lets go of the file.</summary>
    public abstract void Dispose();
}

/// <summary>A base in memory, as one flat vector that never changes.</summary>
/// <param name="layout">Where each tensor stands in it.</param>
/// <param name="flat">The vector, which this object takes over.</param>
internal sealed class HeldValues(ParameterLayout layout, Tensor flat) : BaseValues
{
    private Tensor flat = flat.DetachFromDisposeScope();

    /// <inheritdoc/>
    public override Tensor Flat => flat;

    /// <inheritdoc/>
    public override Tensor Of(int index)
    {
        var entry = layout.Entries[index];
        return flat.narrow(0, entry.Offset, entry.Count).view(entry.Shape);
    }

    /// <inheritdoc/>
    public override void MoveTo(Device device)
    {
        using var noGradient = no_grad();
        flat = flat.to(device, disposeAfter: true).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public override void Dispose() => flat.Dispose();
}

/// <summary>A base that stays in its file, but for a head that was started anew.</summary>
/// <param name="names">What the file calls the network's tensors, in the network's order.</param>
/// <param name="file">The file, of which this object is one holder.</param>
/// <param name="head">The start of each tensor of a new head by its place, which this object takes over.</param>
internal sealed class FileValues(IReadOnlyList<string> names, WeightFile file, IReadOnlyDictionary<int, Tensor> head) : BaseValues
{
    private bool isDisposed;

    /// <inheritdoc/>
    public override Tensor Flat => cat([.. names.Select((_, index) => Of(index).reshape(-1))], 0);

    /// <inheritdoc/>
    public override Tensor Of(int index) => head.TryGetValue(index, out var start) ? start : file.Load(names[index]);

    /// <inheritdoc/>
    public override void AddTo(int index, Tensor place) => Put(index, place, add: true);

    /// <inheritdoc/>
    public override void CopyTo(int index, Tensor place) => Put(index, place, add: false);

    /// <inheritdoc/>
    public override void MoveTo(Device device) =>
        throw new NotSupportedException("A base that stays in its file is read by the CPU, wherever its model is.");

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (isDisposed)
            return;
        isDisposed = true;
        file.LetGo();
        foreach (var start in head.Values)
            start.Dispose();
    }

    private void Put(int index, Tensor place, bool add)
    {
        if (!head.ContainsKey(index))
            file.Read(names[index], place, add);
        else if (add)
            base.AddTo(index, place);
        else
            base.CopyTo(index, place);
    }
}
