using MappingNets.Core;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A target network whose weights are generated from a latent: theta = g(z). Training changes z (and a trainable scale per
/// tensor where that was asked for), never a weight.
/// </summary>
public sealed class MappedModel : Model
{
    private const string LatentName = "latent";
    private const string ScalesName = "scales";

    private readonly Mapping mapping;
    private readonly WeightGenerator? generator;
    private readonly IDisposable? owned;
    private readonly StreamedWeights? streamed;

    /// <summary>Builds the mapping and its start; the model disposes what it is told to own.</summary>
    internal MappedModel(
        TargetNetwork target, MappingSpecification specification, Device device, IDisposable? owned = null, bool isStreamed = false)
        : base(target)
    {
        MappingChecks.Together(specification);
        this.owned = owned;
        mapping = MappingModule.create(target.Layout, specification);
        if (isStreamed)
            StreamedWeights.Require(target, StreamedPart.MissingOf(mapping));
        generator = StreamedPart.MissingOf(mapping) is null ? new(mapping, target, aroundCenters: !specification.TrainableScale) : null;
        using var scope = NewDisposeScope();
        var start = mapping.InitialLatent().to(device);
        // A user's own modulation shows only when it is called whether it fits the target.
        if (specification.Modulations.Any(modulation => modulation.IsCustomModulation))
            using (no_grad())
                mapping.Generate(start);
        var trained = new List<(string, Parameter)> { (LatentName, Trainable.From(start)) };
        if (specification.TrainableScale)
            trained.Add((ScalesName, Trainable.From(ones(target.Parameters.Count, dtype: float32, device: device))));
        Register(trained, device);
        if (isStreamed)
            streamed = new(device, target, [new(mapping, [.. Enumerable.Range(0, target.Parameters.Count)], latent: 0)]);
    }

    /// <inheritdoc/>
    public override string Method => mapping.Specification.Split.IsSingleLatent ? "slvt" : "lwt";

    /// <inheritdoc/>
    public override string FixedWeightsName => AdapterDescription.NameOf(mapping.Specification.FixedWeights);

    /// <inheritdoc/>
    public override double DefaultLearningRate => 0.05;

    /// <summary>The seed of the fixed weights, the bias and the start.</summary>
    public ulong Seed => mapping.Specification.Seed;

    /// <summary>z, shape (d): the trained parameters. Owned by the model; read it, or copy values into it.</summary>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public Tensor Latent
    {
        get
        {
            RequireAlive();
            return get_parameter(LatentName)!;
        }
    }

    /// <summary>The trainable scale of each weight tensor, shape (number of tensors); null where scales are fixed.</summary>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public Tensor? TrainableScales
    {
        get
        {
            RequireAlive();
            return get_parameter(ScalesName);
        }
    }

    /// <summary>How many latents each piece of the target has, by layer name; one entry "theta" for a single latent.</summary>
    public IReadOnlyList<KeyValuePair<string, int>> LatentSplit =>
        [.. mapping.Pieces.Select(piece => KeyValuePair.Create(piece.Name, piece.FixedWeights.Columns))];

    /// <summary>The coefficients of the auxiliary loss terms when training last ended, by name; empty where there were none.</summary>
    public IReadOnlyDictionary<string, double> Coefficients { get; internal set; } = new Dictionary<string, double>();

    /// <summary>g: the mapping that generates the weights, with its layout, pieces and fixed weights. Owned by the model.</summary>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public Mapping Mapping
    {
        get
        {
            RequireAlive();
            return mapping;
        }
    }

    /// <summary>A model of its own with the same mapping, trained parameters, buffers and mask; not streamed.</summary>
    internal MappedModel CopyTo(Device device)
    {
        RequireAlive();
        var specification = Mapping.Specification;
        // A linear modulation's map is its model's own.
        var map = specification.Modulations is [Modulation.LinearModulation linear] ? linear.map.to(device, copy: true).DetachFromDisposeScope() : null;
        if (map is not null)
            specification = AdapterDescription.Of(specification, Coefficients).ToSpecification(map, null);
        var copy = new MappedModel(Target, specification, device, owned: map);
        using var noGradient = no_grad();
        foreach (var (to, from) in copy.Trainables.Concat(copy.State.Tensors).Zip(Trainables.Concat(State.Tensors)))
            to.copy_(from);
        copy.Coefficients = Coefficients;
        if (PruningMask is { } mask)
            copy.TakeMask(mask);
        return copy;
    }

    internal override bool HasTerms => true;

    internal override void TakeCoefficients(IReadOnlyDictionary<string, double> values) => Coefficients = values;

    internal override string DescribeMapping() =>
        AdapterDescription.Of(mapping.Specification, new Dictionary<string, double>()).ToJson();

    internal override IEnumerable<(int Tensor, long First, long Count)> Blocks() =>
    [
        .. mapping.Pieces.Select(piece => (0, piece.FirstLatent, (long)piece.FixedWeights.Columns)),
        .. base.Blocks().Skip(1),
    ];

    internal override MappingTerms Terms(IReadOnlyList<Tensor> inputs, bool training) => new(this, inputs, training);

    /// <summary>
    /// Whether the weights are generated layer by layer and forgotten (<see cref="MappingNetwork.Streamed"/>).
    /// </summary>
    public bool IsStreamed => streamed is not null;

    internal override IReadOnlyList<Tensor> CurrentWeights() => WeightsAt(Latent);

    internal override Tensor Outputs(IReadOnlyList<Tensor> inputs, bool training) => OutputsAt(Latent, inputs, State, training);

    internal override Func<IReadOnlyList<Tensor>, Tensor> Evaluator() =>
        streamed is null ? base.Evaluator() : inputs => Outputs(inputs, training: false);

    /// <summary>The outputs with the weights that the mapping generates at a latent.</summary>
    internal Tensor OutputsAt(Tensor at, IReadOnlyList<Tensor> inputs, NetworkState state, bool training)
    {
        if (streamed is null)
            return Target.Forward(inputs, WeightsAt(at), state, training);
        // Several threads may predict.
        lock (streamed.Gate)
        {
            streamed.Mask = PruningMask;
            return Target.Forward(inputs, new StreamedPass(streamed, TrainableScales is { } scales ? [at, scales] : [at]), state, training);
        }
    }

    /// <summary>
    /// z for one pass: a copy where the pass is fused, which keeps it; otherwise z itself, whose changes before the backward pass
    /// libtorch finds and refuses.
    /// </summary>
    internal Tensor LatentOfPass() => Generator(Latent) is null ? Latent : Latent.clone();

    /// <summary>The weights that the mapping generates at another latent.</summary>
    internal IReadOnlyList<Tensor> WeightsAt(Tensor at) => Masked((Generator(at), TrainableScales) switch
    {
        ({ } fused, null) => GenerationPass.Of(fused, at),
        ({ } fused, { } scales) => Target.AroundCenters([.. GenerationPass.Of(fused, at).Select((weight, index) => weight * scales[index])]),
        (null, { } scales) => Target.AroundCenters(mapping.Layout.Split(mapping.Generate(at, scales))),
        _ => Target.AroundCenters(mapping.Layout.Split(mapping.Generate(at))),
    });

    /// <inheritdoc/>
    internal override IReadOnlyList<Tensor> WeightsFrom(IReadOnlyList<Tensor> values, out string missing)
    {
        missing = "";
        return Target.AroundCenters(Mapping.Layout.Split(
            values.Count > 1 ? Mapping.Generate(values[0], values[1]) : Mapping.Generate(values[0])));
    }

    /// <inheritdoc/>
    internal override IReadOnlyList<TensorShift>? Shifts(out string missing)
    {
        var custom = Mapping.Specification.Modulations.FirstOrDefault(modulation => modulation.IsCustomModulation);
        missing = custom is null ? "" : $"nothing is known in closed form of the custom modulation '{Mapping.Pieces[0].ModulationName}'";
        if (custom is not null)
            return null;
        var shifts = TensorShiftModule.ofMapping(Mapping, Latent, TrainableScales);
        if (Target.Parameters.All(parameter => parameter.Center == 0))
            return shifts;
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        // Adding a center rounds relative to the sum, however little was generated.
        return [.. shifts.Zip(Target.Parameters, CurrentWeights()).Select(tensor => tensor.Second.Center == 0
            ? tensor.First
            : TensorShiftModule.sum(tensor.Third.to_type(ScalarType.Float64).norm().ToDouble(), tensor.First, TensorShiftModule.still))];
    }

    /// <inheritdoc/>
    internal override IEnumerable<(string Name, IReadOnlyList<int> Moved)> Movers() =>
        Mapping.Pieces.Select(piece => (piece.Name, piece.PlacesIn(Mapping.Layout)))
            .Concat(base.Movers().Skip(1));

    private WeightGenerator? Generator(Tensor at) => WeightGenerator.Fits(at) ? generator : null;

    /// <summary>
    /// Writes the adapter: seed, description of the mapping, latent, coefficients and format version, not one weight. 2,048
    /// latents take less than 10 KB. The file is written whole or not at all. Of a module with frozen parameters it names their SHA-256, and other
    /// ones are refused when it is loaded.
    /// </summary>
    /// <param name="path">The file, replaced where it exists; ".safetensors" is customary.</param>
    /// <param name="precision">How the latent is stored; loading gives what was stored, to the bit, and this model keeps its own.</param>
    /// <exception cref="IOException">It cannot be written; a file that was there before is intact.</exception>
    /// <exception cref="InvalidOperationException">The latent, a scale or a buffer is not finite or too large for the precision, or a gain or scale of the mapping beyond 1e-30 to 1e30, so that no one could load the file.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed, or its target, whose module has frozen parameters.</exception>
    public void SaveAdapter(string path, StoredPrecision precision = StoredPrecision.Single) => MappedAdapter.Save(this, path, precision);

    /// <summary>Writes the adapter as a folder with adapter_config.json and adapter_model.safetensors.</summary>
    /// <param name="folder">The folder, made where there is none; the two files in it are replaced.</param>
    /// <param name="precision">As for <see cref="SaveAdapter"/>.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="InvalidOperationException">As for <see cref="SaveAdapter"/>.</exception>
    /// <exception cref="ObjectDisposedException">As for <see cref="SaveAdapter"/>.</exception>
    public void SaveAdapterFolder(string folder, StoredPrecision precision = StoredPrecision.Single) =>
        MappedAdapter.SaveFolder(this, folder, precision);

    /// <summary>Reads an adapter and builds its model; the generated weights are the saved model's, bit for bit.</summary>
    /// <param name="path">The file, or the folder.</param>
    /// <param name="target">The network that the adapter was trained for.</param>
    /// <param name="device">Where the model lives; the CPU where none is given.</param>
    /// <param name="modulation">z to M(z), only for an adapter that was trained with a custom modulation.</param>
    /// <param name="limits">What the file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <param name="streamed">
    /// Whether weights are generated layer by layer and forgotten, as <see cref="MappingNetwork.Streamed"/> says, so that predicting takes
    /// the memory of the largest layer.
    /// </param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="CheckpointFormatException">
    /// The file is truncated or damaged, not an adapter, of another version, made for another target or a module with other frozen parameters, or
    /// beyond the limits; the message says which.
    /// </exception>
    /// <exception cref="IOException">It cannot be read; a <see cref="FileNotFoundException"/> where there is no such file.</exception>
    /// <exception cref="ArgumentException">
    /// A modulation was given that does not fit the target, or to an adapter that has no custom one; or the weights are to be streamed and
    /// cannot be.
    /// </exception>
    public static MappedModel LoadAdapter(
        string path, TargetNetwork target, Device? device = null, Func<Tensor, Tensor>? modulation = null, ReadLimits? limits = null, bool streamed = false)
    {
        ArgumentNullException.ThrowIfNull(target);
        return MappedAdapter.Load(path, target, modulation, device ?? CPU, limits ?? ReadLimits.Default, streamed);
    }

    /// <inheritdoc/>
    internal override StreamedWeights? LayerByLayer => streamed;

    private protected override void MoveConstants(Device to) => streamed?.MoveTo(to);

    private protected override void DisposeConstants()
    {
        owned?.Dispose();
        streamed?.Dispose();
        ((IDisposable)mapping).Dispose();
    }
}
