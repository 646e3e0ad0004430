using System.Security.Cryptography;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Stress;

/// <summary>Operations that take numbers, again and again.</summary>
internal static class NumberLoop
{
    private const int Rounds = 500;

    /// <summary>Some hundred rounds of ten operations on 20,000 elements, each of which gives back what it got.</summary>
    /// <returns>SHA-256 of what the rounds gave, and their number.</returns>
    public static (string Digest, long Steps) Run()
    {
        using var noGradient = no_grad();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var start = full(20_000, 2f);
        for (var round = 0; round < Rounds; round++)
        {
            using var scope = NewDisposeScope();
            // 2 -> 1 -> 2.25 -> 2 -> 4 -> 4 -> 2
            var values = start.mul(0.5).add(1.25).sub(0.25).pow(2).clamp(0.5, 10.0).div(2.0);
            // 2 + 6 -> 8 -> 2; + 2 -> 4; + 1 -> 5
            values.add_(start, 3).mul_(0.25);
            values.addcmul_(start, start, 0.5).addcdiv_(start, start, 1.0);
            hash.AppendData(values.bytes);
        }

        return (Convert.ToHexString(hash.GetHashAndReset()), Rounds);
    }
}
