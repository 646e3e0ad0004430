using System.Security.Cryptography;

namespace MappingNets.Experiments.Stress;

/// <summary>Tells the bits of two models' weights apart.</summary>
internal static class WeightDigest
{
    /// <summary>SHA-256 of a model's export.</summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">A folder for the file.</param>
    public static string Of(Model model, string folder)
    {
        var path = Path.Combine(folder, "weights.safetensors");
        model.Export(path);
        return Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));
    }
}
