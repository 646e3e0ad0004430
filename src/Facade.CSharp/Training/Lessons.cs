using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// What the teachers say of each training sample. Of samples in memory they are asked once, always in the same batches, so that a
/// resumed run hears the same bits; streamed samples may come out otherwise each time, so of them they are asked anew.
/// </summary>
internal sealed class Lessons : IDisposable
{
    private readonly Distillation distillation;
    private readonly Device device;
    private readonly Tensor? kept;

    public Lessons(Distillation distillation, Dataset data, Device device, CancellationToken cancellation)
    {
        (this.distillation, this.device) = (distillation, device);
        if (data.IsStreaming)
            return;
        using var scope = NewDisposeScope();
        var parts = new List<Tensor>();
        foreach (var batch in data.Batches(DatasetChecks.BatchOf(data, 1000), shuffle: false))
        {
            cancellation.ThrowIfCancellationRequested();
            using (batch)
                parts.Add(distillation.Said(batch.Inputs.to(device)));
        }

        kept = cat(parts).DetachFromDisposeScope();
    }

    /// <summary>The teachers' mean outputs for a batch of the data set, whose inputs are on the device already.</summary>
    public Tensor Of(Batch batch, Tensor inputs)
    {
        if (kept is null)
            return distillation.Said(inputs);
        using var noGradient = no_grad();
        using var places = tensor([.. batch.Places], device: device);
        return kept.index_select(0, places);
    }

    public void Dispose() => kept?.Dispose();
}
