using System.Text.Json;
using MappingNets.Core;

namespace MappingNets;

/// <summary>
/// The fan-ins and centers that follow from the names and shapes of a module of PyTorch, and what an adapter states where a network has
/// others: a reader that does not know the network could make other weights of the file and not notice.
/// </summary>
internal static class PyTorchRule
{
    /// <summary>The key of the metadata with the fan-ins that do not follow: a JSON object, numbers by name.</summary>
    public const string FanInsKey = "fan_ins";

    /// <summary>The same for the centers.</summary>
    public const string CentersKey = "centers";

    /// <summary>A name up to the last point; a name without one is its own layer.</summary>
    public static string LayerOf(string name) => name.LastIndexOf('.') is >= 0 and var dot ? name[..dot] : name;

    /// <summary>The number of inputs that feed an output: a matrix's row, and for a vector the row of its layer's matrix.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="tensors">It and all others.</param>
    public static long FanIn(string name, IReadOnlyList<(string Name, long[] Shape)> tensors)
    {
        var shape = tensors.Single(tensor => tensor.Name == name).Shape;
        if (shape.Length < 2)
            shape = tensors.Where(tensor => LayerOf(tensor.Name) == LayerOf(name) && tensor.Shape.Length >= 2).Select(tensor => tensor.Shape).FirstOrDefault()
                ?? [1, .. shape];
        return Math.Max(1, ShapeText.Product(shape.Skip(1)));
    }

    /// <summary>
    /// 1 for a vector called "weight", which scales what a normalisation puts out: a network whose scales start around 0 would be silent. The
    /// one exception among PyTorch's layers, the slopes of PReLU, then start as the identity.
    /// </summary>
    public static double Center(string name, int dimensions) =>
        dimensions == 1 && (name == "weight" || name.EndsWith(".weight", StringComparison.Ordinal)) ? 1 : 0;

    /// <summary>Adds to the metadata what does not follow from the rule; readers who know the network may ignore it.</summary>
    /// <param name="metadata">The metadata of a file to write.</param>
    /// <param name="layout">The network's tensors.</param>
    /// <param name="centers">Their centers.</param>
    public static void StateOthers(Dictionary<string, string> metadata, ParameterLayout layout, IEnumerable<double> centers)
    {
        (string Name, long[] Shape)[] tensors = [.. layout.Entries.Select(entry => (entry.Name, entry.Shape))];
        var stated = new List<string>();
        void State<T>(string key, IEnumerable<KeyValuePair<string, T>> numbers)
        {
            var byName = numbers.ToDictionary(StringComparer.Ordinal);
            if (byName.Count == 0)
                return;
            metadata[key] = JsonSerializer.Serialize(byName, FileJson.Strict);
            stated.Add(key);
        }

        State(FanInsKey, layout.Entries.Where(entry => entry.FanIn != FanIn(entry.Name, tensors)).Select(entry => KeyValuePair.Create(entry.Name, entry.FanIn)));
        State(CentersKey, layout.Entries.Zip(centers).Where(pair => pair.Second != Center(pair.First.Name, pair.First.Shape.Length))
            .Select(pair => KeyValuePair.Create(pair.First.Name, pair.Second)));
        if (stated.Count > 0)
            metadata[AdapterHeader.OptionalKey] = JsonSerializer.Serialize(stated, FileJson.Strict);
    }

    /// <summary>
    /// Holds a network to what a file states. A file of an earlier build states nothing, and one of this build nothing where all follows
    /// from the rule; the two cannot be told apart.
    /// </summary>
    /// <param name="file">The file.</param>
    /// <param name="layout">As for <see cref="StateOthers"/>.</param>
    /// <param name="centers">As for <see cref="StateOthers"/>.</param>
    /// <exception cref="CheckpointFormatException">A tensor has another fan-in or center there, so that the same latent would make other weights.</exception>
    public static void RequireStated(TensorFile file, ParameterLayout layout, IEnumerable<double> centers)
    {
        if (!file.Metadata.ContainsKey(FanInsKey) && !file.Metadata.ContainsKey(CentersKey))
            return;
        (string Name, long[] Shape)[] tensors = [.. layout.Entries.Select(entry => (entry.Name, entry.Shape))];
        var (fanIns, ofCenters) = (Stated(file, FanInsKey), Stated(file, CentersKey));
        foreach (var (entry, center) in layout.Entries.Zip(centers))
        {
            Hold("fan-in", entry.Name, fanIns.GetValueOrDefault(entry.Name, FanIn(entry.Name, tensors)), entry.FanIn);
            Hold("center", entry.Name, ofCenters.GetValueOrDefault(entry.Name, Center(entry.Name, entry.Shape.Length)), center);
        }

        void Hold(string what, string name, double there, double here)
        {
            if (there != here)
                throw new CheckpointFormatException(
                    file.FileName, FormattableString.Invariant($"was made for a network whose '{name}' has the {what} {there}; in this network it is {here}, and the weights would be others."));
        }
    }

    private static Dictionary<string, double> Stated(TensorFile file, string key)
    {
        try
        {
            return file.Metadata.TryGetValue(key, out var text) ? JsonSerializer.Deserialize<Dictionary<string, double>>(text, FileJson.Strict) ?? [] : [];
        }
        catch (JsonException fault)
        {
            throw new CheckpointFormatException(file.FileName, $"has damaged {key}: {MessageText.Of(fault.Message)}", fault);
        }
    }
}
