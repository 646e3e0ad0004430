using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace MappingNets.Experiments.Reproduce;

/// <summary>What tells data and networks of the user's disk apart whose names are the same.</summary>
internal static class Fingerprints
{
    /// <summary>So many hexadecimal digits are enough in a setting or a file's name.</summary>
    public const int Shown = 12;

    // A table asks for each run, and its data is the same for many.
    private static readonly ConditionalWeakTable<Dataset, string> OfSamples = [];
    private static readonly ConcurrentDictionary<string, string> OfFiles = new();

    /// <summary>SHA-256 over the samples, hexadecimal.</summary>
    /// <param name="data">The samples.</param>
    public static string Of(Dataset data) => OfSamples.GetValue(data, samples => samples.Fingerprint());

    /// <summary>SHA-256 over a file, hexadecimal.</summary>
    /// <param name="path">The file.</param>
    public static string OfFile(string path) => OfFiles.GetOrAdd(Path.GetFullPath(path), whole =>
    {
        using var file = File.OpenRead(whole);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    });

    /// <summary>SHA-256 over those of some files in their order, hexadecimal.</summary>
    /// <param name="paths">The files.</param>
    public static string OfAll(IEnumerable<string> paths) =>
        Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(string.Join('\n', paths.Select(OfFile)))));

    /// <summary>SHA-256 over the names and lengths of all files below a folder, hexadecimal.</summary>
    /// <param name="folder">The folder.</param>
    public static string OfNames(string folder) => Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(string.Join(
        '\n', new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories)
            .Select(file => FormattableString.Invariant($"{Path.GetRelativePath(folder, file.FullName)} {file.Length}")).Order(StringComparer.Ordinal)))));
}
