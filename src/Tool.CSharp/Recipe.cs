using System.Text.Json;
using System.Text.Json.Serialization;

namespace MappingNets.Tool;

/// <summary>What belongs to an adapter and is not in it: the network, its pretrained weights, and the samples' shape and classes.</summary>
/// <param name="Network">As on the command line.</param>
/// <param name="Base">The file of pretrained weights; null where there is none.</param>
/// <param name="Data">The data, as on the command line.</param>
/// <param name="InputShape">A sample's shape.</param>
/// <param name="ClassNames">The classes, by number.</param>
internal sealed record Recipe(
    [property: JsonRequired] string Network, string? Base, [property: JsonRequired] string Data, [property: JsonRequired] long[] InputShape,
    [property: JsonRequired] string[] ClassNames)
{
    /// <summary>The names of the features in order, of a CSV file; null of other data, and in descriptions of earlier builds.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string[]? Features { get; init; }

    /// <summary>What the adapter was trained on, where the command line names other data to judge by.</summary>
    [JsonIgnore]
    public string? TrainedOn { get; init; }

    /// <summary>The mean and the deviation of pictures, from 0 to 1: those of the training, whatever is judged.</summary>
    [JsonIgnore]
    public (double Mean, double Deviation) Scale => DataSource.ScaleOf(TrainedOn ?? Data);

    private static readonly JsonSerializerOptions Form = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
    };

    private const string Ending = ".safetensors";

    /// <summary>
    /// The file beside an adapter. No other ending than .safetensors is left out, so that lr0.05 and lr0.1 have descriptions of their own, and a
    /// folder shares that of the file which it was converted from.
    /// </summary>
    public static string FileOf(string adapter)
    {
        var name = adapter.TrimEnd('/', '\\');
        return (name.EndsWith(Ending, StringComparison.OrdinalIgnoreCase) ? name[..^Ending.Length] : name) + ".json";
    }

    /// <summary>Refuses to write the description of an adapter over a file that is none.</summary>
    /// <exception cref="ArgumentException">There is such a file.</exception>
    public static void RequireReplaceable(string adapter)
    {
        var path = FileOf(adapter);
        if (File.Exists(path))
            try
            {
                _ = Read(path);
            }
            catch (InvalidDataException fault)
            {
                throw new ArgumentException(
                    $"'{path}' is no description that train wrote, and that of '{adapter}' would overwrite it; give the adapter another name, or move that file.",
                    fault);
            }
    }

    public void Save(string adapter) => AtomicFile.WriteAllText(FileOf(adapter), JsonSerializer.Serialize(this, Form) + "\n");

    /// <summary>What stands beside an adapter, with what the command line names in its place.</summary>
    /// <exception cref="ArgumentException">
    /// Nothing stands there, and the command line does not name all; or it names pictures of another form, or weights that the adapter does not change.
    /// </exception>
    public static Recipe Of(string adapter, string? network, string? weights, string? data, int? side, bool isGrey)
    {
        var path = FileOf(adapter);
        var beside = File.Exists(path) ? Read(path) : null;
        if (beside is null && (network is null || data is null))
            throw new ArgumentException($"There is no '{path}', which train writes beside an adapter; name the network and the data with --network and --data.");
        if (weights is not null && AdapterHeader.Mapped.IsOf(adapter, ReadLimits.Default))
            throw new ArgumentException($"--base '{weights}' goes with adapters that change pretrained weights; '{adapter}' was trained from nothing. Leave it out.");
        if (beside is null)
        {
            using var samples = DataSource.Open(data!, side, isGrey, isTest: true);
            return new(network!, weights, data!, [.. samples.InputShape], [.. samples.ClassNames]);
        }

        DataSource.RequireForm(beside.InputShape, side, isGrey, $"'{path}': the adapter was trained on samples of");
        return beside with { Network = network ?? beside.Network, Base = weights ?? beside.Base, Data = data ?? beside.Data, TrainedOn = beside.Data };
    }

    /// <summary>Whether the data have a part that nothing is trained on.</summary>
    public bool HasTestPart => Data.Split(':')[0] is "fashion-mnist" or "mnist";

    /// <summary>The samples to judge by, with the adapter's classes.</summary>
    /// <exception cref="ArgumentException">They have other classes, or other features.</exception>
    public Dataset OpenData()
    {
        // Only the pictures of folders are made to fit; of other data the model says itself that it takes another shape.
        var isFitted = Data.StartsWith("images:", StringComparison.Ordinal) && InputShape.Length == 3;
        if (Features is { } wanted && DataSource.FeaturesOf(Data) is { } found && !found.SequenceEqual(wanted))
            throw new ArgumentException(
                $"'{MessageText.Of(Data)}' has the features {MessageText.Names(found)}; the adapter was trained on {MessageText.Names(wanted)}, in this order.");
        var data = DataSource.Open(Data, isFitted ? (int)InputShape[^1] : null, isFitted && InputShape[0] == 1, isTest: true, ClassNames, Scale);
        if (data.ClassNames.SequenceEqual(ClassNames))
            return data;
        data.Dispose();
        throw new ArgumentException(
            $"'{MessageText.Of(Data)}' has the classes {MessageText.Names(data.ClassNames)}; the adapter was trained for {MessageText.Names(ClassNames)}.");
    }

    private static Recipe Read(string path)
    {
        try
        {
            using var reader = new StreamReader(InputFile.Open(path));
            var read = JsonSerializer.Deserialize<Recipe>(reader.ReadToEnd(), Form) ?? throw new JsonException("It is null.");
            // The serializer looks at the lists, but not at what is in them.
            if (read.InputShape.Any(size => size is < 1 or > int.MaxValue))
                throw new JsonException($"The inputShape is ({string.Join(", ", read.InputShape)}); each size is 1 at least, and an int.");
            return Array.FindIndex(read.ClassNames, name => name is null) is >= 0 and var place
                ? throw new JsonException($"The class {place} of classNames is null; each has a name.")
                : read;
        }
        catch (JsonException fault)
        {
            throw new InvalidDataException($"'{path}' is no description of an adapter: {MessageText.Of(fault.Message)}", fault);
        }
    }

    /// <summary>The network with the adapter in it.</summary>
    public LoadedModel Load(string adapter)
    {
        var network = NetworkSource.Open(Network, InputShape, ClassNames.Length);
        if (AdapterHeader.Mapped.IsOf(adapter, ReadLimits.Default))
            return new(MappedModel.LoadAdapter(adapter, network), null);
        var weights = NetworkSource.Weights(network, Base)
            ?? throw new ArgumentException($"'{adapter}' changes pretrained weights; name their file with --base.");
        try
        {
            return new(FineTunedModel.LoadAdapter(adapter, network, weights), weights);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }
}

/// <summary>A model and the weights that it stands on.</summary>
internal sealed record LoadedModel(Model Model, PretrainedWeights? Weights) : IDisposable
{
    public void Dispose()
    {
        Model.Dispose();
        Weights?.Dispose();
    }
}
