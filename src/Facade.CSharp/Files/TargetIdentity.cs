using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using MappingNets.Core;

namespace MappingNets;

/// <summary>What a file records about the network it belongs to.</summary>
/// <param name="Name">The network's name in messages; another name alone is no other network.</param>
/// <param name="Parameters">P, its number of weights.</param>
/// <param name="Fingerprint">SHA-256 over the names and shapes of its weights, hexadecimal.</param>
internal sealed record TargetIdentity(string Name, long Parameters, string Fingerprint)
{
    /// <summary>The keys of the metadata.</summary>
    public const string NameKey = "target";
    public const string ParametersKey = "target_parameters";
    public const string FingerprintKey = "target_fingerprint";

    public static TargetIdentity Of(string name, ParameterLayout layout) => new(name, layout.Count, FingerprintOf(layout));

    public static string FingerprintOf(ParameterLayout layout) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(layout.Signature)));

    public IEnumerable<KeyValuePair<string, string>> Metadata() =>
    [
        KeyValuePair.Create(NameKey, Name),
        KeyValuePair.Create(ParametersKey, Parameters.ToString(CultureInfo.InvariantCulture)),
        KeyValuePair.Create(FingerprintKey, Fingerprint),
    ];
}
