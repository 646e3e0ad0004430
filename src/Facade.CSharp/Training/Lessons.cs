using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// What the teachers say of each training sample: a sample never changes, so they are asked once, before the first step, and always in
/// the same batches, so that a resumed run hears the same bits.
/// </summary>
internal sealed class Lessons : IDisposable
{
    private readonly Tensor said;

    public Lessons(Distillation distillation, Dataset data, Device device, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        var parts = new List<Tensor>();
        foreach (var batch in data.Batches(DatasetChecks.BatchOf(data, 1000), shuffle: false))
        {
            cancellation.ThrowIfCancellationRequested();
            using (batch)
                parts.Add(distillation.Said(batch.InputsOn(device)));
        }

        said = cat(parts).DetachFromDisposeScope();
    }

    /// <summary>The teachers' mean outputs for a batch of the data set.</summary>
    public Tensor Of(Batch batch)
    {
        using var noGradient = no_grad();
        using var places = tensor([.. batch.Places], device: said.device);
        return said.index_select(0, places);
    }

    public void Dispose() => said.Dispose();
}
