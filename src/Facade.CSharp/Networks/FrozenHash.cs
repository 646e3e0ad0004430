using static TorchSharp.torch;

namespace MappingNets;

/// <summary>What the parameters that a module's owner froze are, in short.</summary>
/// <param name="Sha256">Over their names and bits, in the order of the names; lower-case hexadecimal.</param>
/// <param name="Types">
/// Their element types by the names of safetensors, each once, in ordinal order with commas between them: "F32". Null where a file does not name them.
/// </param>
internal sealed record FrozenHash(string Sha256, string? Types)
{
    /// <summary>That of all frozen parameters of a module; null where there are none.</summary>
    public static FrozenHash? Of(IReadOnlyList<(string Name, Tensor Value)> frozen) => frozen.Count == 0 ? null : Over(frozen);

    /// <summary>That of one parameter, whatever it is called.</summary>
    public static FrozenHash Of(Tensor values) => Over([("", values)]);

    /// <summary>
    /// Whether only one of two networks has frozen parameters, or both have and they are others for certain. Of those in another type nothing can be
    /// said: a conversion rounds, and the bits differ even where it does not.
    /// </summary>
    public static bool Differ(FrozenHash? first, FrozenHash? second) =>
        first is null || second is null
            ? first != second
            : first.Sha256 != second.Sha256 && (first.Types is null || second.Types is null || first.Types == second.Types);

    private static FrozenHash Over(IReadOnlyList<(string Name, Tensor Value)> frozen)
    {
        var types = frozen.Select(pair => SafetensorsTypes.NameOf(pair.Value.dtype)).Distinct().Order(StringComparer.Ordinal);
        return new(TensorBytes.HashOfBits(frozen.OrderBy(pair => pair.Name, StringComparer.Ordinal)), string.Join(',', types));
    }
}
