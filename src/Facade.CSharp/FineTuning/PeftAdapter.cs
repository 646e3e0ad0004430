using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// LoRA adapters of PEFT, the library of Hugging Face: adapter_config.json beside adapter_model.safetensors. A module's weight W becomes
/// W + s B A with lora_A.weight (r, inputs...) and lora_B.weight (outputs, r), s = alpha / r; for a convolution A has the kernel's axes and B axes of
/// size 1. Modules that are stored whole (modules_to_save) are tensors that are trained themselves here.
/// </summary>
/// <remarks>Hu et al., LoRA, 2021; the files as PEFT's documentation describes its checkpoint format.</remarks>
internal static class PeftAdapter
{
    private const string Prefix = PeftModules.Prefix;
    private const string Ending = ".weight";
    private const string Bias = ".bias";
    private const string Wrapped = ".base_layer";
    private const string FactorA = ".lora_A";
    private const string FactorB = ".lora_B";
    private const string Owner = "a LoRA adapter of this network";

    // What to do instead, as the end of a refusal.
    private const string OtherWays =
        "SaveAdapter writes it for this library; Export writes the weights with the change in them, for PyTorch without PEFT";

    // In the model's metadata, which PEFT does not look at: what the configuration beside it must say, so that factors never meet another scale.
    private const string ScalesKey = "adapter_scales_sha256";

    /// <summary>A module of a target with the tensor that low rank changes, and its factors as PEFT lays them out.</summary>
    private readonly record struct Factors(string Module, ParameterSpecification Weight)
    {
        public long Outputs => Weight.Shape[0];

        public long Inputs => Weight.Count / Weight.Shape[0];

        public string A => Prefix + Module + FactorA + Ending;

        public string B => Prefix + Module + FactorB + Ending;

        public long[] ShapeOfA(long rank) => [rank, .. Weight.Shape.Skip(1)];

        public long[] ShapeOfB(long rank) => [Outputs, rank, .. Enumerable.Repeat(1L, Weight.Shape.Count - 2)];
    }

    /// <summary>The factors of a file.</summary>
    private readonly record struct Piece(Factors Factors, long Rank, double Scale)
    {
        /// <summary>The rank of the same product here, where no rank is above a matrix's smaller side.</summary>
        public int RankHere => (int)Math.Min(Rank, Math.Min(Factors.Outputs, Factors.Inputs));
    }

    /// <summary>A configuration, and the model that belongs to it.</summary>
    private sealed record Folder(PeftConfiguration Configuration, TensorFile File);

    /// <summary>What an adapter says.</summary>
    /// <param name="Configuration">How the base is changed.</param>
    /// <param name="Values">The values in the order of <see cref="WeightChange.ValuesOf"/>.</param>
    /// <param name="Buffers">The buffers of modules that are stored whole, by name.</param>
    internal sealed record Contents(
        FineTuningConfiguration Configuration, IReadOnlyList<Tensor> Values, IReadOnlyDictionary<string, Tensor> Buffers);

    /// <summary>Reads an adapter's description and trained parameters, with tensors in the caller's dispose scope.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="target">The network that it is for.</param>
    /// <param name="limits">What the file may cost.</param>
    /// <exception cref="CheckpointFormatException">It is damaged, or not for this network.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static Contents Read(string folder, TargetNetwork target, ReadLimits limits)
    {
        var (configuration, file) = AdapterFolder.Open(folder, path => TryOpen(path, limits));
        using var opened = file;
        var found = new List<Piece>();
        // A parameter's name here, and the tensor's in the file.
        var whole = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var parameter in target.Parameters)
        {
            var factors = new Factors(parameter.Name.EndsWith(Ending, StringComparison.Ordinal) ? parameter.Name[..^Ending.Length] : "", parameter);
            if (StoredName(file, parameter.Name) is { } stored)
                whole.Add(parameter.Name, stored);
            else if (factors.Module.Length > 0 && parameter.Shape.Count > 1 && file.Find(factors.A) is { } entry)
                found.Add(PieceOf(file, configuration, factors, entry));
        }

        string[] buffers = [.. target.Buffers.Where(buffer => buffer.IsPersistent && file.Find(Prefix + buffer.Name) is not null).Select(buffer => buffer.Name)];
        StoredTensors.RefuseOthers(
            file,
            [
                .. whole.Values, .. found.SelectMany(piece => new[] { piece.Factors.A, piece.Factors.B }), .. buffers.Select(name => Prefix + name),
                .. CopiesIn(file, target, whole),
            ],
            Owner);
        if (found.Count + whole.Count == 0)
            throw new CheckpointFormatException(file.FileName, $"changes nothing of '{target.Name}': no tensor has the name of one of its modules.");
        var description = Describe(found, [.. whole.Keys]);
        try
        {
            description.Check(target, limits);
        }
        catch (FormatException fault)
        {
            throw new CheckpointFormatException(file.FileName, $"does not fit '{target.Name}': {fault.Message}.", fault);
        }

        return new(
            description,
            [
                .. found.SelectMany(piece => Values(file, piece, found[0].Scale)),
                .. whole.Select(pair => Numbers(file, pair.Value, target.Layout.Find(pair.Key).Shape)),
            ],
            target.Buffers.Where(buffer => buffers.Contains(buffer.Name))
                .ToDictionary(buffer => buffer.Name, buffer => Numbers(file, Prefix + buffer.Name, buffer.Shape, buffer.Type), StringComparer.Ordinal));
    }

    /// <summary>Writes a model's adapter, or leaves the folder as it was.</summary>
    /// <param name="folder">The folder; made where there is none.</param>
    /// <param name="model">The model.</param>
    /// <param name="onStep">As for <see cref="AdapterFolder"/>.</param>
    /// <exception cref="InvalidOperationException">The model's change is none that the format holds.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed, or its target, whose module has frozen parameters.</exception>
    public static void Write(string folder, FineTunedModel model, Action<string>? onStep = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        model.RequireAlive();
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        StoredTensors.RequireFinite(model.TrainableNames.Zip(model.Trainables, (name, values) => (name, (Tensor)values)));
        var saved = PeftModules.Outermost(model.DirectlyTrained);
        AdapterContents.RequireReadable(model);
        var (ranks, strength) = LowRankOf(model, saved);
        var matrices = model.Target.Parameters.Where(parameter => parameter.Shape.Count > 1).ToDictionary(parameter => parameter.Name);
        var trained = model.TrainedTensors;
        var tensors = new List<(string Name, Tensor Values)>();
        foreach (var piece in ranks)
        {
            var weight = matrices[piece.Name];
            if (!piece.Name.EndsWith(Ending, StringComparison.Ordinal) || !weight.IsLinearMap)
                throw Refusal($"'{piece.Name}' is not the weight of a linear or convolutional layer with its outputs first");
            var factors = new Factors(piece.Name[..^Ending.Length], weight);
            if (PeftModules.Otherwise(weight) is { } otherwise)
                throw Refusal($"'{factors.Module}' {otherwise}. {OtherWays}");
            tensors.Add((factors.A, trained[piece.Name + FactorA].reshape(factors.ShapeOfA(piece.Rank))));
            tensors.Add((factors.B, trained[piece.Name + FactorB].reshape(factors.ShapeOfB(piece.Rank))));
        }

        (string Name, int Rank)[] adapted = [.. ranks.Select(piece => (PeftModules.Of(piece.Name), piece.Rank))];
        RequireSeparable(model, [.. model.DirectlyTrained, .. ranks.Select(piece => piece.Name)], saved);
        var modules = PeftModules.All(model.Target);
        // PEFT drops factors that find no place as it loads: the network would compute something else there, without an error.
        if (PeftModules.Misread(saved, [.. adapted.Select(module => module.Name)], modules) is { } why)
            throw Refusal($"{why}. {OtherWays}");
        // PEFT stores such modules whole, with the modules in them and with buffers, and reads none that lacks a tensor.
        var weights = model.Target.Parameters.Zip(model.CurrentWeights(), (parameter, values) => (parameter.Name, values));
        tensors.AddRange(weights.Concat(model.Target.PersistentBuffers(model.State)).Where(pair => IsSaved(saved, pair.Name))
            .Select(pair => (Prefix + pair.Name, pair.Item2)));

        var configuration = PeftConfiguration.Of(adapted, modules, saved, strength);
        AdapterFolder.Write(
            folder,
            [.. tensors.Select(pair => (pair.Name, pair.Values.cpu()))],
            new Dictionary<string, string> { ["format"] = "pt", [ScalesKey] = PeftConfiguration.HashOf(configuration) },
            AdapterFolder.Text(configuration),
            onStep);
    }

    // PEFT changes a module in the one place of its name, and puts a copy in the place of one that it stores whole, which must have all its tensors.
    private static void RequireSeparable(FineTunedModel model, IReadOnlyList<string> changed, IReadOnlyList<string> saved)
    {
        var ties = model.Target.OtherNames;
        if (ties.FirstOrDefault(tie => changed.Contains(tie.Value) || IsSaved(saved, tie.Value) || IsSaved(saved, tie.Key)) is { Key: { } other, Value: var first })
            throw Refusal($"'{first}' is used as '{other}' too, and PEFT would change it in one place only. {OtherWays}");
        if (model.Target.Frozen().FirstOrDefault(frozen => IsSaved(saved, frozen.Name)) is { Name: { } name })
            throw Refusal(
                $"'{name}' is frozen, and its module has tensors that are trained themselves: PEFT stores all of such a module, and what is frozen is no "
                + $"part of the adapter. {OtherWays}");
    }

    // What PEFT itself wrote says nothing of its configuration, and is taken with the one that is there.
    private static Folder? TryOpen(string folder, ReadLimits limits)
    {
        var path = Path.Combine(folder, AdapterFolder.ConfigurationName);
        var bytes = AdapterFolder.ReadConfiguration(path, limits);
        var configuration = PeftConfiguration.Read(path, bytes);
        var file = AdapterFolder.OpenModel(
            folder,
            model => TensorFile.Read(model, limits),
            model => !AdapterHeader.IsKnown(model.Metadata.GetValueOrDefault("format"))
                && (!model.Metadata.TryGetValue(ScalesKey, out var hash) || hash == configuration.ScalesHash));
        return file is null ? null : new(configuration, file);
    }

    // With bias "all" or "lora_only" PEFT stores the bias of a module that it wraps under the wrapped module's name.
    private static string? StoredName(TensorFile file, string parameter)
    {
        var wrapped = parameter.EndsWith(Bias, StringComparison.Ordinal) ? parameter[..^Bias.Length] + Wrapped + Bias : parameter;
        return new[] { Prefix + parameter, Prefix + wrapped }.FirstOrDefault(name => file.Find(name) is not null);
    }

    // With bias "all" most versions of PEFT store the biases of a saved module's two copies too. The base's is none of the adapter's business.
    private static List<string> CopiesIn(TensorFile file, TargetNetwork target, IReadOnlyDictionary<string, string> whole)
    {
        using var scope = NewDisposeScope();
        var stored = whole.ToLookup(pair => pair.Value, pair => pair.Key, StringComparer.Ordinal);
        var copies = new List<string>();
        foreach (var entry in file.Entries.Where(entry => !stored.Contains(entry.Name)))
            if (PeftModules.CopiedFrom(entry.Name, name => stored.Contains(name), out var isTrained) is { } original)
            {
                var shape = target.Layout.Find(stored[original].First()).Shape;
                if (isTrained && !Numbers(file, entry.Name, shape).equal(Numbers(file, original, shape)).all().ToBoolean())
                    throw new CheckpointFormatException(
                        file.FileName, $"has '{MessageText.Of(entry.Name)}', which should be '{MessageText.Of(original)}' once more and holds other numbers.");
                copies.Add(entry.Name);
            }

        return copies;
    }

    private static Piece PieceOf(TensorFile file, PeftConfiguration configuration, Factors factors, SafetensorsEntry entry)
    {
        if (factors.Weight.IsOtherMatrix)
            throw new CheckpointFormatException(
                file.FileName, $"has factors for '{factors.Module}', whose matrix has its inputs first here, or is scaled; PEFT's are for (outputs, inputs).");
        if (PeftModules.Otherwise(factors.Weight) is { } otherwise)
            throw new CheckpointFormatException(file.FileName, $"has factors for '{factors.Module}', which {otherwise}.");
        var rank = entry.Shape.Count > 0 ? entry.Shape[0] : 0;
        return new(factors, rank, configuration.Scale(factors.Module, rank));
    }

    private static FineTuningConfiguration Describe(IReadOnlyList<Piece> found, IReadOnlyList<string> whole) => new()
    {
        Head = whole,
        NewHead = whole,
        // One strength for all; where modules have scales of their own, B carries the rest.
        Parts = found.Count == 0
            ? []
            : [FineTuningPart.OfLowRank([.. found.Select(piece => (piece.Factors.Weight.Name, piece.RankHere))], found[0].Scale)],
    };

    // A and B as the model has them.
    private static Tensor[] Values(TensorFile file, Piece piece, double strength)
    {
        var factors = piece.Factors;
        var a = Numbers(file, factors.A, factors.ShapeOfA(piece.Rank)).reshape(piece.Rank, factors.Inputs);
        var b = Numbers(file, factors.B, factors.ShapeOfB(piece.Rank)).reshape(factors.Outputs, piece.Rank);
        // PEFT allows ranks above a matrix's smaller side. The product is then a factor itself, beside the identity.
        if (piece.RankHere < piece.Rank)
            (a, b) = factors.Outputs <= factors.Inputs
                ? (b.mm(a), eye(factors.Outputs, dtype: ScalarType.Float32, device: CPU))
                : (eye(factors.Inputs, dtype: ScalarType.Float32, device: CPU), b.mm(a));
        if (piece.Scale != strength)
        {
            using var rest = (piece.Scale / strength).ToScalar();
            b = b.mul(rest);
        }

        return FiniteNumbers.AllIn(a) && FiniteNumbers.AllIn(b)
            ? [a, b]
            : throw new CheckpointFormatException(
                file.FileName, $"changes '{MessageText.Of(factors.Module)}' by numbers that single precision cannot hold.");
    }

    // As StoredTensors.Numbers, for files in half precision too.
    private static Tensor Numbers(TensorFile file, string name, IReadOnlyList<long> shape, ScalarType type = ScalarType.Float32)
    {
        if (file.Find(name) is not { } entry)
            throw new CheckpointFormatException(file.FileName, $"has no tensor '{name}', which belongs to another that it has.");
        var isFloat = FloatTypes.Contains(type);
        if (!entry.Shape.SequenceEqual(shape)
            || !(isFloat ? entry.DType is ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16 : entry.DType == type))
            throw new CheckpointFormatException(
                file.FileName,
                $"has the tensor {entry}; the network needs {ShapeText.Of(shape)}, {(isFloat ? "F32, F16 or BF16" : SafetensorsTypes.NameOf(type))}.");
        var values = StoredTensors.Finite(file, name);
        return isFloat ? values.to(ScalarType.Float32) : values;
    }

    private static (IReadOnlyList<TensorRank> Ranks, double Strength) LowRankOf(FineTunedModel model, IReadOnlyList<string> saved)
    {
        if (model.PruningMask is not null)
            throw Refusal("its weights are pruned");
        foreach (var ((name, now), (_, then)) in model.Target.PersistentBuffers(model.State).Zip(model.Target.PersistentBuffers(model.Base.State)))
            if (!IsSaved(saved, name) && !now.cpu().equal(then.cpu()).all().ToBoolean())
                throw Refusal(
                    $"the buffer '{name}' has moved, and an adapter of PEFT holds none but those of modules that are stored whole. "
                    + "Train with TrainingOptions.FrozenStatistics");
        return model.Configuration.Parts switch
        {
            [{ Ranks: { } ranks, Strength: { } strength }] => (ranks, strength),
            _ => throw Refusal(
                $"its change is '{model.Method}', and PEFT's LoRA holds low rank, and whole modules only beside it. FineTuning.LowRank, alone or with "
                + "WholeWeights or a new head for other modules, builds that"),
        };
    }

    private static bool IsSaved(IReadOnlyList<string> saved, string tensor) => saved.Any(module => PeftModules.Holds(module, tensor));

    private static InvalidOperationException Refusal(string why) => new($"The model cannot be written as an adapter of PEFT: {why}.");
}
