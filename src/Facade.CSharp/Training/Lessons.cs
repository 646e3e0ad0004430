using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The teachers' outputs for each training sample. A sample never changes, so they predict it once, before the first step, and always in the
/// same batches, so that a resumed run gets the same bits.
/// </summary>
internal sealed class Lessons : IDisposable
{
    private readonly Tensor outputs;

    public Lessons(Distillation distillation, Dataset data, Device device, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        var parts = new List<Tensor>();
        foreach (var batch in data.Batches(DatasetChecks.BatchOf(distillation.Teachers[0].Target, data, 1000), shuffle: false))
        {
            cancellation.ThrowIfCancellationRequested();
            // On another device the inputs are copies, which would stay until all batches are done.
            using var once = NewDisposeScope();
            using (batch)
                parts.Add(distillation.TeacherOutputs(batch.InputsOn(device)).MoveToOuterDisposeScope());
        }

        outputs = cat(parts).DetachFromDisposeScope();
    }

    /// <summary>The teachers' mean outputs for a batch of the data set.</summary>
    public Tensor Of(Batch batch)
    {
        using var noGradient = no_grad();
        using var places = tensor([.. batch.Places], device: outputs.device);
        return outputs.index_select(0, places);
    }

    public void Dispose() => outputs.Dispose();
}
