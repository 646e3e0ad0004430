using System.Text;
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
    private const string Prefix = "base_model.model.";
    private const string Ending = ".weight";
    private const string FactorA = ".lora_A";
    private const string FactorB = ".lora_B";
    private const string Owner = "a LoRA adapter of this network";

    /// <summary>A module of a target with the tensor that low rank changes, and its factors as PEFT lays them out.</summary>
    private readonly record struct Factors(string Module, ParameterSpecification Weight)
    {
        public long Inputs => Weight.Count / Weight.Shape[0];

        public string A => Prefix + Module + FactorA + Ending;

        public string B => Prefix + Module + FactorB + Ending;

        public long[] ShapeOfA(long rank) => [rank, .. Weight.Shape.Skip(1)];

        public long[] ShapeOfB(long rank) => [Weight.Shape[0], rank, .. Enumerable.Repeat(1L, Weight.Shape.Count - 2)];
    }

    /// <summary>Reads an adapter's description and trained parameters.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="target">The network that it is for.</param>
    /// <param name="limits">What the file may cost.</param>
    /// <returns>How the base is changed, and the values in the order of <see cref="WeightChange.ValuesOf"/>, in the caller's dispose scope.</returns>
    public static (FineTuningConfiguration Configuration, IReadOnlyList<Tensor> Values) Read(string folder, TargetNetwork target, ReadLimits limits)
    {
        var configuration = PeftConfiguration.Read(Path.Combine(folder, AdapterFolder.ConfigurationName));
        using var file = TensorFile.Read(Path.Combine(folder, AdapterFolder.ModelName), limits);
        var found = new List<(Factors Factors, int Rank, double Scale)>();
        var whole = new List<string>();
        foreach (var parameter in target.Parameters)
        {
            var module = parameter.Name.EndsWith(Ending, StringComparison.Ordinal) ? parameter.Name[..^Ending.Length] : null;
            if (file.Find(Prefix + parameter.Name) is not null)
                whole.Add(parameter.Name);
            else if (module is not null && file.Find(new Factors(module, parameter).A) is { } entry)
            {
                var rank = entry.Shape.Count > 0 ? entry.Shape[0] : 0;
                found.Add((new(module, parameter), checked((int)rank), configuration.Scale(module, rank)));
            }
        }

        StoredTensors.RefuseOthers(
            file,
            whole.Select(name => Prefix + name).Concat(found.SelectMany(piece => new[] { piece.Factors.A, piece.Factors.B })),
            Owner);
        if (found.Count + whole.Count == 0)
            throw new CheckpointFormatException(file.FileName, $"changes nothing of '{target.Name}': no tensor has the name of one of its modules.");
        return (Describe(found, whole), Values(file, target, found, whole));
    }

    /// <summary>Writes a model's adapter, or leaves the folder's files as they were.</summary>
    /// <exception cref="InvalidOperationException">The model's change is none that the format holds.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(string folder, FineTunedModel model)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        model.RequireAlive();
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        StoredTensors.RequireFinite(model.TrainableNames.Zip(model.Trainables, (name, values) => (name, (Tensor)values)));
        var (ranks, strength) = LowRankOf(model);
        var matrices = model.Target.Parameters.Where(parameter => parameter.Shape.Count > 1).ToDictionary(parameter => parameter.Name);
        var trained = model.TrainedTensors;
        var tensors = new List<(string, Tensor)>();
        foreach (var piece in ranks)
        {
            var weight = matrices[piece.Name];
            if (!piece.Name.EndsWith(Ending, StringComparison.Ordinal) || !weight.IsLinearMap)
                throw Refusal($"'{piece.Name}' is not the weight of a linear or convolutional layer");
            var factors = new Factors(piece.Name[..^Ending.Length], weight);
            tensors.Add((factors.A, trained[piece.Name + FactorA].reshape(factors.ShapeOfA(piece.Rank))));
            tensors.Add((factors.B, trained[piece.Name + FactorB].reshape(factors.ShapeOfB(piece.Rank))));
        }

        var saved = model.DirectlyTrained.Select(ModuleOf).Distinct().ToArray();
        var weights = model.Target.Parameters.Zip(model.CurrentWeights(), (parameter, values) => (parameter.Name, Values: values)).ToArray();
        // PEFT stores such modules whole.
        foreach (var (name, values) in weights.Where(weight => saved.Contains(ModuleOf(weight.Name))))
        {
            if (ranks.Any(piece => piece.Name == name))
                throw Refusal($"'{ModuleOf(name)}' has tensors of its own and factors, and PEFT's modules have one of the two");
            tensors.Add((Prefix + name, values));
        }

        var configuration = PeftConfiguration.Of(
            [.. ranks.Select(piece => (ModuleOf(piece.Name), piece.Rank))], [.. matrices.Keys.Select(ModuleOf)], saved, strength);
        AdapterFolder.CreateFolder(folder);
        using var file = new PendingFile(Path.Combine(folder, AdapterFolder.ModelName));
        file.Write(stream => SafetensorsFile.Write(stream, [.. tensors.Select(pair => (pair.Item1, pair.Item2.cpu()))], new Dictionary<string, string> { ["format"] = "pt" }));
        using var description = new PendingFile(Path.Combine(folder, AdapterFolder.ConfigurationName));
        description.Write(stream => stream.Write(Encoding.UTF8.GetBytes(configuration.ToJsonString(FileJson.Indented) + "\n")));
        file.Place();
        description.Place();
    }

    private static FineTuningConfiguration Describe(List<(Factors Factors, int Rank, double Scale)> found, List<string> whole) => new()
    {
        Head = whole,
        NewHead = whole,
        // One strength for all; where modules have scales of their own, B carries the rest.
        Parts = found.Count == 0 ? [] : [FineTuningPart.OfLowRank([.. found.Select(piece => (piece.Factors.Weight.Name, piece.Rank))], found[0].Scale)],
    };

    private static Tensor[] Values(
        TensorFile file, TargetNetwork target, List<(Factors Factors, int Rank, double Scale)> found, List<string> whole)
    {
        var values = new List<Tensor>();
        foreach (var (factors, rank, scale) in found)
        {
            values.Add(Numbers(file, factors.A, factors.ShapeOfA(rank)).reshape(rank, factors.Inputs));
            var second = Numbers(file, factors.B, factors.ShapeOfB(rank)).reshape(factors.Weight.Shape[0], rank);
            using var rest = (scale / found[0].Scale).ToScalar();
            values.Add(scale == found[0].Scale ? second : second.mul(rest));
        }

        return [.. values, .. whole.Select(name => Numbers(file, Prefix + name, target.Parameters.First(parameter => parameter.Name == name).Shape))];
    }

    // As StoredTensors.Numbers, for files in half precision too.
    private static Tensor Numbers(TensorFile file, string name, IReadOnlyList<long> shape)
    {
        if (file.Find(name) is not { } entry)
            throw new CheckpointFormatException(file.FileName, $"has no tensor '{name}', which belongs to another that it has.");
        if (!entry.Shape.SequenceEqual(shape) || entry.DType is not (ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16))
            throw new CheckpointFormatException(file.FileName, $"has the tensor {entry}; the network needs {ShapeText.Of(shape)}, F32, F16 or BF16.");
        return StoredTensors.Finite(file, name).to(ScalarType.Float32);
    }

    private static (IReadOnlyList<TensorRank> Ranks, double Strength) LowRankOf(FineTunedModel model)
    {
        if (model.PruningMask is not null)
            throw Refusal("its weights are pruned");
        foreach (var ((name, now), (_, then)) in model.Target.PersistentBuffers(model.State).Zip(model.Target.PersistentBuffers(model.Base.State)))
            if (!now.cpu().equal(then.cpu()).all().ToBoolean())
                throw Refusal($"the buffer '{name}' has moved, and an adapter of PEFT holds none. Train with TrainingOptions.FrozenStatistics");
        return model.Configuration.Parts switch
        {
            [{ Ranks: { } ranks, Strength: { } strength }] => (ranks, strength),
            _ => throw Refusal(
                $"its change is '{model.Method}', and PEFT's LoRA holds low rank and whole modules. FineTuning.LowRank builds that"),
        };
    }

    private static string ModuleOf(string tensor) => tensor.LastIndexOf('.') is > 0 and var dot ? tensor[..dot] : tensor;

    private static InvalidOperationException Refusal(string why) => new($"The model cannot be written as an adapter of PEFT: {why}.");
}
