using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <content>The weights that the state stands for: as a vector, a module or a file.</content>
public abstract partial class Model
{
    /// <summary>All weights of the target as one flat vector theta, shape (P), single precision.</summary>
    /// <returns>A copy; the caller disposes it.</returns>
    /// <exception cref="CheckpointFormatException">The base stays in its file (<see cref="PretrainedWeights.OnDisk"/>), which was written to.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public Tensor FlatWeights()
    {
        RequireAlive();
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return cat(CurrentWeights().Select(weight => weight.reshape(-1)).ToArray(), 0).MoveToOuterDisposeScope();
    }

    /// <summary>Reads all weights tensor by tensor, in the order of theta; a streamed model has those of one layer at a time.</summary>
    /// <param name="read">Gets each tensor, which holds these weights until it returns.</param>
    internal void ReadWeights(Action<Tensor> read)
    {
        RequireAlive();
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        if (LayerByLayer is { } streamed)
            streamed.Read(PruningMask, Trainables, read);
        else
            foreach (var weight in CurrentWeights())
                read(weight);
    }

    /// <summary>A plain TorchSharp module with the weights merged in and PyTorch's names: it needs nothing of this library.</summary>
    /// <returns>The module, in evaluation mode; the caller disposes it.</returns>
    /// <exception cref="NotSupportedException">The network is a user's own module; <see cref="WriteInto"/> is for these.</exception>
    /// <exception cref="CheckpointFormatException">The base stays in its file (<see cref="PretrainedWeights.OnDisk"/>), which was written to.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public nn.Module<Tensor, Tensor> Materialize()
    {
        RequireAlive();
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return Target.ToModule(CurrentWeights(), State);
    }

    /// <summary>
    /// Copies the weights as they are now, and the buffers, into a TorchSharp module with the same names and shapes, which then needs
    /// nothing of this library. Where it is the module that a <see cref="ModuleTarget"/> has on loan, they are what it is given back
    /// with when that target is disposed; parameters that its owner froze go into another module of its class too.
    /// </summary>
    /// <example>
    /// <code>
    /// var target = TargetNetwork.From(mine, images);
    /// using var pretrained = PretrainedWeights.Of(target);
    /// using (var model = FineTuning.Of(target, pretrained).Groups(2048).Build())
    /// {
    ///     new Trainer(model, options).Fit(data);
    ///     model.WriteInto(mine);
    /// }
    ///
    /// target.Dispose(); // "mine" is a plain module with the fine-tuned weights
    /// </code>
    /// </example>
    /// <param name="module">The module; its tensors keep their type and device.</param>
    /// <exception cref="ArgumentException">
    /// The module lacks a tensor, has one of another shape, or one that the network does not know; nothing was written.
    /// </exception>
    /// <exception cref="CheckpointFormatException">The base stays in its file (<see cref="PretrainedWeights.OnDisk"/>), which was written to.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void WriteInto(nn.Module module)
    {
        RequireAlive();
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        Target.WriteInto(module, CurrentWeights(), State);
    }

    /// <summary>
    /// Writes all weights and buffers as a safetensors file with PyTorch's names and shapes, and the parameters that a module's owner froze; a tensor
    /// with several names once. Written whole or not at all. In single or half precision and not sparse, any reader of safetensors understands it;
    /// <see cref="PretrainedWeights.FromFile"/> and <see cref="TargetNetwork.ReadWeights"/> understand all (docs/files.md).
    /// </summary>
    /// <param name="path">The file, replaced where it exists.</param>
    /// <param name="precision">
    /// How weights are stored; codes have a step for each output, and vectors such as biases then stay single. Frozen parameters are stored as the
    /// module has them, which readers hold them to.
    /// </param>
    /// <param name="sparse">Whether a pruned model's weights are stored without those that were pruned; refused where it is not pruned.</param>
    /// <param name="factors">
    /// Whether matrices of low rank (<see cref="TargetNetwork.LowRank"/>) are written as their two factors and not as the product.
    /// </param>
    /// <exception cref="IOException">It cannot be written; a file that was there before is intact.</exception>
    /// <exception cref="InvalidOperationException">
    /// It is to be sparse, but the model is not pruned; a weight is too large for the precision; a weight or buffer is not finite, or a frozen
    /// parameter holds a NaN or a finite number beyond single precision, so that no one could load the file; or one has the name under which the steps
    /// or the mask of another would be stored, NAME_scale or NAME_mask.
    /// </exception>
    /// <exception cref="NotSupportedException">It is to be sparse, but a matrix is written as the product of its pruned factors.</exception>
    /// <exception cref="CheckpointFormatException">The base stays in its file (<see cref="PretrainedWeights.OnDisk"/>), which was written to.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed, or its target, whose module has frozen parameters.</exception>
    public void Export(string path, StoredPrecision precision = StoredPrecision.Single, bool sparse = false, bool factors = false)
    {
        RequireAlive();
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var written = factors ? Target : Target.Plain;
        var weights = factors ? CurrentWeights() : Target.PlainWeights(CurrentWeights());
        StoredTensors.RequireFinite(written.Parameters.Zip(weights, (parameter, weight) => (parameter.Name, weight)));
        BufferChecks.RequireSound(this);
        var frozen = Target.Frozen();
        RequireReadable(frozen);
        TensorFile.Write(
            path,
            [
                .. written.Parameters.Zip(weights).Zip(KeptToWrite(written, sparse), (pair, kept) =>
                    new TensorToStore(pair.First.Name, pair.Second, TensorToStore.PrecisionOf(precision, pair.First.Shape), kept)),
                .. frozen.Select(parameter => new TensorToStore(parameter.Name, parameter.Value)),
                .. Target.PersistentBuffers(State).Select(buffer => new TensorToStore(buffer.Name, buffer.Values)),
            ],
            new Dictionary<string, string> { ["format"] = AdapterHeader.WeightsFormat });
    }

    // As readers of weights take them: a frozen mask may hold infinities.
    private static void RequireReadable(IReadOnlyList<(string Name, Tensor Value)> frozen)
    {
        foreach (var (name, values) in frozen)
        {
            using var scope = NewDisposeScope();
            if (!PretrainedWeights.IsReadable(values, values.to(float32)))
                throw new InvalidOperationException(
                    $"The module's frozen '{name}' holds a NaN or a number beyond single precision; its file could not be loaded and is not written.");
        }
    }
}
