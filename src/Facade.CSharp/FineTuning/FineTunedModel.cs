using MappingNets.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A target network whose weights are given ones and a change of few trained parameters, as <see cref="FineTuning"/> describes it. A head
/// that was started anew may be trained directly beside it. The terms of <see cref="LossOptions"/> beside the task's own are
/// defined for a mapping that generates all weights; this model has none.
/// </summary>
public sealed class FineTunedModel : Model
{
    private readonly FineTuningBase baseWeights;
    private readonly WeightChange change;
    private readonly StreamedWeights? streamed;

    /// <summary>Takes over the base where it succeeds.</summary>
    internal FineTunedModel(FineTuningBase baseWeights, FineTuningConfiguration configuration, Device device, bool isStreamed = false)
        : base(baseWeights.Target)
    {
        this.baseWeights = baseWeights;
        Configuration = configuration;
        change = new(baseWeights.Target, configuration);
        if (isStreamed)
            streamed = Streamed(device);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        Register(
            [.. change.Values.Zip(change.Start(baseWeights.Values), (value, start) => (value.Name, Trainable.From(start.to(device, copy: true))))],
            device);
        TakeState(baseWeights.State);
    }

    /// <inheritdoc/>
    public override string Method => change.Method;

    /// <inheritdoc/>
    public override string FixedWeightsName => change.FixedWeightsName;

    /// <inheritdoc/>
    public override double DefaultLearningRate => change.LearningRate;

    /// <summary>The tensors whose weights are trained themselves, a new head's among them; empty where there are none.</summary>
    public IReadOnlyList<string> DirectlyTrained => Configuration.Head;

    /// <summary>
    /// The trained parameters by name: "latent", "scales", "fc1.weight.lora_A" and "lora_B", and tensors that are trained themselves; where two
    /// ways have latents, each name ends with the place of its way, as in "latent2". Owned by the model.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> TrainedTensors =>
        TrainableNames.Zip(Trainables).ToDictionary(pair => pair.First, Tensor (pair) => pair.Second, StringComparer.Ordinal);

    /// <summary>Whether weights are read and changed layer by layer and forgotten (<see cref="FineTuning.Streamed"/>).</summary>
    public bool IsStreamed => streamed is not null;

    internal FineTuningConfiguration Configuration { get; }

    internal override bool DefaultFrozenStatistics => Target.Buffers.Any(buffer => buffer is { IsPersistent: true, FollowsBatches: true });

    internal FineTuningBase Base => baseWeights;

    /// <inheritdoc/>
    internal override string DescribeMapping() =>
        $"{Configuration.ToJson()} on weights with the SHA-256 {baseWeights.WeightsHash(Configuration.NewHead)}";

    internal override IReadOnlyList<Tensor> CurrentWeights()
    {
        RequireAlive();
        return Masked(change.Weights(baseWeights.Flat.to(Device), Trainables));
    }

    internal override Tensor Outputs(IReadOnlyList<Tensor> inputs, bool training)
    {
        RequireAlive();
        if (streamed is null)
            return base.Outputs(inputs, training);
        // Several threads may predict.
        lock (streamed.Gate)
        {
            streamed.Mask = PruningMask;
            return Target.Forward(inputs, new StreamedPass(streamed, Trainables), State, training);
        }
    }

    internal override Func<IReadOnlyList<Tensor>, Tensor> Evaluator() =>
        streamed is null ? base.Evaluator() : inputs => Outputs(inputs, training: false);

    private StreamedWeights Streamed(Device device)
    {
        try
        {
            var parts = change.Streamed(out var missing);
            StreamedWeights.Require(Target, missing);
            return new(device, Target, parts!, baseWeights.Values, change.Direct);
        }
        catch
        {
            change.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    internal override IReadOnlyList<Tensor> WeightsFrom(IReadOnlyList<Tensor> values, out string missing)
    {
        missing = "";
        return change.Weights(baseWeights.Flat.to(values[0].dtype, values[0].device), values);
    }

    /// <inheritdoc/>
    internal override IReadOnlyList<TensorShift>? Shifts(out string missing)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return change.Shifts(CurrentWeights(), Trainables, out missing);
    }

    /// <inheritdoc/>
    internal override IEnumerable<(string Name, IReadOnlyList<int> Moved)> Movers() => change.Movers();

    private protected override IReadOnlyCollection<string> DirectlyTrainedWeights => Configuration.Head;

    /// <summary>
    /// Writes the adapter as one file: how the base is changed, the trained parameters, a head that is trained itself, buffers such
    /// as running means, and the fingerprint of the base, not one of its weights. The file is written whole or not at all.
    /// </summary>
    /// <param name="path">The file, replaced where it exists; ".safetensors" is customary.</param>
    /// <param name="precision">
    /// How latents, factors and matrices of own weights are stored; scales and biases stay single where the others get codes. Loading
    /// gives what was stored, to the bit; this model keeps its own.
    /// </param>
    /// <param name="bindToWeights">
    /// Whether the fingerprint covers the base's weights (SHA-256), those that a module's owner froze among them, and not only its names and
    /// shapes: loading onto other weights is then refused.
    /// </param>
    /// <exception cref="IOException">It cannot be written; a file that was there before is intact.</exception>
    /// <exception cref="InvalidOperationException">
    /// A trained parameter or a buffer is not finite or too large for the precision, so that no one could load the file.
    /// </exception>
    /// <exception cref="CheckpointFormatException">The base stays in its file (<see cref="PretrainedWeights.OnDisk"/>), which was written to.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed, or its target, whose module has frozen parameters.</exception>
    public void SaveAdapter(string path, StoredPrecision precision = StoredPrecision.Single, bool bindToWeights = true)
    {
        using var contents = AdapterContents.Of(this, bindToWeights);
        contents.Save(path, precision);
    }

    /// <summary>Writes the adapter as a folder with adapter_config.json and adapter_model.safetensors.</summary>
    /// <param name="folder">The folder, made where there is none; the two files in it are replaced.</param>
    /// <param name="precision">As for <see cref="SaveAdapter"/>.</param>
    /// <param name="bindToWeights">As for <see cref="SaveAdapter"/>.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="InvalidOperationException">As for <see cref="SaveAdapter"/>.</exception>
    /// <exception cref="CheckpointFormatException">The base stays in its file (<see cref="PretrainedWeights.OnDisk"/>), which was written to.</exception>
    /// <exception cref="ObjectDisposedException">As for <see cref="SaveAdapter"/>.</exception>
    public void SaveAdapterFolder(string folder, StoredPrecision precision = StoredPrecision.Single, bool bindToWeights = true)
    {
        using var contents = AdapterContents.Of(this, bindToWeights);
        contents.SaveFolder(folder, precision);
    }

    /// <summary>Reads an adapter and builds its model on the base; its weights are the saved model's, bit for bit.</summary>
    /// <param name="path">The file or the folder.</param>
    /// <param name="target">The network that the adapter was trained for.</param>
    /// <param name="pretrained">The base's weights.</param>
    /// <param name="device">Where the model lives; the CPU where none is given.</param>
    /// <param name="limits">What the file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <param name="streamed">
    /// Whether weights are read and changed layer by layer and forgotten, as <see cref="FineTuning.Streamed"/> says, so that predicting from a base
    /// on disk takes the memory of the largest layer.
    /// </param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="CheckpointFormatException">
    /// It is damaged, beyond the limits, no such adapter, of another version, or made for another target, other weights or other frozen parameters;
    /// or the file of the pretrained weights has a tensor that the network needs in a type that holds no weights. The message says which.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// The pretrained weights do not fit the target, or have other values for parameters that are frozen in its module, or stay in their file without
    /// being streamed; or the weights are to be streamed and cannot be.
    /// </exception>
    /// <exception cref="IOException">It cannot be read; a <see cref="FileNotFoundException"/> where there is no such file.</exception>
    /// <exception cref="ObjectDisposedException">The pretrained weights are disposed.</exception>
    public static FineTunedModel LoadAdapter(
        string path, TargetNetwork target, PretrainedWeights pretrained, Device? device = null, ReadLimits? limits = null, bool streamed = false)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(pretrained);
        pretrained.RequireAlive();
        using var contents = AdapterContents.Load(path, target, limits ?? ReadLimits.Default);
        var baseWeights = FineTuningBase.Of(target, pretrained, contents.Configuration.NewHead, contents.Configuration.Seed, device ?? CPU, streamed);
        try
        {
            contents.CheckWeights(baseWeights);
            var model = new FineTunedModel(baseWeights, contents.Configuration, device ?? CPU, streamed);
            model.RestoreState([.. contents.Values, .. contents.Buffers]);
            if (contents.Mask is { } mask)
                model.TakeMask(mask);
            return model;
        }
        catch
        {
            baseWeights.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Reads a LoRA adapter of PEFT, the Python library, and builds its model on the base: low rank for the modules that it adapts, tensors of their
    /// own for biases that it trained and for modules that it stores whole (modules_to_save), with these modules' buffers. A rank above a matrix's
    /// smaller side becomes that side, with the same product. <see cref="SaveAdapter"/> then makes it one of this library's, which hosts of adapters
    /// read.
    /// </summary>
    /// <param name="folder">The folder with adapter_config.json and adapter_model.safetensors.</param>
    /// <param name="target">
    /// The network. Its tensors must have the names that the adapted PyTorch model has, as those of <see cref="Targets"/> and of a module that
    /// was read by <see cref="TargetNetwork.From(nn.Module, Tensor, string?)"/> have.
    /// </param>
    /// <param name="pretrained">The base's weights; an adapter of PEFT does not say which, so nothing checks that they are the right ones.</param>
    /// <param name="device">Where the model lives; the CPU where none is given.</param>
    /// <param name="limits">What the file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="CheckpointFormatException">
    /// It is damaged, beyond the limits, of another method than LoRA, has a tensor that the network has no place for, or uses a variant that is
    /// not read (DoRA, embeddings, convolutions in groups, transposed weights, starts that change the base); or its configuration is another than the one
    /// that <see cref="SavePeftAdapter"/> wrote beside the model. The message says which.
    /// </exception>
    /// <exception cref="ArgumentException">The pretrained weights do not fit the target.</exception>
    /// <exception cref="IOException">It cannot be read; a <see cref="FileNotFoundException"/> where there is no such file.</exception>
    /// <exception cref="ObjectDisposedException">The pretrained weights are disposed.</exception>
    public static FineTunedModel LoadPeftAdapter(
        string folder, TargetNetwork target, PretrainedWeights pretrained, Device? device = null, ReadLimits? limits = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(pretrained);
        pretrained.RequireAlive();
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var (configuration, values, buffers) = PeftAdapter.Read(folder, target, limits ?? ReadLimits.Default);
        var baseWeights = FineTuningBase.Of(target, pretrained, configuration.NewHead, configuration.Seed, device ?? CPU);
        try
        {
            var model = new FineTunedModel(baseWeights, configuration, device ?? CPU);
            model.RestoreState(
                [.. values, .. target.Buffers.Zip(model.State.Tensors, (buffer, now) => buffers.GetValueOrDefault(buffer.Name) ?? now)]);
            return model;
        }
        catch
        {
            baseWeights.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Writes the adapter as a LoRA adapter of PEFT, for <c>PeftModel.from_pretrained</c> on a PyTorch model whose modules have the target's names:
    /// adapter_config.json and adapter_model.safetensors, with the factors of linear layers and convolutions and, whole, the modules with tensors
    /// that are trained themselves. Wherever the writer ends, the folder is read as the old adapter or the new one.
    /// </summary>
    /// <param name="folder">The folder, made where there is none; the two files in it are replaced.</param>
    /// <exception cref="InvalidOperationException">
    /// The change is another than <see cref="FineTuning.LowRank"/> alone, changes an embedding or a convolution in groups, is pruned, or moved running
    /// statistics of a module that is not stored whole, which PEFT's adapters do not hold; or trains itself what PEFT's modules_to_save cannot tell apart: a
    /// parameter of the network itself, a module that holds one with factors, or one whose name ends another module's; or changes a tensor that the network
    /// uses under several names, or a module stored whole has such a one or a frozen one; or a trained parameter is not finite.
    /// </exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed, or its target, whose module has frozen parameters.</exception>
    public void SavePeftAdapter(string folder) => PeftAdapter.Write(folder, this);

    /// <inheritdoc/>
    internal override StreamedWeights? LayerByLayer => streamed;

    private protected override void MoveConstants(Device to)
    {
        if (streamed is null)
            baseWeights.MoveTo(to);
        else
            streamed.MoveTo(to);
    }

    private protected override void DisposeConstants()
    {
        streamed?.Dispose();
        change.Dispose();
        baseWeights.Dispose();
    }
}
